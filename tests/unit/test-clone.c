/* `gh repo clone` in the agent: what git is asked to do. */
#include "tests/unit/check.h"

#include "common/cleanup.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "containers/agent/clone.h"

static const struct {
	const char *args[8];
	const char *env[2];
	const char *git; /* what git gets, or else why not */
	const char *host;
} rows[] = {
	{ { "repo", "clone", "o/r" },
	  { NULL },
	  "git clone https://github.com/o/r.git",
	  "github.com" },
	{ { "repo", "clone", "o/r", "d" },
	  { NULL },
	  "git clone https://github.com/o/r.git d",
	  "github.com" },
	{ { "repo", "clone", "o/r", "d", "--", "--depth", "1" },
	  { NULL },
	  "git clone --depth 1 https://github.com/o/r.git d",
	  "github.com" },
	{ { "repo", "clone", "-u", "up", "o/r" },
	  { NULL },
	  "git clone https://github.com/o/r.git",
	  "github.com" },
	{ { "repo", "clone", "https://h/o/r" }, { NULL }, "git clone https://h/o/r", "h" },
	{ { "repo", "clone", "https://u:p@h:8443?x@y" },
	  { NULL },
	  "git clone https://u:p@h:8443?x@y",
	  "h" },
	{ { "repo", "clone", "o/r" },
	  { "GITHUB_SERVER_URL=https://x.ghe.com" },
	  "git clone https://x.ghe.com/o/r.git",
	  "x.ghe.com" },
	{ { "repo", "clone", "o/r" },
	  { "GITHUB_SERVER_URL=ext::sh" },
	  "git clone https://github.com/o/r.git",
	  "github.com" },
	{ { "repo", "clone" },
	  { NULL },
	  "repo clone '': must name the repository as OWNER/REPO",
	  NULL },
	{ { "repo", "clone", "r" },
	  { NULL },
	  "repo clone 'r': must name the repository as OWNER/REPO",
	  NULL },
	{ { "repo", "clone", "o/r", "--depth", "1" },
	  { NULL },
	  "repo clone '--depth': is no flag of gh's; flags of git follow after --",
	  NULL },
	{ { "repo", "clone", "o/r", "d", "e" },
	  { NULL },
	  "repo clone 'e': is one argument too many",
	  NULL },
};

static void test_read(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(clone_clear) struct clone c = { 0 };
		_cleanup_strbuf_ struct strbuf text = { 0 };
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *said = NULL;

		assert_true(clone_is_wanted((char *const *)rows[i].args));
		if (clone_read((char *const *)rows[i].args, (char *const *)rows[i].env, &c, &e) < 0)
			said = err_text(&e);
		for (size_t k = 0; c.argv && c.argv[k]; k++)
			strbuf_appendf(&text, "%s%s", k ? " " : "", c.argv[k]);
		assert_same_text(said ? said : text.data, rows[i].git);
		assert_same_text(c.host, rows[i].host);
	}
}

static void test_other(void **state _unused_)
{
	static const char *const others[][3] = {
		{ NULL }, { "repo" }, { "repo", "view" }, { "clone" }
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(clone_is_wanted((char *const *)others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_other),
	};

	return RUN_TESTS("clone", tests);
}
