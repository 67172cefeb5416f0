#include "awfd/environment.h"

#include "common/home.h"
#include "common/strbuf.h"
#include "common/strv.h"

#include "tests/unit/check.h"

#define STRV(...) ((char *const *)(const char *const[]){ __VA_ARGS__, NULL })
#define ADDRESS   "172.30.0.50"

static const char *const tokens[] = {
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN",
	"ACTIONS_RUNTIME_TOKEN",
	"GH_ENTERPRISE_TOKEN",
	"GH_TOKEN",
	"GITHUB_ENTERPRISE_TOKEN",
	"GITHUB_MCP_SERVER_TOKEN",
	"GITHUB_PERSONAL_ACCESS_TOKEN",
	"GITHUB_TOKEN",
};

/* Names that are like a token's but are not. */
static const char *const others[] = { "GH_TOKEN_FILE", "MY_GH_TOKEN", "gh_token", "GH_TOKE", "A" };

static bool has(char *const *v, const char *entry)
{
	for (size_t i = 0; v && v[i]; i++)
		if (strcmp(v[i], entry) == 0)
			return true;
	return false;
}

static char **all_requested(void)
{
	char **v = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		strv_appendf(&v, "%s=secret", tokens[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		strv_appendf(&v, "%s=value", others[i]);
	return v;
}

static void test_without_difc(void **state _unused_)
{
	_cleanup_strv_ char **requested = all_requested(), **dropped = NULL, **env = NULL;

	env = environment_of_agent(&(struct environment_input){ .requested = requested }, &dropped);
	assert_int_equal(strv_length(dropped), 0);
	for (size_t i = 0; requested[i]; i++)
		assert_row(requested[i], has(env, requested[i]));
	assert_null(strv_env_get(env, "AWF_CLI_PROXY_URL"));
	assert_null(strv_env_get(env, "AWF_CLI_PROXY_IP"));
}

/* With a DIFC proxy no token is passed on, nor one that the image sets: a bare name takes it out.
 */
static void test_with_difc(void **state _unused_)
{
	_cleanup_strv_ char **requested = all_requested(), **dropped = NULL, **env = NULL;

	env = environment_of_agent(
		&(struct environment_input){ .requested = requested, .cli_proxy_address = ADDRESS },
		&dropped);
	assert_int_equal(strv_length(dropped), ARRAY_SIZE(tokens));
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		assert_row(tokens[i], has(dropped, tokens[i]));
		assert_row(tokens[i], has(env, tokens[i]));
		assert_row(tokens[i], !strv_env_get(env, tokens[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_row(others[i], same_text(strv_env_get(env, others[i]), "value"));
	for (size_t i = 0; env[i]; i++)
		assert_null(strstr(env[i], "secret"));
	assert_same_text(strv_env_get(env, "AWF_CLI_PROXY_URL"), "http://" ADDRESS ":11000");
	assert_same_text(strv_env_get(env, "AWF_CLI_PROXY_IP"), ADDRESS);
}

/* Only what was asked for is reported as dropped. */
static void test_dropped(void **state _unused_)
{
	_cleanup_strv_ char **dropped = NULL, **env = NULL;

	env = environment_of_agent(
		&(struct environment_input){ .requested = STRV("GH_TOKEN=a", "GH_TOKEN=b", "A=1"),
					     .cli_proxy_address = ADDRESS },
		&dropped);
	assert_int_equal(strv_length(dropped), 1);
	assert_same_text(dropped[0], "GH_TOKEN");
}

/* Whatever else a caller has in PATH. */
static void test_programs_come_first(void **state _unused_)
{
	static const struct {
		const char *asked, *path;
	} rows[] = {
		{ "PATH=/opt/bin:/bin", "/run/awf/bin:/opt/bin:/bin" },
		{ "PATH=", "/run/awf/bin" },
		{ "A=1", "/run/awf/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
			 "/bin" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ char **dropped = NULL, **env = NULL;

		env = environment_of_agent(
			&(struct environment_input){ .requested = STRV(rows[i].asked),
						     .programs = "/run/awf/bin" },
			&dropped);
		assert_same_text(strv_env_get(env, "PATH"), rows[i].path);
		assert_int_equal(strv_env_unset(env, "PATH"), 1);
	}
}

/* A caller can't lead the agent's gh elsewhere. */
static void test_own_variables_win(void **state _unused_)
{
	_cleanup_strv_ char **dropped = NULL, **env = NULL, **unwired = NULL;
	struct environment_input in = { .requested = STRV("AWF_CLI_PROXY_URL=http://evil",
							  "AWF_CLI_PROXY_IP=1",
							  "AWF_CLI_PROXY_URL=again"),
					.cli_proxy_address = ADDRESS };

	env = environment_of_agent(&in, &dropped);
	assert_same_text(strv_env_get(env, "AWF_CLI_PROXY_URL"), "http://" ADDRESS ":11000");
	assert_same_text(strv_env_get(env, "AWF_CLI_PROXY_IP"), ADDRESS);
	assert_int_equal(strv_env_unset(env, "AWF_CLI_PROXY_URL"), 1);
	assert_int_equal(strv_env_unset(env, "AWF_CLI_PROXY_IP"), 1);

	in.cli_proxy_address = NULL;
	unwired = environment_of_agent(&in, &dropped);
	assert_same_text(strv_env_get(unwired, "AWF_CLI_PROXY_IP"), "1");
}

static void test_defaults(void **state _unused_)
{
	static const char *const addresses[] = { NULL, ADDRESS };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		_cleanup_strv_ char **dropped = NULL, **none = NULL, **own = NULL;

		none = environment_of_agent(
			&(struct environment_input){ .user = "alice",
						     .home = "/home/alice",
						     .cli_proxy_address = addresses[i] },
			&dropped);
		assert_null(strv_env_get(none, "PATH"));
		assert_same_text(strv_env_get(none, "HOME"), "/home/alice");
		assert_same_text(strv_env_get(none, "USER"), "alice");
		assert_same_text(strv_env_get(none, "LOGNAME"), "alice");
		own = environment_of_agent(
			&(struct environment_input){ .requested =
							     STRV("PATH=", "HOME=/h", "USER=u"),
						     .cli_proxy_address = addresses[i] },
			&dropped);
		assert_same_text(strv_env_get(own, "PATH"), "");
		assert_same_text(strv_env_get(own, "HOME"), "/h");
		assert_same_text(strv_env_get(own, "USER"), "u");
		assert_int_equal(strv_length(dropped), 0);
	}
}

/* The image's PATH is left alone if gh can be found by it, and so is the caller's. */
static void test_path(void **state _unused_)
{
	static const struct {
		const char *requested;
		const char *image;
		const char *expected;
	} rows[] = {
		{ "A=1", NULL, NULL },
		{ "A=1", "/usr/local/bin", NULL },
		{ "A=1", "/a:/usr/local/bin", NULL },
		{ "A=1", "/usr/local/bin:/a", NULL },
		{ "A=1", "/opt/bin:/bin", "/usr/local/bin:/opt/bin:/bin" },
		{ "A=1", "/usr/local/bin2:/b/usr/local/bin",
		  "/usr/local/bin:/usr/local/bin2:/b/usr/local/bin" },
		{ "A=1", "", "/usr/local/bin:" },
		{ "A=1", "::", "/usr/local/bin:::" },
		{ "PATH=/mine", "/opt/bin", "/mine" },
		{ "PATH=", "/opt/bin", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ char **env = strv_copy(STRV(rows[i].requested));

		environment_find_gh(&env, rows[i].image);
		assert_row(rows[i].requested,
			   same_text(strv_env_get(env, "PATH"), rows[i].expected));
	}
}

/* Whoever looks for a proxy finds squid, whatever the caller has set; what is inside is not asked
 * of it. */
static void test_egress(void **state _unused_)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
					     "https_proxy" };
	struct environment_input in = { .requested = STRV("HTTPS_PROXY=http://corp:3128",
							  "no_proxy=*", "JAVA_TOOL_OPTIONS=-Xmx1g"),
					.squid_address = "172.30.0.10" };
	_cleanup_strv_ char **dropped = NULL, **env = environment_of_agent(&in, &dropped);
	_cleanup_strv_ char **with_all = NULL, **none = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_same_text(strv_env_get(env, names[i]), "http://172.30.0.10:3128");
	assert_same_text(strv_env_get(env, "NO_PROXY"), "localhost,127.0.0.1,::1");
	assert_same_text(strv_env_get(env, "no_proxy"), "localhost,127.0.0.1,::1");
	assert_same_text(strv_env_get(env, "NODE_USE_ENV_PROXY"), "1");
	assert_same_text(strv_env_get(env, "JAVA_TOOL_OPTIONS"),
			 "-Xmx1g -Dhttp.proxyHost=172.30.0.10 -Dhttp.proxyPort=3128 "
			 "-Dhttps.proxyHost=172.30.0.10 -Dhttps.proxyPort=3128 "
			 "-Dhttp.nonProxyHosts=localhost|127.*|[::1]");

	in.cli_proxy_address = ADDRESS;
	in.host_access = true;
	with_all = environment_of_agent(&in, &dropped);
	assert_same_text(strv_env_get(with_all, "NO_PROXY"),
			 "localhost,127.0.0.1,::1," ADDRESS ",host.docker.internal");

	in = (struct environment_input){ .requested = STRV("HTTPS_PROXY=http://corp:3128") };
	none = environment_of_agent(&in, &dropped);
	assert_same_text(strv_env_get(none, "HTTPS_PROXY"), "http://corp:3128");
	assert_null(strv_env_get(none, "NO_PROXY"));
}

static const struct {
	const char *value;
	bool is_valid;
} repositories[] = {
	{ "owner/name", true },
	{ "Owner-1/Name_2.x-y", true },
	{ "o/n", true },
	{ "o/.github", true },
	{ "", false },
	{ "owner", false },
	{ "owner/", false },
	{ "/name", false },
	{ "/", false },
	{ "owner/name/", false },
	{ "owner/name/x", false },
	{ "owner//name", false },
	{ "host.example/owner/name", false },
	{ "localhost:18443/o/n", false },
	{ "own.er/name", false },
	{ "own_er/name", false },
	{ "owner/na me", false },
	{ "owner/name\n", false },
	{ " owner/name", false },
	{ "owner/name?x=1", false },
	{ "owner/name#x", false },
	{ "owner/%2e%2e", false },
	{ "owner/n\xc3\xa4me", false },
	{ "https://github.com/owner/name", false },
	{ "../name", false },
	{ "owner/.", false },
	{ "owner/..", false },
};

static void test_repository(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(repositories); i++) {
		_cleanup_free_ char *entry =
			xasprintf("GITHUB_REPOSITORY=%s", repositories[i].value);
		const char *found = environment_repository(STRV("A=1", entry, "B=2"));

		assert_row(entry, same_text(found, repositories[i].is_valid ? repositories[i].value
									    : NULL));
	}
	assert_null(environment_repository(NULL));
	assert_null(environment_repository(STRV("GITHUB_REPOSITORY_OWNER=o/n")));
}

static const struct {
	const char *user;
	uid_t uid;
	const char *home;
} homes[] = {
	{ "alice", 1000, "/home/alice" },
	{ "Ali.ce-2_x", 1000, "/home/Ali.ce-2_x" },
	{ "root", 0, "/root" },
	{ "toor", 0, "/root" },
	{ "1000", 1000, "/home/1000" },
	{ "", 1000, "/home/1000" },
	{ ".", 1000, "/home/1000" },
	{ "..", 1000, "/home/1000" },
	{ ".ssh", 1000, "/home/1000" },
	{ "a/../../etc", 1000, "/home/1000" },
	{ "CORP\\al", 1000, "/home/1000" },
	{ "a:ro,exec", 1000, "/home/1000" },
	{ "a b", 1000, "/home/1000" },
	{ "j\xc3\xb6rg", 1000, "/home/1000" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 4294967294,
	  "/home/4294967294" },
};

static void test_home(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		_cleanup_free_ char *home = home_in_sandbox(homes[i].user, homes[i].uid);

		assert_row(homes[i].user, same_text(home, homes[i].home));
	}
}

/* The limit is named, with the variable and not its value. */
static void test_size(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *value = xcalloc(1, ENVIRONMENT_VARIABLE_MAX + 1);
	_cleanup_free_ char *longest = NULL, *longer = NULL;

	memset(value, 'x', ENVIRONMENT_VARIABLE_MAX);
	longest = xasprintf("A=%s", value + 2);
	longer = xasprintf("AB=%s", value + 2);
	assert_int_equal(environment_check(NULL, &e), 0);
	assert_int_equal(environment_check(STRV("B=1", longest), &e), 0);
	assert_int_equal(environment_check(STRV("B=1", longer), &e), -EINVAL);
	assert_same_text(e.subject, "environment");
	assert_same_text(e.value, "AB");
	assert_same_text(e.message, "is 65537 bytes long; a variable may have 65536");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_difc),
		cmocka_unit_test(test_with_difc),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_programs_come_first),
		cmocka_unit_test(test_own_variables_win),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_repository),
		cmocka_unit_test(test_egress),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_path),
	};

	return RUN_TESTS("environment", tests);
}
