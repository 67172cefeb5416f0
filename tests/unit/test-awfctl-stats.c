/* awfctl stats, the real program, against a scripted awfd: once, as JSON, and live on a terminal.
 */
#include "awfctl/stats-text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#define ID    "abcdefghij"
#define OTHER "klmnopqrst"

#define COUNTS                                                                                     \
	"\"relayConnections\":5,\"relayOpen\":2,\"relayFailed\":1,\"relayBytesSent\":1536,"        \
	"\"relayBytesReceived\":1073741824,\"requestsAllowed\":7,\"requestsRefused\":3,"           \
	"\"ghAllowed\":4,\"ghRefused\":0,\"packetsDropped\":9"
#define RUNS(cpu)                                                                                  \
	"{\"id\":\"" ID "\",\"owner\":\"alice\",\"cpuUs\":" cpu ",\"memory\":10485760,"            \
	"\"memoryLimit\":6442450944,\"pids\":3,\"pidsLimit\":1000," COUNTS "}"
#define STARTS                                                                                     \
	"{\"id\":\"" OTHER "\",\"owner\":\"a\\u001b[2J\",\"memoryLimit\":512,\"pidsLimit\":10,"    \
	"" COUNTS "}"
#define ENDED                                                                                      \
	"{\"id\":\"" OTHER "\",\"name\":\"build\",\"state\":\"exited\",\"ownerUid\":1000,"         \
	"\"owner\":\"alice\",\"image\":\"i\",\"command\":[\"x\"],"                                 \
	"\"createdAt\":\"2026-01-02T03:04:05Z\",\"exitCode\":0,\"oomKilled\":false,\"steps\":[]}"
#define REPLY(list)     "{\"parameters\":{\"stats\":[" list "]}}"
#define CONTINUES(list) "{\"continues\":true,\"parameters\":{\"stats\":[" list "]}}"

static void accept_call(struct fake *f, struct fake_conn *c)
{
	struct json_object *call = fake_accept_call(f, c, "io.awf.Sandbox.Stats");

	assert_int_equal(json_object_object_length(call), 0);
	json_object_put(call);
}

/* The time that is used is that between two samples. */
static void test_once(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "stats");
	accept_call(f, &c);
	fake_send(&c, CONTINUES(RUNS("1000000")), -EBADF);
	fake_send(&c, CONTINUES(RUNS("1000000") "," STARTS), -EBADF);
	assert_int_equal(fake_wait(f), 0);
	text = fake_read_all(f->out, NULL);
	assert_text_contains(text, "\n" ID "\t0.0%\t10.0MiB / 6.0GiB\t3 / 1000\t2 / 5\t");
	assert_text_contains(text, "\n" OTHER "\t-\t- / 512B\t-\t2 / 5\t");
	assert_text_contains(text, "\t1.5KiB / 1.0GiB\t7 / 3\t4 / 0\n");
	assert_null(strchr(text, '\x1b'));
	fake_close(&c);
}

static void test_json(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *printed = NULL, *expected = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "stats", "--json", OTHER);
	accept_call(f, &c);
	fake_send(&c, REPLY(RUNS("1") "," STARTS), -EBADF);
	assert_int_equal(fake_wait(f), 0);
	text = fake_read_all(f->out, NULL);
	assert_null(strchr(text, '\x1b'));
	printed = json_tokener_parse(text);
	expected = json_tokener_parse("[" STARTS "]");
	assert_true(json_object_equal(printed, expected));
	fake_close(&c);
}

/* What is no ID may be a name, or the beginning of one: awfd knows. */
static void test_not_found(void **state)
{
	struct fake *f = *state;
	struct fake_conn c, inspect;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "stats", ID, OTHER);
	accept_call(f, &c);
	fake_send(&c, CONTINUES(RUNS("1")), -EBADF);
	json_object_put(fake_accept_call(f, &inspect, "io.awf.Sandbox.Inspect"));
	fake_send(&inspect,
		  "{\"error\":\"io.awf.Sandbox.NotFound\",\"parameters\":{\"id\":\"" OTHER "\"}}",
		  -EBADF);
	assert_int_equal(fake_wait(f), 125);
	text = fake_read_all(f->err, NULL);
	assert_string_equal(text,
			    "awfctl: no sandbox '" OTHER "' of yours; awfctl list shows them\n");
	fake_close(&inspect);
	fake_close(&c);
}

/* One that has ended is in the list, so that it is not said to be unknown. */
static void test_ended(void **state)
{
	struct fake *f = *state;
	struct fake_conn c, inspect;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "stats", "--json", "build");
	accept_call(f, &c);
	fake_send(&c, REPLY(RUNS("1")), -EBADF);
	json_object_put(fake_accept_call(f, &inspect, "io.awf.Sandbox.Inspect"));
	fake_send(&inspect, "{\"parameters\":{\"sandbox\":" ENDED "}}", -EBADF);
	assert_int_equal(fake_wait(f), 125);
	text = fake_read_all(f->err, NULL);
	assert_string_equal(text, "awfctl: sandbox " OTHER " has ended and uses nothing any more; "
				  "awfctl inspect " OTHER " tells how it ended\n");
	fake_close(&inspect);
	fake_close(&c);
}

/* Reads from the terminal until this was written to it. */
static void await_screen(int terminal, struct strbuf *seen, const char *part)
{
	while (!seen->data || !strstr(seen->data, part)) {
		char piece[4096];
		ssize_t n = read(terminal, piece, sizeof(piece));

		assert_true(n > 0);
		strbuf_append(seen, piece, (size_t)n);
	}
}

/* On a terminal each sample is written over the one before, until none of those that were asked for
 * is there, also over a restart of awfd. */
static void test_live(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_strbuf_ struct strbuf seen = { 0 };
	_cleanup_close_ int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), end = -EBADF;

	assert_return_code(terminal, errno);
	assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
	end = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_return_code(end, errno);
	assert_return_code(setenv("TERM", "xterm", 1), errno);
	FAKE_RUN(f, &(struct fake_stdio){ .out = end }, "stats", OTHER);
	accept_call(f, &c);
	fake_send(&c, CONTINUES(RUNS("1") "," STARTS), -EBADF);
	await_screen(terminal, &seen, "4 / 0\x1b[K\r\n\x1b[J");
	assert_int_equal(strncmp(seen.data, "\x1b[H", 3), 0);
	assert_text_contains(seen.data, "ID");
	assert_null(strstr(seen.data, ID)); /* not asked for */
	strbuf_clear(&seen);
	fake_close(&c); /* awfd is restarted */
	accept_call(f, &c);
	fake_send(&c, CONTINUES(STARTS), -EBADF);
	await_screen(terminal, &seen, "4 / 0\x1b[K\r\n\x1b[J");
	strbuf_clear(&seen);
	fake_send(&c, CONTINUES(""), -EBADF);
	await_screen(terminal, &seen, "\x1b[J");
	assert_null(strstr(seen.data, OTHER));
	assert_int_equal(fake_wait(f), 0);
	fake_close(&c);
}

static void test_cpu(void **state _unused_)
{
	const struct stats_info before = { .cpu_us = 1000 }, now = { .cpu_us = 3000 };
	const struct stats_info none = { .cpu_us = FIELD_INT_ABSENT };

	assert_true(stats_cpu(&before, &now, 1000) == 200);
	assert_true(stats_cpu(&before, &before, 1000) == 0);
	assert_true(stats_cpu(&before, &now, 0) < 0);
	assert_true(stats_cpu(NULL, &now, 1000) < 0);
	assert_true(stats_cpu(&none, &now, 1000) < 0);
	assert_true(stats_cpu(&before, &none, 1000) < 0);
	assert_true(stats_cpu(&now, &before, 1000) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_json, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_not_found, fake_test_setup,
						fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_ended, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_live, fake_test_setup, fake_test_teardown),
		cmocka_unit_test(test_cpu),
	};

	return RUN_TESTS("awfctl-stats", tests);
}
