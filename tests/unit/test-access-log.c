#include "containers/cli-proxy/access-log.h"

#include <assert.h>

#include "awfd/gh-log.h"
#include "awfd/log-tail.h"
#include "containers/cli-proxy/redact.h"

#include "tests/unit/check.h"

/* A line of cli-proxy's is never too long for awfd. */
static_assert(ACCESS_LOG_LINE_MAX <= GH_LOG_LINE_MAX && GH_LOG_LINE_MAX <= LOG_TAIL_LINE_MAX,
	      "lines are read as they are written");

/* The one line of a log, without its newline, that was written by fn. */
static char *written(void (*fn)(struct access_log *log, char *const *args), char *const *args)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/log", d);
	_cleanup_(access_log_closep) struct access_log *log = NULL;
	_cleanup_err_ struct err e = { 0 };
	size_t length;
	char *line = NULL;

	assert_int_equal(access_log_open(path, &log, &e), 0);
	fn(log, args);
	assert_int_equal(file_read(path, 1 << 20, &line, &length, &e), 0);
	assert_true(length > 0 && line[length - 1] == '\n');
	line[length - 1] = '\0';
	assert_null(strchr(line, '\n'));
	return line;
}

static void write_denied(struct access_log *log, char *const *args)
{
	access_log_denied(log, args, "no");
}

/* All texts that an event can have. */
static void write_all(struct access_log *log, char *const *args)
{
	static const char *const keys[] = { "stderrPreview", "stopped" };
	static const char *const numbers[] = { "exitCode", "durationMs", "stdinBytes",
					       "stdoutBytes", "stderrBytes" };
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_object_new_string("0123456789abcdef"));
	access_log_add_args(o, args);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_object_object_add(o, numbers[i],
				       json_object_new_int64(i ? INT64_MAX - 1 : 255));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		access_log_add_text(o, keys[i], args[0], strlen(args[0]));
	access_log_write(log, "exec_done", o);
}

static const struct {
	char *args[6];
	const char *command, *subcommand;
	char *logged[6];
} calls[] = {
	{ { NULL }, NULL, NULL, { NULL } },
	{ { "--version" }, "--version", NULL, { "--version" } },
	{ { "issue", "list", "-Ro/r" }, "issue", "list", { "issue", "list", "-Ro/r" } },
	{ { "issue", "-Ro/r", "list" }, "issue", NULL, { "issue", "-Ro/r", "list" } },
	{ { "search", "repos" }, "search", "repos", { "search", "repos" } },
	{ { "api", "user" }, "api", NULL, { "api", "user" } },
	{ { "status" }, "status", NULL, { "status" } },
	{ { "pr", "1" }, "pr", NULL, { "pr", "1" } },
	{ { "pr", "" }, "pr", NULL, { "pr", "" } },
	{ { "ghp_0123456789", "a" }, REDACTED, "a", { REDACTED, "a" } },
	{ { "x", "--token", "abc" }, "x", NULL, { "x", "--token", REDACTED } },
	{ { "api", "\x1b[31m\x9b\xc3\xbc\\" },
	  "api",
	  NULL,
	  { "api", "\\x1b[31m\\x9b\xc3\xbc\\\\" } },
};

static void test_calls(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		_cleanup_free_ char *line = written(write_denied, calls[i].args);
		_cleanup_(gh_event_clear) struct gh_event event = { 0 };
		size_t n = 0;

		assert_row(line, gh_log_parse(line, &event) == 1);
		assert_int_equal(event.kind, GH_DENIED);
		assert_same_text(event.reason, "no");
		assert_same_text(event.command, calls[i].command);
		assert_same_text(event.subcommand, calls[i].subcommand);
		for (; calls[i].logged[n]; n++)
			assert_same_text(event.args[n], calls[i].logged[n]);
		assert_null(event.args[n]);
	}
}

static char *repeat(char c, size_t n)
{
	char *text = xcalloc(n + 1, 1);

	memset(text, c, n);
	return text;
}

/* Each is cut by itself, behind the secrets. */
static void test_long_texts(void **state _unused_)
{
	_cleanup_free_ char *longest = repeat('a', 256), *longer = repeat('b', 257);
	_cleanup_free_ char *late = repeat(' ', 250), *token = NULL, *line = NULL, *cut = NULL;
	_cleanup_(gh_event_clear) struct gh_event event = { 0 };

	token = xasprintf("%sghp_0123456789abcdefghij", late);
	line = written(write_denied, (char *const[]){ longest, longer, token, NULL });
	assert_int_equal(gh_log_parse(line, &event), 1);
	assert_same_text(event.args[0], longest);
	longer[256] = '\0';
	cut = xasprintf("%s... (257 bytes)", longer);
	assert_same_text(event.args[1], cut);
	assert_null(strstr(line, "ghp_"));
	assert_text_contains(event.args[2], " [redac... (274 bytes)");
}

static void test_many_arguments(void **state _unused_)
{
	_cleanup_(gh_event_clear) struct gh_event event = { 0 };
	_cleanup_free_ char *line = NULL;
	char *args[41] = { NULL };

	for (size_t i = 0; i < 40; i++)
		args[i] = "x";
	line = written(write_denied, args);
	assert_int_equal(gh_log_parse(line, &event), 1);
	assert_same_text(event.args[31], "x");
	assert_same_text(event.args[32], "... (8 more)");
	assert_null(event.args[33]);
}

/* Bytes that take the most room when they are escaped. */
static void test_longest_line(void **state _unused_)
{
	static const char bytes[] = { '\x01', '\\', '"', '\xff', 'a', '/' };

	for (size_t i = 0; i < sizeof(bytes); i++) {
		_cleanup_free_ char *text = repeat(bytes[i], 100000), *line = NULL;
		_cleanup_(gh_event_clear) struct gh_event event = { 0 };
		char *args[41] = { NULL };

		for (size_t j = 0; j < 40; j++)
			args[j] = text;
		line = written(write_all, args);
		assert_true(strlen(line) <= ACCESS_LOG_LINE_MAX);
		assert_int_equal(gh_log_parse(line, &event), 1);
		assert_int_equal(event.kind, GH_DONE);
		assert_int_equal(event.exit_code, 255);
	}
}

static void test_no_file(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_err_ struct err e = { 0 };
	struct access_log *log = NULL;

	assert_int_equal(access_log_open(d, &log, &e), -EISDIR);
	assert_text_contains(e.message, d);
	assert_null(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),          cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_many_arguments), cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_no_file),
	};

	return RUN_TESTS("access-log", tests);
}
