#include "awfd/gh-log.h"

#include "common/strv.h"

#include "tests/unit/check.h"

#define TIME "\"timestamp\":\"2026-11-25T20:58:45.123Z\""
#define ID   "\"id\":\"0123456789abcdef\""
#define DONE "{" TIME ",\"event\":\"exec_done\"," ID ",\"args\":[]"

static const char *const no_args[] = { NULL };
static const char *const list_args[] = { "issue", "list", "\xc3\xbc", "", NULL };

static const struct {
	const char *line;
	struct gh_event event;
	const char *const *args;
} events[] = {
	{ "{" TIME ",\"event\":\"exec_start\"," ID ",\"command\":\"issue\",\"subcommand\":\"list\","
	  "\"args\":[\"issue\",\"list\",\"\xc3\xbc\",\"\"]}",
	  { "2026-11-25T20:58:45.123Z", GH_START, "0123456789abcdef", "issue", "list", NULL, NULL,
	    0, 0, 0, 0, 0, NULL, NULL },
	  list_args },
	{ DONE ",\"exitCode\":1,\"durationMs\":2,\"stdinBytes\":3,\"stdoutBytes\":4,"
	       "\"stderrBytes\":5,\"stderrPreview\":\"p\",\"stopped\":\"s\"}",
	  { "2026-11-25T20:58:45.123Z", GH_DONE, "0123456789abcdef", NULL, NULL, NULL, NULL, 1, 2,
	    3, 4, 5, "p", "s" },
	  no_args },
	{ DONE ",\"exitCode\":-1}",
	  { "2026-11-25T20:58:45.123Z", GH_DONE, "0123456789abcdef", NULL, NULL, NULL, NULL, -1, 0,
	    0, 0, 0, NULL, NULL },
	  no_args },
	{ "{" TIME ",\"event\":\"exec_denied\",\"reason\":\"why \\\\x1b\"}",
	  { "2026-11-25T20:58:45.123Z", GH_DENIED, NULL, NULL, NULL, NULL, "why \\x1b", 0, 0, 0, 0,
	    0, NULL, NULL },
	  no_args },
};

static const char *const invalid[] = {
	"",
	"null",
	"[]",
	"{}",
	DONE,
	DONE "}}",
	DONE ",\"more\":1}",
	DONE ",\"reason\":\"of what is done\"}",
	DONE ",\"exitCode\":-2}",
	DONE ",\"exitCode\":256}",
	DONE ",\"exitCode\":\"1\"}",
	DONE ",\"durationMs\":-1}",
	DONE ",\"stdinBytes\":-1}",
	DONE ",\"stdoutBytes\":-1}",
	DONE ",\"stderrBytes\":-1}",
	DONE ",\"stderrPreview\":\"\\u001b[31m\"}",
	DONE ",\"stopped\":\"\\u009b\"}",
	DONE ",\"command\":\"a\\nb\"}",
	DONE ",\"command\":\"a\\u0000b\"}",
	DONE ",\"subcommand\":\"\x7f\"}",
	DONE ",\"command\":\"\xff\"}",
	DONE ",\"args\":[\"\\u0007\"]}",
	DONE ",\"args\":[1]}",
	DONE ",\"args\":[[[[[]]]]]}",
	"{" TIME ",\"event\":\"exec_done\"}",
	"{" TIME ",\"event\":\"exec_done\",\"id\":\"0123456789abcde\"}",
	"{" TIME ",\"event\":\"exec_done\",\"id\":\"0123456789abcdeF\"}",
	"{" TIME ",\"event\":\"exec_denied\"}",
	"{" TIME ",\"event\":\"exec_denied\",\"reason\":\"r\"," ID "}",
	"{" TIME ",\"event\":\"exec\"," ID "}",
	"{\"event\":\"exec_start\"," ID "}",
	"{\"timestamp\":\"2026-11-25T20:58:45Z\",\"event\":\"exec_start\"," ID "}",
	"{\"timestamp\":\"2026-11-25T20:58:45.123Zx\",\"event\":\"exec_start\"," ID "}",
	"{\"timestamp\":\"x026-11-25T20:58:45.123Z\",\"event\":\"exec_start\"," ID "}",
};

static void assert_same_event(const struct gh_event *a, const struct gh_event *b)
{
	assert_same_text(a->time, b->time);
	assert_int_equal(a->kind, b->kind);
	assert_same_text(a->id, b->id);
	assert_same_text(a->command, b->command);
	assert_same_text(a->subcommand, b->subcommand);
	assert_same_text(a->reason, b->reason);
	assert_int_equal(a->exit_code, b->exit_code);
	assert_int_equal(a->duration_ms, b->duration_ms);
	assert_int_equal(a->stdin_bytes, b->stdin_bytes);
	assert_int_equal(a->stdout_bytes, b->stdout_bytes);
	assert_int_equal(a->stderr_bytes, b->stderr_bytes);
	assert_same_text(a->stderr_preview, b->stderr_preview);
	assert_same_text(a->stopped, b->stopped);
}

static void test_events(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		_cleanup_(gh_event_clear) struct gh_event event = { 0 };
		size_t n = 0;

		assert_row(events[i].line, gh_log_parse(events[i].line, &event) == 1);
		assert_same_event(&event, &events[i].event);
		for (; events[i].args[n]; n++)
			assert_same_text(event.args[n], events[i].args[n]);
		assert_int_equal(strv_length(event.args), n);
	}
}

static void test_start_of_the_server(void **state _unused_)
{
	struct gh_event event = { .exit_code = 7 };

	assert_int_equal(gh_log_parse("{" TIME ",\"event\":\"server_start\",\"port\":11000,"
				      "\"difcPort\":18443}",
				      &event),
			 0);
	assert_int_equal(event.exit_code, 7);
}

static void test_invalid(void **state _unused_)
{
	struct gh_event event = { .exit_code = 7 };

	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		assert_row(invalid[i], gh_log_parse(invalid[i], &event) == -EINVAL);
	assert_int_equal(event.exit_code, 7);
}

static void test_length(void **state _unused_)
{
	static const char start[] = DONE ",\"stopped\":\"s\"";
	const size_t room = GH_LOG_LINE_MAX - (sizeof(start) - 1) - 1;
	_cleanup_free_ char *blanks = xcalloc(GH_LOG_LINE_MAX, 1), *longest = NULL, *longer = NULL;
	_cleanup_(gh_event_clear) struct gh_event event = { 0 };

	memset(blanks, ' ', room);
	longest = xasprintf("%s%s}", start, blanks);
	longer = xasprintf("%s %s}", start, blanks);
	assert_int_equal(gh_log_parse(longer, &event), -EINVAL);
	assert_int_equal(gh_log_parse(longest, &event), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_start_of_the_server),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_length),
	};

	return RUN_TESTS("gh-log", tests);
}
