/* Which calls of gh are run: how they are spelled, and what their values may be. */
#include "tests/unit/check.h"

#include "common/cleanup.h"
#include "containers/cli-proxy/gh-rules.h"

#define ARGS_MAX 10

static const char *const permitted[][ARGS_MAX] = {
	{ NULL },
	{ "--version" },
	{ "--help" },
	{ "issue" },
	{ "issue", "--help" },
	{ "issue", "-h" },
	{ "pr", "view", "--help" },
	{ "repo", "edit", "o/r", "-h", "https://example.org" },
	{ "api", "rate_limit" },
	{ "api", "/rate_limit" },
	{ "api", "repos/{owner}/{repo}/issues?q=a@b:c//d" },
	{ "api", "repos/o/r/contents/a%20b" },
	{ "api", "repos/o/r/git/ref/..x/x..y" },
	{ "api", "repos/o/r/issues", "-F", "k=@-" },
	{ "api", "graphql", "-f", "query={ resource(url: \"https://github.com/o/r\") { id } }" },
	{ "api", "x", "-fbody=see https://example.org" },
	{ "api", "x", "--raw-field", "u=https://example.org" },
	{ "api", "x", "--raw-field=u=https://example.org" },
	{ "api", "x", "-X", "patch", "-H", "Accept: application/vnd.github.raw", "-iq.env" },
	{ "api", "x", "-q", "{env: .environment, env_x, \"env\"}", "--paginate=true" },
	{ "api", "x", "--input", "-" },
	{ "issue", "ls", "-R", "o/r" },
	{ "issue", "list", "-Ro/r" },
	{ "issue", "list", "-R=o/r" },
	{ "issue", "list", "--repo", "o/r" },
	{ "issue", "list", "--repo=my-org/my.repo_1" },
	{ "issue", "create", "-t", "see https://example.org", "-b", "and https://example.org" },
	{ "issue", "create", "--title", "--hostname", "--body=-- https://example.org" },
	{ "issue", "comment", "1", "--body-file", "-" },
	{ "issue", "transfer", "1", "o/r" },
	{ "pr", "list", "-S", "https://example.org in:body" },
	{ "pr", "list", "-dL", "5" },
	{ "pr", "create", "-bReleases", "-tR", "--head", "b" },
	{ "pr", "merge", "1", "-sd" },
	{ "release", "view", "v1", "-R", "o/r" },
	{ "release", "upload", "v1", "a", "b#label", "--clobber" },
	{ "run", "list", "-L", "5" },
	{ "search", "issues", "crash", "https://example.org", "--repo", "o/r" },
	{ "status" },
	{ "workflow", "run", "ci.yml", "-f", "u=https://example.org" },
	{ "label", "list" },
	{ "label", "delete", "kind/..bug: 100%", "--yes" },
	{ "label", "create", "../x" },
	{ "pr", "view", "feature/.x" },
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
	{ { "help", "auth" }, "Subcommand 'help' is not permitted" },
	{ { "secret", "list" }, "Subcommand 'secret' is not permitted" },
	{ { "ssh-key", "add" }, "Subcommand 'ssh-key' is not permitted" },
	{ { "variable", "list" }, "Subcommand 'variable' is not permitted" },
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

	{ { "issue", "-R", "o/r", "view", "1" },
	  "'issue' must be followed by its subcommand, not by '-R'" },
	{ { "issue", "--help", "x" },
	  "'issue' must be followed by its subcommand, not by '--help'" },
	{ { "issue", "" }, "'issue ' is not permitted: gh 2.23 has none such" },
	{ { "repo", "garden" }, "'repo garden' is not permitted: gh 2.23 has none such" },
	{ { "repo", "clone", "o/r", "/tmp/x", "--", "-c", "protocol.ext.allow=always" },
	  "'repo clone' is not permitted: only the agent's own gh does it, by the agent's git" },
	{ { "repo", "fork" },
	  "'repo fork' is not permitted: it runs git, which has no checkout beside gh" },
	{ { "repo", "new", "x" },
	  "'repo new' is not permitted: it runs git, which has no checkout beside gh" },
	{ { "repo", "sync" },
	  "'repo sync' is not permitted: it runs git, which has no checkout beside gh" },
	{ { "repo", "set-default" },
	  "'repo set-default' is not permitted: it runs git, which has no checkout beside gh" },
	{ { "repo", "deploy-key", "add", "/etc/passwd" },
	  "'repo deploy-key' is not permitted: it would give a key that outlives the sandbox" },
	{ { "issue", "develop", "1", "-c" },
	  "'issue develop' is not permitted: it runs git, which has no checkout beside gh" },
	{ { "pr", "checkout", "1" },
	  "'pr checkout' is not permitted: it changes files of yours, which gh does not see; use git: "
	  "git fetch origin pull/NUMBER/head:BRANCH && git checkout BRANCH" },

	{ { "api", "--hostname", "github.com", "user" },
	  "Flag '--hostname' is not permitted: it would leave the DIFC proxy" },
	{ { "api", "user", "--hostname=github.com" },
	  "Flag '--hostname' is not permitted: it would leave the DIFC proxy" },
	{ { "api", "--unknown", "--hostname", "h" },
	  "Flag '--unknown' is not permitted: gh 2.23 has none such for 'api'" },
	{ { "api", "x", "--cache", "1h" },
	  "Flag '--cache' is not permitted: no call finds what an earlier one has left" },
	{ { "issue", "list", "-w" }, "Flag '--web' is not permitted: the sandbox has no browser" },
	{ { "pr", "view", "1", "--web=true" },
	  "Flag '--web' is not permitted: the sandbox has no browser" },
	{ { "pr", "view", "1", "-cw" },
	  "Flag '--web' is not permitted: the sandbox has no browser" },
	{ { "issue", "comment", "1", "-e" },
	  "Flag '--editor' is not permitted: no editor runs beside gh; use --body or --body-file" },
	{ { "pr", "create", "--recover", "/etc/passwd" },
	  "Flag '--recover' is not permitted: no call finds what an earlier one has left" },
	{ { "issue", "list", "--hostname", "h" },
	  "Flag '--hostname' is not permitted: gh 2.23 has none such for 'issue list'" },
	{ { "issue", "list", "-Z" },
	  "Flag '-Z' is not permitted: gh 2.23 has none such for 'issue list'" },
	{ { "pr", "list", "-dZ" },
	  "Flag '-Z' is not permitted: gh 2.23 has none such for 'pr list'" },
	{ { "pr", "list", "-d=" },
	  "Flag '-=' is not permitted: gh 2.23 has none such for 'pr list'" },
	{ { "api", "x", "--hos", "h" },
	  "Flag '--hos' is not permitted: gh 2.23 has none such for 'api'" },
	{ { "pr", "list", "--draft=maybe" }, "Flag '--draft' takes true or false, not 'maybe'" },
	{ { "pr", "list", "--limit" }, "Flag '--limit' needs a value" },
	{ { "pr", "list", "-L" }, "Flag '--limit' needs a value" },
	{ { "repo", "view", "--", "o/r" }, "A bare '--' is not permitted" },
	{ { "api", "a", "b" }, "'api' takes 1 arguments, not 2" },
	{ { "status", "x" }, "'status' takes 0 arguments, not 1" },
	{ { "pr", "view" },
	  "'pr view' needs 1 arguments here, not 0: gh has no checkout to look in" },
	{ { "pr", "create", "-tx" },
	  "'pr create' needs --head here: gh has no checkout to look in" },

	{ { "api", "https://example.org/x" },
	  "The API path 'https://example.org/x' is not permitted: it is a URL" },
	{ { "api", "x@evil" },
	  "The API path 'x@evil' is not permitted: it has a '@' before its query" },
	{ { "api", "//evil/x" },
	  "The API path '//evil/x' is not permitted: it has an empty segment ('//')" },
	{ { "api", "a//b" },
	  "The API path 'a//b' is not permitted: it has an empty segment ('//')" },
	{ { "api", "../x" }, "The API path '../x' is not permitted: it has a segment of dots" },
	{ { "api", "/a/../b?x" },
	  "The API path '/a/../b?x' is not permitted: it has a segment of dots" },
	{ { "api", "a/." }, "The API path 'a/.' is not permitted: it has a segment of dots" },
	{ { "api", "a%2e%2E/b" },
	  "The API path 'a%2e%2E/b' is not permitted: it encodes a character that would change its meaning" },
	{ { "api", "a%3Fb" },
	  "The API path 'a%3Fb' is not permitted: it encodes a character that would change its meaning" },
	{ { "api", "a%40b" },
	  "The API path 'a%40b' is not permitted: it encodes a character that would change its meaning" },
	{ { "api", "a%00" },
	  "The API path 'a%00' is not permitted: it encodes a character that would change its meaning" },
	{ { "api", "a%2" },
	  "The API path 'a%2' is not permitted: a '%' must be followed by two hexadecimal digits" },
	{ { "api", "a\\b" },
	  "The API path 'a\\b' is not permitted: it has a blank, '#', '\\' or control character" },
	{ { "api", "a?b#c" },
	  "The API path 'a?b#c' is not permitted: it has a blank, '#', '\\' or control character" },
	{ { "api", "a\r\nHost: x" },
	  "The API path 'a\r\nHost: x' is not permitted: it has a blank, '#', '\\' or control character" },

	{ { "api", "x", "-X", "CONNECT" },
	  "Method 'CONNECT' is not permitted: it may be DELETE, GET, HEAD, PATCH, POST or PUT" },
	{ { "api", "x", "--method=" },
	  "Method '' is not permitted: it may be DELETE, GET, HEAD, PATCH, POST or PUT" },
	{ { "api", "x", "-H", "Authorization: token x" },
	  "Header 'Authorization' is not permitted" },
	{ { "api", "x", "-H", " host : x" }, "Header 'host' is not permitted" },
	{ { "api", "x", "-H\vHost:x" }, "Header 'Host' is not permitted" },
	{ { "api", "x", "-H", "X-HTTP-Method-Override: PUT" },
	  "Header 'X-HTTP-Method-Override' is not permitted" },
	{ { "api", "x", "-H",
	    "Accept"
	    "\xc2\xa0"
	    ": x" },
	  "Header 'Accept\xc2\xa0' is not permitted" },
	{ { "api", "x", "-H", "" }, "Header '' is not permitted" },
	{ { "api", "rate_limit", "--jq", "env" },
	  "jq's 'env' is not permitted: it reads gh's environment" },
	{ { "api", "rate_limit", "--jq", "$ENV.HOME" },
	  "jq's '$ENV' is not permitted: it reads gh's environment" },
	{ { "api", "rate_limit", "-q", "env.HOME" },
	  "jq's 'env.' is not permitted: it reads gh's environment" },
	{ { "issue", "list", "-q", "\"\\(env)\"" },
	  "jq's 'env)' is not permitted: it reads gh's environment" },
	{ { "issue", "list", "--jq=.a|env|.b" },
	  "jq's 'env|' is not permitted: it reads gh's environment" },

	{ { "issue", "view", "https://github.com/o/r/issues/1" },
	  "The URL 'https://github.com/o/r/issues/1' is not permitted: name a number, and the repository with -R OWNER/REPO" },
	{ { "pr", "view", "--comments", "http://h/o/r/pull/1" },
	  "The URL 'http://h/o/r/pull/1' is not permitted: name a number, and the repository with -R OWNER/REPO" },
	{ { "pr", "review", "--comment", "http://h/o/r/pull/1" },
	  "The URL 'http://h/o/r/pull/1' is not permitted: name a number, and the repository with -R OWNER/REPO" },
	{ { "release", "view", "../../../../user" },
	  "The name '../../../../user' is not permitted: it could lead to another path of the API" },
	{ { "release", "delete-asset", "v1", "a/.." },
	  "The name 'a/..' is not permitted: it could lead to another path of the API" },
	{ { "label", "delete", "../x", "--yes" },
	  "The name '../x' is not permitted: it could lead to another path of the API" },
	{ { "label", "edit", "..#", "-d", "x" },
	  "The name '..#' is not permitted: it could lead to another path of the API" },
	{ { "run", "view", "1/..?x" },
	  "The name '1/..?x' is not permitted: it could lead to another path of the API" },
	{ { "run", "view", "%2e%2E/x" },
	  "The name '%2e%2E/x' is not permitted: it could lead to another path of the API" },
	{ { "run", "download", "%25" },
	  "The name '%25' is not permitted: it could lead to another path of the API" },
	{ { "run", "view", "--job=../x" },
	  "The name '../x' is not permitted: it could lead to another path of the API" },
	{ { "run", "rerun", "-j", "." },
	  "The name '.' is not permitted: it could lead to another path of the API" },
	{ { "pr", "list", "-R", "o/.." },
	  "Repository 'o/..' is not permitted: name it as OWNER/REPO" },
	{ { "repo", "view", "github.com/o/r" },
	  "Repository 'github.com/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "repo", "view", "r" }, "Repository 'r' is not permitted: name it as OWNER/REPO" },
	{ { "issue", "transfer", "1", "h/o/r" },
	  "Repository 'h/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "label", "clone", "h/o/r" },
	  "Repository 'h/o/r' is not permitted: name it as OWNER/REPO" },
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
	{ { "pr", "list", "-R", "o/r", "-R", "h/o/r" },
	  "Repository 'h/o/r' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-R", "" }, "Repository '' is not permitted: name it as OWNER/REPO" },
	{ { "pr", "list", "-R=" }, "Repository '=' is not permitted: name it as OWNER/REPO" },
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
	{ "o/.", false },        { "o/..", false },
	{ "o/...", true },
};

static int check(const char *const *args, struct err *e)
{
	_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
	int error = gh_arguments_parse((char *const *)args, &a, e);

	return error < 0 ? error : gh_rules_check(&a, e);
}

static void test_permitted(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(permitted); i++) {
		_cleanup_err_ struct err e = { 0 };

		if (check(permitted[i], &e) < 0)
			fail_msg("row %zu: %s", i, e.message);
	}
}

static void test_denied(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		_cleanup_err_ struct err e = { 0 };

		if (check(denied[i].args, &e) == 0)
			fail_msg("permitted, but: %s", denied[i].reason);
		assert_same_text(e.message, denied[i].reason);
		assert_int_equal(e.status, 403);
	}
}

static void test_repositories(void **state _unused_)
{
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

	return RUN_TESTS("gh-rules", tests);
}
