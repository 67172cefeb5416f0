#include "tests/unit/check.h"

#include "common/strv.h"
#include "containers/cli-proxy/gh-env.h"

/* All that gh gets when the client wants nothing. */
static const char *const always[] = {
	"PATH=/usr/bin:/bin",
	"LANG=C.UTF-8",
	"TZ=UTC",
	"GH_PAGER=cat",
	"GH_BROWSER=/bin/false",
	"BROWSER=/bin/false",
	"GH_EDITOR=/bin/false",
	"EDITOR=/bin/false",
	"GH_PROMPT_DISABLED=1",
	"GH_NO_UPDATE_NOTIFIER=1",
	"GIT_CONFIG_NOSYSTEM=1",
	"GIT_TERMINAL_PROMPT=0",
	"NO_PROXY=localhost,127.0.0.1,::1",
	"no_proxy=localhost,127.0.0.1,::1",
	"GOMAXPROCS=2",
	"GOMEMLIMIT=48MiB",
	"GOGC=off",
	"HOME=/tmp/gh-1",
	"TMPDIR=/tmp/gh-1",
	"XDG_CONFIG_HOME=/tmp/gh-1",
	"XDG_DATA_HOME=/tmp/gh-1",
	"XDG_STATE_HOME=/tmp/gh-1",
	"XDG_CACHE_HOME=/tmp/gh-1",
	"XDG_RUNTIME_DIR=/tmp/gh-1",
	"GH_CONFIG_DIR=/tmp/gh-1",
	"SSL_CERT_FILE=/ca.pem",
	"GIT_SSL_CAINFO=/ca.pem",
	"NODE_EXTRA_CA_CERTS=/ca.pem",
	"GH_HOST=localhost:18443",
};

/* What a client may want, and what of it is taken. */
static const struct {
	const char *wanted[4];
	const char *selected[4];
} rows[] = {
	{ { NULL }, { NULL } },
	{ { "NO_COLOR=1", "CLICOLOR=0", "CLICOLOR_FORCE=1" },
	  { "NO_COLOR=1", "CLICOLOR=0", "CLICOLOR_FORCE=1" } },
	{ { "NO_COLOR=" }, { NULL } },
	{ { "GH_REPO=o/r" }, { "GH_REPO=o/r" } },
	{ { "GH_REPO=" }, { NULL } },
	{ { "GH_TOKEN=x", "GITHUB_TOKEN=x", "GH_ENTERPRISE_TOKEN=x" }, { NULL } },
	{ { "GITHUB_ENTERPRISE_TOKEN=x", "GH_HOST=evil", "GH_DEBUG=api" }, { NULL } },
	{ { "LD_PRELOAD=/x", "LD_AUDIT=/x", "PATH=/x" }, { NULL } },
	{ { "HOME=/x", "GH_CONFIG_DIR=/x", "XDG_CONFIG_HOME=/x" }, { NULL } },
	{ { "GH_PAGER=sh", "PAGER=sh" }, { NULL } },
	{ { "GH_FORCE_TTY=80", "TERM=xterm-256color", "COLORTERM=truecolor" },
	  { "GH_FORCE_TTY=80", "TERM=xterm-256color", "COLORTERM=truecolor" } },
	{ { "BROWSER=sh", "GH_BROWSER=sh", "EDITOR=sh" }, { NULL } },
	{ { "GIT_CONFIG_COUNT=1", "GIT_EXEC_PATH=/x", "GIT_SSL_CAINFO=/x" }, { NULL } },
	{ { "HTTPS_PROXY=http://x", "SSL_CERT_FILE=/x", "SSL_CERT_DIR=/x" }, { NULL } },
	{ { "GH_REPOX=o/r", "XGH_REPO=o/r", "gh_repo=o/r" }, { NULL } },
};

static const struct gh_env_base base = { .difc_port = 18443,
					 .ca_bundle = "/ca.pem",
					 .directory = "/tmp/gh-1" };

static void assert_has(char *const *env, const char *entry)
{
	for (size_t i = 0; env && env[i]; i++)
		if (strcmp(env[i], entry) == 0)
			return;
	fail_msg("no %s", entry);
}

static void test_always(void **state)
{
	_cleanup_strv_ char **env = gh_env_build(&base, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		assert_has(env, always[i]);
	assert_int_equal(strv_length(env), ARRAY_SIZE(always));
}

static void test_selected(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ char **selected = NULL, **env = NULL;
		size_t n = strv_length((char *const *)rows[i].selected);

		assert_int_equal(gh_env_select((char *const *)rows[i].wanted, &selected, NULL), 0);
		assert_int_equal(strv_length(selected), n);
		env = gh_env_build(&base, selected);
		assert_int_equal(strv_length(env), ARRAY_SIZE(always) + n);
		for (size_t j = 0; j < n; j++)
			assert_has(env, rows[i].selected[j]);
	}
}

static void test_refused_repository(void **state)
{
	char *const wanted[] = { (char *)"GH_REPO=github.com/o/r", NULL };
	_cleanup_err_ struct err e = { 0 };
	char **selected = NULL;

	(void)state;
	assert_int_equal(gh_env_select(wanted, &selected, &e), -EINVAL);
	assert_string_equal(e.message,
			    "GH_REPO 'github.com/o/r' is not permitted: it must be OWNER/REPO");
	assert_int_equal(e.status, 403);
	assert_null(selected);
}

/* The client's repository goes before the sandbox's; there is never more than one. */
static void test_repository(void **state)
{
	const struct gh_env_base with = { .difc_port = 1,
					  .ca_bundle = "/ca.pem",
					  .repository = "our/repo",
					  .directory = "/tmp/gh-1" };
	char *const selected[] = { (char *)"GH_REPO=its/repo", NULL };
	_cleanup_strv_ char **ours = gh_env_build(&with, NULL);
	_cleanup_strv_ char **theirs = gh_env_build(&with, selected);

	(void)state;
	assert_string_equal(strv_env_get(ours, "GH_REPO"), "our/repo");
	assert_string_equal(strv_env_get(theirs, "GH_REPO"), "its/repo");
	assert_int_equal(strv_length(ours), strv_length(theirs));
}

/* Only where artifact storage is granted, and never for the DIFC proxy itself. */
static void test_redirects(void **state)
{
	const struct gh_env_base with = { .difc_port = 1,
					  .ca_bundle = "/ca.pem",
					  .directory = "/tmp/gh-1",
					  .redirect_proxy = "http://172.30.0.10:3128" };
	_cleanup_strv_ char **env = gh_env_build(&with, NULL),
			    **without = gh_env_build(&base, NULL);

	(void)state;
	assert_string_equal(strv_env_get(env, "HTTPS_PROXY"), "http://172.30.0.10:3128");
	assert_string_equal(strv_env_get(env, "NO_PROXY"), "localhost,127.0.0.1,::1");
	assert_null(strv_env_get(without, "HTTPS_PROXY"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_selected),
		cmocka_unit_test(test_refused_repository),
		cmocka_unit_test(test_repository),
		cmocka_unit_test(test_redirects),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
