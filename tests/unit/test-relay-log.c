/* What the real awf-relay writes of its connections, and that no log makes it wait. */
#include "common/relay-event.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/relay.h"

#define EVENTS_MAX    256
#define LOG_MAX       (64 << 20) /* where a log ends */
#define PERIOD_LINES  16         /* of one second */
#define CONNECTIONS   200
#define CONNECTION_UP "u"

struct logged {
	struct relay relay;
	char *directory;
	int fd;
};

static void open_log(struct logged *l)
{
	_cleanup_free_ char *path = NULL;

	l->directory = scratch_new();
	path = xasprintf("%s/log", l->directory);
	l->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_return_code(l->fd, errno);
	l->relay.log = l->fd;
}

static void logged_clear(struct logged *l)
{
	fd_close(l->fd);
	scratch_freep(&l->directory);
}

#define _cleanup_logged_ _cleanup_(logged_clear)

/* The events of a text; what is none fails the test. */
static size_t parse_events(const char *text, struct relay_event events[EVENTS_MAX])
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *line;
	size_t n = 0;

	while ((line = strsep(&rest, "\n")) && rest) {
		assert_true(n < EVENTS_MAX);
		assert_row(line, relay_event_parse(line, &events[n++]) == 0);
	}
	return n;
}

static char *read_log(const struct logged *l, off_t from)
{
	struct stat st;
	char *text;

	assert_return_code(fstat(l->fd, &st), errno);
	text = xcalloc(1, (size_t)(st.st_size - from) + 1);
	assert_int_equal(pread(l->fd, text, (size_t)(st.st_size - from), from), st.st_size - from);
	return text;
}

static size_t read_events(const struct logged *l, struct relay_event events[EVENTS_MAX])
{
	_cleanup_free_ char *text = read_log(l, 0);

	return parse_events(text, events);
}

/* A connection that passes bytes, and ends as it should. */
static void connect_once(const struct relay *r)
{
	int client, server;

	relay_connect(r, &client, &server);
	loopback_pass(client, server, CONNECTION_UP);
	loopback_pass(server, client, "down");
	close(client);
	loopback_assert_end(server);
	close(server);
	relay_await_idle(r->pid);
}

/* How each connection ends, with what went through it. */
static void test_ends(void **state _unused_)
{
	static const struct relay_event expected[] = {
		{ .kind = RELAY_CLOSED, .sent = 1, .received = 4 },
		{ .kind = RELAY_CLIENT_RESET, .sent = 3 },
		{ .kind = RELAY_UPSTREAM_RESET, .received = 2 },
		{ .kind = RELAY_FAILED, .error = ECONNREFUSED },
		{ .kind = RELAY_CUT_OFF }, /* what is open is, at the end */
	};
	_cleanup_logged_ struct logged l = { .fd = -EBADF };
	struct relay *r = &l.relay;
	struct relay_event events[EVENTS_MAX];
	int64_t began = (int64_t)clock_wall_ms();
	int client, server, open_client, open_server;

	open_log(&l);
	relay_start(r, NULL);
	connect_once(r);
	relay_connect(r, &client, &server);
	loopback_pass(client, server, "abc");
	loopback_reset(client);
	loopback_assert_reset(server);
	close(server);
	relay_connect(r, &client, &server);
	loopback_pass(server, client, "de");
	loopback_reset(server);
	loopback_assert_reset(client);
	close(client);
	relay_connect(r, &open_client, &open_server);
	relay_await_idle(r->pid);
	assert_int_equal(read_events(&l, events), 3);
	r->target = fd_close(r->target);
	client = loopback_connect(r->port);
	loopback_assert_reset(client);
	close(client);
	relay_stop(r);
	assert_int_equal(read_events(&l, events), ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(events[i].kind, expected[i].kind);
		assert_int_equal(events[i].error, expected[i].error);
		assert_int_equal(events[i].port, r->target_port);
		assert_int_equal(events[i].count, 1);
		assert_int_equal(events[i].sent, expected[i].sent);
		assert_int_equal(events[i].received, expected[i].received);
		assert_in_range(events[i].time_ms, began, clock_wall_ms());
		assert_in_range(events[i].duration_ms, 0, (int64_t)clock_wall_ms() - began);
	}
	close(open_client);
	close(open_server);
}

/* Of many in a second the first are lines of their own, the others are sums; none is missing. */
static void test_many(void **state _unused_)
{
	_cleanup_logged_ struct logged l = { .fd = -EBADF };
	struct relay_event events[EVENTS_MAX];
	uint64_t began = clock_ms(), count = 0, sent = 0, seconds;
	size_t n;

	open_log(&l);
	relay_start(&l.relay, NULL);
	for (int i = 0; i < CONNECTIONS; i++)
		connect_once(&l.relay);
	relay_stop(&l.relay);
	seconds = (clock_ms() - began) / 1000 + 1;
	n = read_events(&l, events);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].kind, RELAY_CLOSED);
		count += events[i].count;
		sent += events[i].sent;
	}
	assert_int_equal(count, CONNECTIONS);
	assert_int_equal(sent, CONNECTIONS);
	assert_true(n <= (PERIOD_LINES + 1) * (seconds + 1));
	assert_true(n > PERIOD_LINES);
}

/* The sums of a second are told at its end, also when nothing follows. */
static void test_sums_come(void **state _unused_)
{
	_cleanup_logged_ struct logged l = { .fd = -EBADF };
	struct relay_event events[EVENTS_MAX];
	uint64_t count = 0;

	open_log(&l);
	relay_start(&l.relay, NULL);
	for (int i = 0; i < CONNECTIONS; i++)
		connect_once(&l.relay);
	for (int ms = 0; count < CONNECTIONS && ms < RELAY_EXIT_MS; ms += 10) {
		poll(NULL, 0, 10);
		count = 0;
		for (size_t i = read_events(&l, events); i-- > 0;)
			count += events[i].count;
	}
	assert_int_equal(count, CONNECTIONS);
	relay_stop(&l.relay);
}

static void test_limit(void **state _unused_)
{
	_cleanup_logged_ struct logged l = { .fd = -EBADF };
	struct relay_event events[EVENTS_MAX];
	int client, server, waiting;
	size_t n, limits = 0;

	open_log(&l);
	relay_start(&l.relay, (char *[]){ (char *)"--max-connections=1", NULL });
	relay_connect(&l.relay, &client, &server);
	waiting = loopback_connect(l.relay.port);
	relay_await_idle(l.relay.pid);
	relay_stop(&l.relay);
	n = read_events(&l, events);
	for (size_t i = 0; i < n; i++)
		limits += events[i].kind == RELAY_LIMIT;
	assert_int_equal(limits, 1);
	close(waiting);
	close(client);
	close(server);
}

/* A log that has no room holds up nothing; what could not be told is counted, and said as soon as
 * there is some again. */
static void test_full(void **state _unused_)
{
	_cleanup_logged_ struct logged l = { .fd = -EBADF };
	_cleanup_free_ char *text = NULL;
	struct relay_event events[EVENTS_MAX];

	open_log(&l);
	relay_start(&l.relay, NULL);
	assert_return_code(ftruncate(l.fd, LOG_MAX - 10), errno);
	connect_once(&l.relay); /* of its line the beginning */
	connect_once(&l.relay);
	text = read_log(&l, LOG_MAX - 10);
	assert_int_equal(strlen(text), 10);
	assert_return_code(ftruncate(l.fd, 0), errno);
	connect_once(&l.relay);
	free(TAKE_PTR(text));
	text = read_log(&l, 0);
	assert_int_equal(text[0], '\n'); /* behind what was cut */
	assert_int_equal(parse_events(text + 1, events), 2);
	assert_int_equal(events[0].kind, RELAY_UNTOLD);
	assert_int_equal(events[0].count, 2);
	assert_int_equal(events[1].kind, RELAY_CLOSED);
	relay_stop(&l.relay);
}

/* Nor does a pipe that nobody reads, or that has no reader any more. */
static void test_pipe(void **state _unused_)
{
	static const char filling[4096];
	struct relay_event events[EVENTS_MAX];
	char text[65536 + 1] = { 0 };
	struct relay r = { 0 };
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	r.log = fds[1];
	relay_start(&r, NULL);
	while (write(fds[1], filling, sizeof(filling)) > 0)
		;
	connect_once(&r);
	while (read(fds[0], text, sizeof(text) - 1) > 0)
		;
	connect_once(&r);
	memset(text, 0, sizeof(text));
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(parse_events(text, events), 2);
	assert_int_equal(events[0].kind, RELAY_UNTOLD);
	assert_int_equal(events[0].count, 1);
	assert_int_equal(events[1].kind, RELAY_CLOSED);
	close(fds[0]);
	close(fds[1]);
	connect_once(&r);
	relay_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),      cmocka_unit_test(test_many),
		cmocka_unit_test(test_sums_come), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_full),      cmocka_unit_test(test_pipe),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS("relay-log", tests);
}
