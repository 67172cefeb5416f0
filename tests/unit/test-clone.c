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
} rows[] = {
	{ { "repo", "clone", "o/r" }, { NULL }, "git clone https://github.com/o/r.git" },
	{ { "repo", "clone", "o/r", "d" }, { NULL }, "git clone https://github.com/o/r.git d" },
	{ { "repo", "clone", "o/r", "d", "--", "--depth", "1" },
	  { NULL },
	  "git clone --depth 1 https://github.com/o/r.git d" },
	{ { "repo", "clone", "-u", "up", "o/r" },
	  { NULL },
	  "git clone https://github.com/o/r.git" },
	{ { "repo", "clone", "https://h/o/r" }, { NULL }, "git clone https://h/o/r" },
	{ { "repo", "clone", "o/r" },
	  { "GITHUB_SERVER_URL=https://x.ghe.com" },
	  "git clone https://x.ghe.com/o/r.git" },
	{ { "repo", "clone", "o/r" },
	  { "GITHUB_SERVER_URL=ext::sh" },
	  "git clone https://github.com/o/r.git" },
	{ { "repo", "clone" }, { NULL }, "repo clone '': must name the repository as OWNER/REPO" },
	{ { "repo", "clone", "r" },
	  { NULL },
	  "repo clone 'r': must name the repository as OWNER/REPO" },
	{ { "repo", "clone", "o/r", "--depth", "1" },
	  { NULL },
	  "repo clone '--depth': is no flag of gh's; flags of git follow after --" },
	{ { "repo", "clone", "o/r", "d", "e" },
	  { NULL },
	  "repo clone 'e': is one argument too many" },
};

static void test_argv(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ char **argv = NULL;
		_cleanup_strbuf_ struct strbuf text = { 0 };
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *said = NULL;

		assert_true(clone_is_wanted((char *const *)rows[i].args));
		if (clone_argv((char *const *)rows[i].args, (char *const *)rows[i].env, &argv, &e) <
		    0)
			said = err_text(&e);
		for (size_t k = 0; argv && argv[k]; k++)
			strbuf_appendf(&text, "%s%s", k ? " " : "", argv[k]);
		assert_same_text(said ? said : text.data, rows[i].git);
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
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_other),
	};

	return RUN_TESTS("clone", tests);
}
