/* -e, --env-file, --env-all and --exclude-env: what awfd is asked for. */
#include "awfctl/start-env.h"

#include <unistd.h>

#include "awfctl/env-file.h"
#include "common/log.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define STRV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static const struct {
	const char *text;
	const char *entry; /* that is then there, and alone; NULL: none */
} lines[] = {
	{ "A=1", "A=1" },
	{ "A=1\n", "A=1" },
	{ "A=1\r\n", "A=1" },
	{ "\xef\xbb\xbf"
	  "A=1\n",
	  "A=1" },
	{ "  \tA=1", "A=1" },
	{ "A= 1 ", "A= 1 " },
	{ "A='1'", "A='1'" },
	{ "A=b=c # d", "A=b=c # d" },
	{ "A=", "A=" },
	{ "A=1\nA=2\n", "A=2" },
	{ "AWF_TEST_MINE", "AWF_TEST_MINE=mine" },
	{ "AWF_TEST_UNSET", NULL },
	{ "# A=1", NULL },
	{ "  # A=1", NULL },
	{ "\n \n\r\n", NULL },
	{ "", NULL },
};

static void test_file(void **state _unused_)
{
	setenv("AWF_TEST_MINE", "mine", 1);
	unsetenv("AWF_TEST_UNSET");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_strv_ char **env = NULL;
		const char *text = lines[i].text;

		assert_row(text, env_file_parse("f", text, strlen(text), &env, NULL) == 0);
		assert_row(text, strv_length(env) == (lines[i].entry ? 1 : 0));
		assert_row(text, !lines[i].entry || same_text(env[0], lines[i].entry));
	}
}

static const struct {
	const char *text;
	size_t length; /* 0: all of it */
	const char *message;
} bad[] = {
	{ "A=1\n=secret", 0, "--env-file: f:2: there is no name before the '='" },
	{ "A B=secret", 0, "--env-file: f:1: the name has white space in it; write KEY=VALUE" },
	{ "export A=secret", 0, "--env-file: f:1: the name has white space in it" },
	{ "A =secret", 0, "--env-file: f:1: the name has white space in it" },
	{ "\n\nA=secret\xff", 0, "--env-file: f:3: not valid UTF-8; save the file as UTF-8" },
	{ "A=sec\0ret", 9, "--env-file: f:1: a NUL character; give a text file" },
};

/* The line is named and never shown. */
static void test_bad_file(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_strv_ char **env = NULL;
		_cleanup_err_ struct err e = { 0 };
		size_t length = bad[i].length ? bad[i].length : strlen(bad[i].text);

		assert_int_equal(env_file_parse("f", bad[i].text, length, &env, &e), -EINVAL);
		assert_text_contains(e.message, bad[i].message);
		assert_null(strstr(e.message, "secret"));
	}
}

/* What was logged last. */
static char *logged;

static void take_log(enum log_level level _unused_, const struct log_fields *fields _unused_,
		     const char *text)
{
	free(logged);
	logged = xstrdup(text);
}

static char *write_file(const char *directory, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", directory, name);

	assert_int_equal(file_write_atomic(path, 0600, text, strlen(text), NULL), 0);
	return path;
}

static void build(const struct options *o, struct start_request *request)
{
	_cleanup_err_ struct err e = { 0 };
	int r = start_env_build(o, request, &e);

	if (r < 0)
		fail_msg("%s", e.message);
}

static void test_precedence(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *first = write_file(directory, "1", "A=f1\nB=f1\nC=f1\nX=f1\nE=f1\n");
	_cleanup_free_ char *second = write_file(directory, "2", "B=f2\nC=f2\n");
	struct options o = { .env_all = true,
			     .env_files = STRV(first, second),
			     .environment = STRV("C=e", "X=e"),
			     .exclude_env = STRV("X", "E", "Y") };
	struct start_request request = { 0 };

	clearenv();
	setenv("A", "all", 1);
	setenv("D", "all", 1);
	setenv("E", "all", 1);
	setenv("Y", "all", 1);
	build(&o, &request);
	assert_same_text(strv_env_get(request.environment, "A"), "f1");
	assert_same_text(strv_env_get(request.environment, "B"), "f2");
	assert_same_text(strv_env_get(request.environment, "C"), "e");
	assert_same_text(strv_env_get(request.environment, "D"), "all");
	assert_same_text(strv_env_get(request.environment, "X"), "e");
	assert_int_equal(strv_length(request.environment), 5);
	strv_free(request.environment);
}

static const char *const held_back[] = {
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"SHELL",
	"PWD",
	"OLDPWD",
	"SHLVL",
	"_",
	"TMPDIR",
	"SSH_AUTH_SOCK",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"LD_PRELOAD",
	"LD_LIBRARY_PATH",
	"SUDO_USER",
	"http_proxy",
	"HTTPS_PROXY",
	"NOTIFY_SOCKET",
	"DOCKER_HOST",
	"BASH_FUNC_x%%",
	"AWFD_SOCKET",
	"GITHUB_TOKEN",
	"GH_TOKEN",
	"GITHUB_PERSONAL_ACCESS_TOKEN",
	"ACTIONS_RUNTIME_TOKEN",
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN",
	"OPENAI_API_KEY",
};

/* Neither the host's own nor a secret; the latter is told, and may be named. */
static void test_all(void **state _unused_)
{
	struct options o = { .env_all = true, .environment = STRV("OPENAI_API_KEY=given") };
	struct start_request request = { 0 };

	clearenv();
	for (size_t i = 0; i < ARRAY_SIZE(held_back); i++)
		setenv(held_back[i], "canary", 1);
	setenv("KEPT", "yes", 1);
	setenv("PATHS", "yes", 1);
	setenv("BROKEN", "\xff", 1);
	log_set_sink(take_log);
	build(&o, &request);
	assert_int_equal(strv_length(request.environment), 3);
	assert_same_text(strv_env_get(request.environment, "KEPT"), "yes");
	assert_same_text(strv_env_get(request.environment, "PATHS"), "yes");
	assert_same_text(strv_env_get(request.environment, "OPENAI_API_KEY"), "given");
	assert_text_contains(logged, "GITHUB_TOKEN, GH_TOKEN, GITHUB_PERSONAL_ACCESS_TOKEN");
	assert_null(strstr(logged, "canary"));
	assert_null(strstr(logged, "OPENAI"));
	assert_null(strstr(logged, "SSH"));
	free(TAKE_PTR(logged));
	strv_free(request.environment);
}

static void test_limits(void **state _unused_)
{
	_cleanup_free_ char *value = xcalloc(1, 65537), *longest = NULL, *longer = NULL;
	_cleanup_err_ struct err e = { 0 };
	struct options o = { 0 };
	struct start_request request = { 0 };

	memset(value, 'x', 65536);
	longest = xasprintf("A=%s", value + 2);
	longer = xasprintf("A=%s", value + 1);
	o.environment = STRV(longest);
	build(&o, &request);
	strv_free(TAKE_PTR(request.environment));
	o.environment = STRV(longer);
	assert_int_equal(start_env_build(&o, &request, &e), -EINVAL);
	assert_text_contains(e.message, "variable 'A' is 65537 bytes long; one may have 65536");
	o.environment = STRV("A=\xff");
	assert_int_equal(start_env_build(&o, &request, &e), -EINVAL);
	assert_same_text(e.message, "--env 'A': not valid UTF-8");
	o = (struct options){ .env_files = STRV("/dev/null") };
	assert_int_equal(start_env_build(&o, &request, &e), -EINVAL);
	assert_text_contains(e.message, "--env-file");
	assert_null(request.environment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),       cmocka_unit_test(test_bad_file),
		cmocka_unit_test(test_precedence), cmocka_unit_test(test_all),
		cmocka_unit_test(test_limits),
	};

	return RUN_TESTS("awfctl-env", tests);
}
