#include "common/relay-event.h"

#include "tests/unit/check.h"

static const struct {
	const char *line;
	struct relay_event event;
} lines[] = {
	{ "1795644063177 closed difc 18443 0 1 723 1734 52\n",
	  { 1795644063177, RELAY_CLOSED, "difc", 18443, 0, 1, 723, 1734, 52 } },
	{ "0 client-reset - 1 0 2 0 0 0\n", { 0, RELAY_CLIENT_RESET, "", 1, 0, 2, 0, 0, 0 } },
	{ "1 upstream-reset host 65535 0 1 1 1 1\n",
	  { 1, RELAY_UPSTREAM_RESET, "host", 65535, 0, 1, 1, 1, 1 } },
	{ "1 cut-off host 80 0 1 1 1 1\n", { 1, RELAY_CUT_OFF, "host", 80, 0, 1, 1, 1, 1 } },
	{ "1 failed host 80 111 9223372036854775807 0 0 10000\n",
	  { 1, RELAY_FAILED, "host", 80, ECONNREFUSED, INT64_MAX, 0, 0, 10000 } },
	{ "1 limit abcdefghijklmnop 80 0 1 0 0 0\n",
	  { 1, RELAY_LIMIT, "abcdefghijklmnop", 80, 0, 1, 0, 0, 0 } },
	{ "1 shortage host 80 24 1 0 0 0\n",
	  { 1, RELAY_SHORTAGE, "host", 80, EMFILE, 1, 0, 0, 0 } },
	{ "1 untold - 0 0 7 0 0 0\n", { 1, RELAY_UNTOLD, "", 0, 0, 7, 0, 0, 0 } },
};

static const char *const invalid[] = {
	"",
	" ",
	"1 closed host 80 0 1 0 0",     /* a word less */
	"1 closed host 80 0 1 0 0 0 0", /* one more */
	"1 closed host 80 0 1 0 0 0 ",  /* and an empty one */
	"1 closed  80 0 1 0 0 0",
	"1  closed host 80 0 1 0 0 0",
	"-1 closed host 80 0 1 0 0 0",
	"9223372036854775808 closed host 80 0 1 0 0 0",
	"1 open host 80 0 1 0 0 0",
	"1 CLOSED host 80 0 1 0 0 0",
	"1 closed HOST 80 0 1 0 0 0",
	"1 closed h\x1bst 80 0 1 0 0 0",
	"1 closed abcdefghijklmnopq 80 0 1 0 0 0",
	"1 closed host 65536 0 1 0 0 0",
	"1 closed host 80 0 0 0 0 0", /* of none */
	"1 closed host 80 0 1 -1 0 0",
	"1 closed host 80 0 1 0 x 0",
	"1 closed host 80 111 1 0 0 0", /* an error of what has none */
	"1 failed host 80 0 1 0 0 0",   /* and none of what failed */
	"1 failed host 80 4096 1 0 0 0",
};

static void assert_same_event(const struct relay_event *a, const struct relay_event *b)
{
	assert_int_equal(a->time_ms, b->time_ms);
	assert_true(relay_event_is_like(a, b));
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sent, b->sent);
	assert_int_equal(a->received, b->received);
	assert_int_equal(a->duration_ms, b->duration_ms);
}

static void test_lines(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[RELAY_EVENT_LINE_MAX];
		struct relay_event parsed;
		size_t length = relay_event_format(&lines[i].event, line);

		assert_string_equal(line, lines[i].line);
		assert_int_equal(length, strlen(line));
		line[length - 1] = '\0';
		assert_row(line, relay_event_parse(line, &parsed) == 0);
		assert_same_event(&parsed, &lines[i].event);
	}
}

/* The longest there can be has its place. */
static void test_longest(void **state _unused_)
{
	const struct relay_event longest = {
		INT64_MAX,  RELAY_UPSTREAM_RESET, "abcdefghijklmnop", UINT16_MAX, 4095,
		UINT64_MAX, UINT64_MAX,           UINT64_MAX,         UINT64_MAX
	};
	char line[RELAY_EVENT_LINE_MAX];

	assert_true(relay_event_format(&longest, line) < RELAY_EVENT_LINE_MAX);
}

static void test_invalid(void **state _unused_)
{
	char long_line[RELAY_EVENT_LINE_MAX + 1] = { 0 };
	struct relay_event e;

	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		assert_row(invalid[i], relay_event_parse(invalid[i], &e) == -EINVAL);
	memset(long_line, '1', RELAY_EVENT_LINE_MAX);
	assert_int_equal(relay_event_parse(long_line, &e), -EINVAL);
}

static void test_sum(void **state _unused_)
{
	struct relay_event sum = lines[0].event;
	const struct relay_event more = {
		1795644063999, RELAY_CLOSED, "difc", 18443, 0, 2, 7, 6, 51
	};
	const struct relay_event others[] = {
		{ .kind = RELAY_CUT_OFF, .name = "difc", .port = 18443 },
		{ .kind = RELAY_CLOSED, .name = "host", .port = 18443 },
		{ .kind = RELAY_CLOSED, .name = "difc", .port = 18444 },
		{ .kind = RELAY_CLOSED, .name = "difc", .port = 18443, .error = 1 },
	};

	assert_true(relay_event_is_like(&sum, &more));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(relay_event_is_like(&sum, &others[i]));
	relay_event_add(&sum, &more);
	assert_same_event(&sum, &(struct relay_event){ 1795644063999, RELAY_CLOSED, "difc", 18443,
						       0, 3, 730, 1740, 52 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_sum),
	};

	return RUN_TESTS("relay-event", tests);
}
