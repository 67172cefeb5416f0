/* Drives the real awf-relay over loopback. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/counters.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/relay.h"

#define MANY 500
#define MIB  (1024 * 1024)
#define BIG  (64 * MIB)
#define STEP (64 * 1024)

/* A value of /proc/PID/status, for lines like "Seccomp:\t2". */
static long status_value(pid_t pid, const char *key)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			return strtol(line + strlen(key) + 1, NULL, 10);
	fail_msg("no %s of process %d", key, pid);
	return -1;
}

/* --- Bytes ----------------------------------------------------------------------------------- */

static void *send_stream(void *argument)
{
	int fd = *(const int *)argument;
	char *buffer = xcalloc(STEP, 1);

	for (size_t sent = 0; sent < BIG; sent += STEP) {
		relay_fill(buffer, sent, STEP);
		for (size_t n = 0; n < STEP;) {
			ssize_t r = send(fd, buffer + n, STEP - n, MSG_NOSIGNAL);

			if (r <= 0)
				goto end; /* the receiver will miss the rest */
			n += (size_t)r;
		}
	}
end:
	(void)shutdown(fd, SHUT_WR);
	free(buffer);
	return NULL;
}

/* Whether what arrives is that part of the stream. Also called in threads, where checks of cmocka's
 * can't be. */
static bool receives_stream(int fd, size_t begin, size_t end)
{
	_cleanup_free_ char *wanted = xcalloc(STEP, 1), *got = xcalloc(STEP, 1);

	for (size_t have = begin; have < end; have += STEP) {
		relay_fill(wanted, have, STEP);
		if (recv(fd, got, STEP, MSG_WAITALL) != STEP || memcmp(got, wanted, STEP) != 0)
			return false;
	}
	return true;
}

static void *receive_in_thread(void *argument)
{
	int fd = *(const int *)argument;

	return receives_stream(fd, 0, BIG) ? argument : NULL;
}

/* --- Tests ----------------------------------------------------------------------------------- */

static void test_bytes(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;

	relay_connect(*state, &client, &server);
	for (int i = 0; i < 100; i++) {
		loopback_pass(client, server, "x");
		loopback_pass(server, client, "answer");
	}
}

static void test_big_both_ways(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	pthread_t up, down, receiver;
	void *good;

	relay_connect(*state, &client, &server);
	assert_int_equal(pthread_create(&up, NULL, send_stream, &client), 0);
	assert_int_equal(pthread_create(&down, NULL, send_stream, &server), 0);
	assert_int_equal(pthread_create(&receiver, NULL, receive_in_thread, &server), 0);
	assert_true(receives_stream(client, 0, BIG));
	pthread_join(up, NULL);
	pthread_join(down, NULL);
	pthread_join(receiver, &good);
	assert_non_null(good);
	loopback_assert_end(client);
	loopback_assert_end(server);
}

/* The client has said all, the answer comes later: Node and socat lose it. */
static void test_client_ends_first(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;

	relay_connect(*state, &client, &server);
	loopback_pass(client, server, "request");
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	loopback_assert_end(server);
	poll(NULL, 0, 1100);
	loopback_pass(server, client, "late answer");
	server = fd_close(server);
	loopback_assert_end(client);
}

static void test_server_ends_first(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;

	relay_connect(*state, &client, &server);
	loopback_pass(server, client, "banner");
	assert_int_equal(shutdown(server, SHUT_WR), 0);
	loopback_assert_end(client);
	poll(NULL, 0, 100);
	loopback_pass(client, server, "late question");
	client = fd_close(client);
	loopback_assert_end(server);
}

static void test_end_without_a_byte(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;

	relay_connect(*state, &client, &server);
	client = fd_close(client);
	loopback_assert_end(server);
}

static void test_client_resets(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;

	relay_connect(*state, &client, &server);
	loopback_pass(client, server, "x");
	loopback_reset(TAKE_FD(client));
	loopback_assert_reset(server);
}

/* What came before the reset arrives. */
static void test_server_resets(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	char text[8] = "";

	relay_connect(*state, &client, &server);
	loopback_pass(client, server, "x");
	loopback_send(server, "last", 4);
	poll(NULL, 0, 100);
	loopback_reset(TAKE_FD(server));
	poll(NULL, 0, 100);
	loopback_receive(client, text, 4);
	assert_string_equal(text, "last");
	loopback_assert_reset(client);
}

/* A reset is seen in the state of half-close too, when nobody reads from that side any more. */
static void test_reset_after_end(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	struct pollfd p = { 0 };

	relay_connect(*state, &client, &server);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	loopback_assert_end(server);
	loopback_reset(TAKE_FD(client));
	p.fd = server;
	assert_int_equal(poll(&p, 1, RELAY_EXIT_MS), 1);
	assert_true(p.revents & POLLERR);
}

/* The server refuses the rest of a request and answers: the answer arrives, then the reset. */
static void test_early_answer(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	_cleanup_free_ char *buffer = xcalloc(STEP, 1);
	char text[8] = "";

	relay_connect(*state, &client, &server);
	loopback_send(client, buffer, STEP);
	poll(NULL, 0, 100);
	loopback_send(server, "no", 2);
	server = fd_close(server); /* with unread bytes: a reset */
	loopback_receive(client, text, 2);
	assert_string_equal(text, "no");
	loopback_assert_reset(client);
}

/* Sends until nothing was taken for a second; how many bytes were. */
static size_t send_until_blocked(int fd)
{
	_cleanup_free_ char *buffer = xcalloc(STEP, 1);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t sent = 0;

	assert_int_equal(fd_set_nonblock(fd, true), 0);
	while (poll(&p, 1, 1000) == 1) {
		size_t at = sent % STEP;
		ssize_t n;

		relay_fill(buffer, sent - at, STEP);
		n = send(fd, buffer + at, STEP - at, MSG_NOSIGNAL);
		assert_true(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		assert_true(sent < BIG);
	}
	assert_int_equal(fd_set_nonblock(fd, false), 0);
	return sent;
}

/* A reader that doesn't read stops the sender; the relay holds little meanwhile, others are served,
 * and nothing is lost. */
static void test_slow_reader(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF, client2 = -EBADF, server2 = -EBADF;
	const struct relay *r = *state;
	long before, after;
	double cpu;
	size_t sent;

	relay_connect(r, &client, &server);
	relay_connect(r, &client2, &server2);
	before = status_value(r->pid, "VmRSS");
	sent = send_until_blocked(server);
	after = status_value(r->pid, "VmRSS");
	assert_true(after - before < 2048);
	cpu = relay_cpu_ms(r->pid);
	poll(NULL, 0, 300);
	assert_true(relay_cpu_ms(r->pid) - cpu < 50);
	loopback_pass(client2, server2, "still served");
	assert_true(receives_stream(client, 0, sent / STEP * STEP));
	loopback_pass(client, server, "and back");
}

static void test_refused(void **state)
{
	_cleanup_close_ int client = -EBADF;
	struct relay *r = *state;

	r->target = fd_close(r->target);
	for (int i = 0; i < 3; i++) {
		client = loopback_connect(r->port);
		loopback_assert_reset(client);
		client = fd_close(client);
	}
}

/* A full backlog leaves SYNs unanswered. */
static void test_connect_timeout(void **state)
{
	char *options[] = { (char *)"--connect-timeout-ms=200", NULL };
	_cleanup_close_ int first = -EBADF, second = -EBADF, client = -EBADF;
	struct relay r = { 0 };

	(void)state;
	relay_start(&r, options);
	assert_int_equal(listen(r.target, 0), 0);
	first = loopback_connect(r.target_port);
	client = loopback_connect(r.port);
	loopback_assert_reset(client);
	relay_stop(&r);
}

static void test_many(void **state)
{
	int clients[MANY], servers[MANY];

	for (int i = 0; i < MANY; i++)
		clients[i] = loopback_connect(((struct relay *)*state)->port);
	for (int i = 0; i < MANY; i++)
		loopback_send(clients[i], &i, sizeof(i));
	for (int i = 0; i < MANY; i++) {
		int number;

		servers[i] = loopback_accept(((struct relay *)*state)->target);
		loopback_receive(servers[i], &number, sizeof(number));
		loopback_send(servers[i], &number, sizeof(number));
	}
	for (int i = 0; i < MANY; i++) {
		int number;

		loopback_receive(clients[i], &number, sizeof(number));
		assert_int_equal(number, i);
		close(clients[i]);
	}
	for (int i = 0; i < MANY; i++) {
		loopback_assert_end(servers[i]);
		close(servers[i]);
	}
}

/* Listens on IPv6, connects to a name of which an address or two may not answer. */
static void test_name_and_ipv6(void **state)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	_cleanup_close_ int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int target = -EBADF, client = -EBADF, server = -EBADF, ready = -EBADF;
	struct relay r = { 0 };
	_cleanup_free_ char *upstream = NULL;
	socklen_t length = sizeof(address);

	(void)state;
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0)
		skip();
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	target = loopback_listen(&r.target_port);
	upstream = xasprintf("localhost:%u", r.target_port);
	r.pid = relay_run((char *[]){ (char *)"awf-relay", (char *)RELAY_READY_OPTION,
				      (char *)"--upstream", upstream, NULL },
			  listener, &r, &ready);
	relay_await_ready(ready);
	for (int i = 0; i < 2; i++) {
		client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0);
		server = loopback_accept(target);
		loopback_pass(client, server, "by name");
		client = fd_close(client);
		server = fd_close(server);
	}
	r.target = -EBADF;
	relay_stop(&r);
}

/* At its limit the relay lets others wait in the backlog, without spinning, and then takes them. */
static void test_limit(void **state)
{
	char *options[] = { (char *)"--max-connections=2", NULL };
	_cleanup_close_ int c1 = -EBADF, s1 = -EBADF, c2 = -EBADF, s2 = -EBADF, c3 = -EBADF;
	_cleanup_close_ int s3 = -EBADF;
	struct pollfd p = { .events = POLLIN };
	struct relay r = { 0 };
	double cpu;

	(void)state;
	relay_start(&r, options);
	relay_connect(&r, &c1, &s1);
	relay_connect(&r, &c2, &s2);
	c3 = loopback_connect(r.port);
	loopback_send(c3, "3", 1);
	cpu = relay_cpu_ms(r.pid);
	p.fd = r.target;
	assert_int_equal(poll(&p, 1, 300), 0);
	assert_true(relay_cpu_ms(r.pid) - cpu < 50);
	loopback_pass(c1, s1, "meanwhile");
	loopback_reset(TAKE_FD(c1));
	s3 = loopback_accept(r.target);
	loopback_pass(s3, c3, "welcome");
	relay_stop(&r);
}

static void assert_counted(const char *path, const uint64_t *expected)
{
	uint64_t seen[COUNTERS_MAX];

	counters_read(path, seen);
	for (size_t i = 0; i <= RELAY_BYTES_RECEIVED; i++)
		if (seen[i] != expected[i])
			fail_msg("counter %zu is %ju, not %ju", i, (uintmax_t)seen[i],
				 (uintmax_t)expected[i]);
}

/* What a relay counts is in the file at once, and the next relay goes on with it. */
static void test_counters(void **state)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/counters", directory), *option = NULL;
	_cleanup_close_ int fd = -EBADF, inherited = -EBADF;
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_int_equal(counters_make(path, &fd, &e), 0);
	inherited = dup(fd);
	assert_return_code(inherited, errno);
	option = xasprintf("--counters-fd=%d", inherited);
	for (uint64_t i = 1; i <= 2; i++) {
		_cleanup_close_ int client = -EBADF, server = -EBADF;
		struct relay r = { 0 };

		relay_start(&r, (char *[]){ option, NULL });
		relay_connect(&r, &client, &server);
		loopback_pass(client, server, "up");
		loopback_pass(server, client, "down, and more");
		relay_await_idle(r.pid);
		assert_counted(path, (uint64_t[]){ i, 1, i - 1, 2 * i, 14 * i });
		client = fd_close(client);
		server = fd_close(server);
		r.target = fd_close(r.target);
		client = loopback_connect(r.port);
		loopback_assert_reset(client);
		relay_await_idle(r.pid);
		assert_counted(path, (uint64_t[]){ i + 1, 0, i, 2 * i, 14 * i });
		relay_stop(&r);
		if (i == 1) { /* the next one begins with one connection less */
			uint64_t *counters;

			assert_int_equal(counters_map(fd, &counters, &e), 0);
			counters[RELAY_CONNECTIONS]--;
			counters[RELAY_CONNECTIONS_OPEN] = 7;
			counters_unmap(counters);
		}
	}
}

/* The relay may come to clients that have gone only now; theirs send nothing. */
static int accept_one_that_sends(int listener)
{
	for (;;) {
		_cleanup_close_ int server = loopback_accept(listener);
		char byte;

		if (recv(server, &byte, 1, 0) == 1)
			return TAKE_FD(server);
	}
}

/* Out of descriptors (somebody has left it with fewer than it counts on) the relay neither ends nor
 * spins; it serves those it has, and others as soon as there is room. */
static void test_no_descriptors(void **state)
{
	struct relay r = { .descriptors = 100, .leaked = 80 };
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	int clients[20];
	double cpu;

	(void)state;
	relay_start(&r, NULL);
	relay_connect(&r, &client, &server);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = loopback_connect(r.port);
	poll(NULL, 0, 200);
	cpu = relay_cpu_ms(r.pid);
	poll(NULL, 0, 500);
	assert_true(relay_cpu_ms(r.pid) - cpu < 100);
	loopback_pass(client, server, "still served");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	fd_close(client);
	fd_close(server);
	client = loopback_connect(r.port);
	loopback_send(client, "x", 1);
	server = accept_one_that_sends(r.target);
	loopback_pass(client, server, "again");
	relay_stop(&r);
}

/* With few descriptors from the start there are few connections, and big ones still get through. */
static void test_few_descriptors(void **state)
{
	struct relay r = { .descriptors = 54 };
	int clients[4], server;
	pthread_t up;

	(void)state;
	relay_start(&r, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = loopback_connect(r.port);
	server = loopback_accept(r.target);
	assert_int_equal(pthread_create(&up, NULL, send_stream, &clients[0]), 0);
	assert_true(receives_stream(server, 0, BIG));
	pthread_join(up, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	close(server);
	relay_stop(&r);
}

/* SIGTERM ends it at once, and what was open is reset, never ended as if it were whole. */
static void test_terminate(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	struct relay r = { 0 };

	(void)state;
	relay_start(&r, NULL);
	relay_connect(&r, &client, &server);
	loopback_pass(client, server, "x");
	(void)send_until_blocked(client);
	relay_stop(&r);
	loopback_assert_reset(client);
}

static void test_confined(void **state)
{
	const struct relay *r = *state;

	assert_int_equal(status_value(r->pid, "Seccomp"), 2);
	assert_int_equal(status_value(r->pid, "NoNewPrivs"), 1);
	assert_int_equal(status_value(r->pid, "CapEff"), 0);
	assert_int_equal(status_value(r->pid, "CapPrm"), 0);
	assert_true(status_value(r->pid, "Uid") > 0);
	if (geteuid() == 0)
		assert_int_equal(status_value(r->pid, "Uid"), status_value(r->pid, "Gid"));
}

static const struct {
	const char *arguments[4];
	bool listens;
	int code;
} failures[] = {
	{ { NULL }, true, 2 },
	{ { "--upstream" }, true, 2 },
	{ { "--nonsense" }, true, 2 },
	{ { "--upstream=127.0.0.1:1", "more" }, true, 2 },
	{ { "--upstream=127.0.0.1:1", "--max-connections=0" }, true, 2 },
	{ { "--upstream=127.0.0.1:1", "--counters-fd=x" }, true, 2 },
	{ { "--upstream=127.0.0.1:1", "--counters-fd=399" }, true, 1 },
	{ { "--upstream=127.0.0.1:1", "--log-fd=0" }, true, 2 },
	{ { "--upstream=127.0.0.1:1", "--log-fd=399" }, true, 1 },
	{ { "--upstream=127.0.0.1:1", "--connect-timeout-ms=x" }, true, 2 },
	{ { "--upstream=127.0.0.1" }, true, 1 },
	{ { "--upstream=127.0.0.1:0" }, true, 1 },
	{ { "--upstream=127.0.0.1:65536" }, true, 1 },
	{ { "--upstream=:1" }, true, 1 },
	{ { "--upstream=::1:1" }, true, 1 },
	{ { "--upstream=[::1:1" }, true, 1 },
	{ { "--upstream=[]:1" }, true, 1 },
	{ { "--upstream=127.0.0.1,:1" }, true, 1 },
	{ { "--upstream=,127.0.0.1:1" }, true, 1 },
	{ { "--upstream=127.0.0.1,::1:1" }, true, 1 },
	{ { "--upstream=127.0.0.1,[]:1" }, true, 1 },
	{ { "--upstream=127.0.0.1:1" }, false, 1 },
	{ { "--help" }, false, 0 },
	{ { "--version" }, false, 0 },
};

static void test_usage(void **state)
{
	static const struct relay plain = { 0 };
	uint16_t port;
	_cleanup_close_ int listener = loopback_listen(&port);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		char *argv[RELAY_ARGUMENTS_MAX] = { (char *)"awf-relay" };
		int status, ready;

		memcpy(argv + 1, failures[i].arguments, sizeof(failures[i].arguments));
		status = relay_await(
			relay_run(argv, failures[i].listens ? listener : -EBADF, &plain, &ready));
		close(ready);
		assert_row(argv[1] ? argv[1] : "",
			   WIFEXITED(status) && WEXITSTATUS(status) == failures[i].code);
	}
}

int main(void)
{
#define RELAY_TEST(fn) cmocka_unit_test_setup_teardown(fn, relay_set_up, relay_tear_down)
	const struct CMUnitTest tests[] = {
		RELAY_TEST(test_bytes),
		RELAY_TEST(test_big_both_ways),
		RELAY_TEST(test_client_ends_first),
		RELAY_TEST(test_server_ends_first),
		RELAY_TEST(test_end_without_a_byte),
		RELAY_TEST(test_client_resets),
		RELAY_TEST(test_server_resets),
		RELAY_TEST(test_reset_after_end),
		RELAY_TEST(test_early_answer),
		RELAY_TEST(test_slow_reader),
		RELAY_TEST(test_refused),
		cmocka_unit_test(test_connect_timeout),
		RELAY_TEST(test_many),
		cmocka_unit_test(test_name_and_ipv6),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_few_descriptors),
		cmocka_unit_test(test_terminate),
		RELAY_TEST(test_confined),
		cmocka_unit_test(test_usage),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS("relay", tests);
}
