#include "tests/unit/check.h"

#include "common/cleanup.h"
#include "containers/cli-proxy/gh-rules.h"

#define ARGS_MAX 8

static const char *const permitted[][ARGS_MAX] = {
	{ NULL },
	{ "--version" },
	{ "--help" },
	{ "api", "rate_limit" },
	{ "api", "repos/o/r/issues", "-F", "k=@-" },
	{ "api", "graphql", "-f", "query={ resource(url: \"https://github.com/o/r\") { id } }" },
	{ "api", "x", "-fbody=see https://example.org" },
	{ "api", "x", "--raw-field", "u=https://example.org" },
	{ "api", "x", "--raw-field=u=https://example.org" },
	{ "issue", "list", "-R", "o/r" },
	{ "issue", "list", "-Ro/r" },
	{ "issue", "list", "-R=o/r" },
	{ "issue", "list", "--repo", "o/r" },
	{ "issue", "list", "--repo=my-org/my.repo_1" },
	{ "issue", "-R", "o/r", "view", "1" },
	{ "issue", "create", "-t", "see https://example.org", "-b", "and https://example.org" },
	{ "issue", "create", "--title", "--hostname", "--body=-- https://example.org" },
	{ "issue", "comment", "1", "--body-file", "-" },
	{ "pr", "list", "-S", "https://example.org in:body" },
	{ "pr", "create", "-bReleases", "-tR" },
	{ "release", "view", "v1", "-R", "o/r" },
	{ "run", "list", "-L", "5" },
	{ "search", "issues", "crash", "--repo", "o/r" },
	{ "status" },
	{ "workflow", "run", "ci.yml", "-f", "u=https://example.org" },
	{ "label", "list" },
	{ "repo", "view", "o/r" },
};

static const struct {
	const char *args[ARGS_MAX];
	const char *reason;
} denied[] = {
	{ { "alias", "list" }, "Subcommand 'alias' is not permitted" },
	{ { "auth", "token" }, "Subcommand 'auth' is not permitted" },
	{ { "browse" }, "Subcommand 'browse' is not permitted" },
	{ { "co", "1" }, "Subcommand 'co' is not permitted" },
	{ { "codespace", "ssh" }, "Subcommand 'codespace' is not permitted" },
	{ { "completion" }, "Subcommand 'completion' is not permitted" },
	{ { "config", "set", "pager", "sh" }, "Subcommand 'config' is not permitted" },
	{ { "cs", "ssh" }, "Subcommand 'cs' is not permitted" },
	{ { "ext", "install", "o/r" }, "Subcommand 'ext' is not permitted" },
	{ { "extension", "list" }, "Subcommand 'extension' is not permitted" },
	{ { "extensions", "exec", "x" }, "Subcommand 'extensions' is not permitted" },
	{ { "gist", "create", "/etc/passwd" }, "Subcommand 'gist' is not permitted" },
	{ { "gpg-key", "add" }, "Subcommand 'gpg-key' is not permitted" },
	{ { "secret", "list" }, "Subcommand 'secret' is not permitted" },
	{ { "ssh-key", "add" }, "Subcommand 'ssh-key' is not permitted" },
	{ { "__complete", "" }, "Subcommand '__complete' is not permitted" },
	{ { "" }, "Subcommand '' is not permitted" },
	{ { "API" }, "Subcommand 'API' is not permitted" },
	{ { "api " }, "Subcommand 'api ' is not permitted" },
	{ { "-h" }, "Subcommand '-h' is not permitted" },
	{ { "--", "auth" }, "Subcommand '--' is not permitted" },
	{ { "--help=true" }, "Subcommand '--help=true' is not permitted" },
	{ { "-R", "o/r", "auth" }, "Subcommand '-R' is not permitted" },
	{ { "--help", "auth", "token" }, "'--help' must stand alone" },
	{ { "--version", "--help" }, "'--version' must stand alone" },
	{ { "api", "--hostname", "github.com", "user" }, "Flag '--hostname' is not permitted" },
	{ { "api", "user", "--hostname=github.com" }, "Flag '--hostname' is not permitted" },
	{ { "api", "--unknown", "--hostname", "h" }, "Flag '--hostname' is not permitted" },
	{ { "repo", "view", "--", "o/r" }, "A bare '--' is not permitted" },
	{ { "api", "https://example.org/x" },
	  "The URL 'https://example.org/x' is not permitted: name a number, OWNER/REPO or path" },
	{ { "issue", "view", "https://github.com/o/r/issues/1" },
	  "The URL 'https://github.com/o/r/issues/1' is not permitted: name a number, OWNER/REPO or path" },
	{ { "pr", "view", "--comments", "http://h/o/r/pull/1" },
	  "The URL 'http://h/o/r/pull/1' is not permitted: name a number, OWNER/REPO or path" },
	{ { "pr", "review", "--comment", "http://h/o/r/pull/1" },
	  "The URL 'http://h/o/r/pull/1' is not permitted: name a number, OWNER/REPO or path" },
	{ { "pr", "view", "-Lt", "http://h/o/r/pull/1" },
	  "The URL 'http://h/o/r/pull/1' is not permitted: name a number, OWNER/REPO or path" },
	{ { "label", "create", "-f", "http://h/" },
	  "The URL 'http://h/' is not permitted: name a number, OWNER/REPO or path" },
	{ { "pr", "list", "-R", "github.com/o/r" },
	  "Repository 'github.com/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "--repo", "localhost:18443/o/r" },
	  "Repository 'localhost:18443/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "--repo=https://github.com/o/r" },
	  "Repository 'https://github.com/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-Rgithub.com/o/r" },
	  "Repository 'github.com/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-dR=h/o/r" },
	  "Repository 'h/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-dR", "h/o/r" },
	  "Repository 'h/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-R", "" }, "Repository '' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-R" }, "-R needs a repository, as OWNER/REPO" },
	{ { "pr", "list", "--repo", "o/r\n" },
	  "Repository 'o/r\n' is not permitted: name it as OWNER/REPO" },
};

static const struct {
	const char *text;
	bool valid;
} repositories[] = {
	{ "o/r", true },         { "My-Org/My.Repo_1-x", true },
	{ "o/.github", true },   { "", false },
	{ "o", false },          { "o/", false },
	{ "/r", false },         { "h/o/r", false },
	{ "o/r/", false },       { "o_o/r", false },
	{ "o.o/r", false },      { "o/r ", false },
	{ " o/r", false },       { "o/r\n", false },
	{ "o/\xc3\xa9", false }, { "o:p/r", false },
	{ "o/r@h", false },      { "o/r:1", false },
};

static void test_permitted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(permitted); i++) {
		_cleanup_err_ struct err e = { 0 };

		if (gh_rules_check((char *const *)permitted[i], &e) < 0)
			fail_msg("row %zu: %s", i, e.message);
	}
}

static void test_denied(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		_cleanup_err_ struct err e = { 0 };

		if (gh_rules_check((char *const *)denied[i].args, &e) == 0)
			fail_msg("permitted, but: %s", denied[i].reason);
		assert_string_equal(e.message, denied[i].reason);
		assert_int_equal(e.status, 403);
	}
}

static void test_repositories(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(repositories); i++)
		if (gh_rules_is_repository(repositories[i].text) != repositories[i].valid)
			fail_msg("'%s'", repositories[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permitted),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_repositories),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
