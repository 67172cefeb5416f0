/* The real awf-relay with several upstreams. Another address of the loopback stands for another
 * network namespace, in which the ports of the services are free. */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/relay.h"

#define INSIDE "127.0.0.2"

/* Time in which something would have happened that must not. */
#define QUIET_MS 200

/* Runs a relay until it serves. The options end with NULL. */
static pid_t start(const char *const *options, const int *fds, size_t count, const char *names)
{
	char *argv[RELAY_ARGUMENTS_MAX] = { (char *)"awf-relay", (char *)RELAY_READY_OPTION };
	const struct relay_sockets sockets = { fds, count, names };
	const struct relay unlimited = { 0 };
	_cleanup_close_ int ready = -EBADF;
	size_t n = 2;
	pid_t pid;

	while (*options)
		argv[n++] = (char *)*options++;
	pid = relay_run_sockets(argv, &sockets, &unlimited, &ready);
	relay_await_ready(ready);
	return pid;
}

static void stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(relay_await(pid), 0);
}

static int listen_inside(void)
{
	int fd = loopback_listen_at(INSIDE, 0);

	assert_true(fd >= 0);
	return fd;
}

/* A connection to the listener arrives at the service. */
static void assert_leads_to(int listener, int service)
{
	_cleanup_close_ int client = loopback_connect_to(listener);
	_cleanup_close_ int server = loopback_accept(service);

	loopback_pass(client, server, "there");
	loopback_pass(server, client, "back");
}

static bool is_called(int service, int ms)
{
	struct pollfd p = { .fd = service, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* --- Where connections go -------------------------------------------------------------------- */

static void test_names(void **state)
{
	uint16_t ports[3];
	int services[3], listeners[5];
	_cleanup_free_ char *difc = NULL, *host = NULL, *rest = NULL;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		services[i] = loopback_listen(&ports[i]);
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++)
		listeners[i] = listen_inside();
	difc = xasprintf("--upstream=difc=127.0.0.1:%u", ports[0]);
	host = xasprintf("--upstream=host=localhost:%u", ports[1]);
	rest = xasprintf("--upstream=127.0.0.1:%u", ports[2]);
	pid = start((const char *[]){ difc, rest, host, NULL }, listeners, 5,
		    "difc:host:other::difc");
	assert_leads_to(listeners[0], services[0]);
	assert_leads_to(listeners[1], services[1]);
	assert_leads_to(listeners[2], services[2]);
	assert_leads_to(listeners[3], services[2]);
	assert_leads_to(listeners[4], services[0]);
	stop(pid);
	close_all(services, ARRAY_SIZE(services));
	close_all(listeners, ARRAY_SIZE(listeners));
}

/* Sockets without names are those that sd_listen_fds_with_names(3) calls unknown. */
static void test_no_names(void **state)
{
	uint16_t port;
	_cleanup_close_ int service = loopback_listen(&port);
	_cleanup_close_ int listener = listen_inside();
	_cleanup_free_ char *upstream = xasprintf("--upstream=unknown=127.0.0.1:%u", port);
	pid_t pid;

	(void)state;
	pid = start((const char *[]){ upstream, NULL }, &listener, 1, NULL);
	assert_leads_to(listener, service);
	stop(pid);
}

static void test_same_port(void **state)
{
	int services[3], listeners[3];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		services[i] = loopback_listen_beside(INSIDE, &listeners[i]);
	pid = start((const char *[]){ "--upstream=host=127.0.0.1:*", NULL }, listeners, 3,
		    "host:host:host");
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		assert_leads_to(listeners[i], services[i]);
	stop(pid);
	close_all(services, ARRAY_SIZE(services));
	close_all(listeners, ARRAY_SIZE(listeners));
}

/* A service at one of the two loopback addresses only, whichever and in any order. */
static void test_localhost(void **state)
{
	_cleanup_close_ int v4 = -EBADF, v6 = -EBADF, listener = -EBADF;
	_cleanup_close_ int other_v4 = -EBADF, other = -EBADF, client = -EBADF;
	uint16_t port;
	pid_t pid;

	(void)state;
	v6 = loopback_listen_at("::1", 0);
	if (v6 < 0)
		skip();
	v6 = fd_close(v6);
	v4 = loopback_listen_beside("::1", &v6);
	port = loopback_port(v4);
	v4 = fd_close(v4);
	listener = loopback_listen_at(INSIDE, port);
	assert_true(listener >= 0);
	other_v4 = loopback_listen_beside(INSIDE, &other);
	pid = start((const char *[]){ "--upstream=LocalHost:*", NULL },
		    (const int[]){ listener, other }, 2, NULL);
	for (int i = 0; i < 3; i++) {
		assert_leads_to(listener, v6);
		assert_leads_to(other, other_v4);
	}
	v6 = fd_close(v6);
	client = loopback_connect_to(listener);
	loopback_assert_reset(client);
	v4 = loopback_listen_at("127.0.0.1", port);
	assert_true(v4 >= 0);
	assert_leads_to(listener, v4);
	assert_leads_to(listener, v4);
	stop(pid);
}

/* A service at whichever of several hosts; the first of them counts when there are two. */
static void test_several_hosts(void **state)
{
	_cleanup_close_ int first = -EBADF, second = -EBADF, listener = -EBADF, client = -EBADF;
	uint16_t port;
	pid_t pid;

	(void)state;
	second = loopback_listen_beside(INSIDE, &listener);
	port = loopback_port(second);
	second = fd_close(second);
	second = loopback_listen_at("127.0.0.4", port);
	assert_true(second >= 0);
	pid = start((const char *[]){ "--upstream=host=localhost,127.0.0.3,127.0.0.4:*", NULL },
		    &listener, 1, "host");
	assert_leads_to(listener, second);
	second = fd_close(second);
	client = loopback_connect_to(listener);
	loopback_assert_reset(client);
	first = loopback_listen_at("127.0.0.3", port);
	assert_true(first >= 0);
	assert_leads_to(listener, first);
	stop(pid);
}

/* An address is exactly that address. */
static void test_only_that_address(void **state)
{
	_cleanup_close_ int v6 = loopback_listen_at("::1", 0), listener = -EBADF;
	_cleanup_close_ int second = -EBADF, client = -EBADF;
	pid_t pid;

	(void)state;
	if (v6 < 0)
		skip();
	listener = loopback_listen_at(INSIDE, loopback_port(v6));
	assert_true(listener >= 0);
	second = loopback_listen_at("127.0.0.3", loopback_port(v6));
	assert_true(second >= 0);
	pid = start(
		(const char *[]){ "--upstream=four=127.0.0.1:*", "--upstream=six=[::1]:*", NULL },
		(const int[]){ listener, second }, 2, "four:six");
	assert_leads_to(second, v6);
	client = loopback_connect_to(listener);
	loopback_assert_reset(client);
	assert_false(is_called(v6, 0));
	stop(pid);
}

/* --- Fair shares ----------------------------------------------------------------------------- */

/* Two upstreams, and the connections to each. */
struct side {
	int listener, service;
	int clients[4], servers[4];
	size_t count;
};

static void side_connect(struct side *s)
{
	s->clients[s->count] = loopback_connect_to(s->listener);
}

static void side_accept(struct side *s)
{
	s->servers[s->count] = loopback_accept(s->service);
	loopback_pass(s->clients[s->count], s->servers[s->count], "served");
	s->count++;
}

/* The oldest connection ends. */
static void side_end(struct side *s)
{
	loopback_reset(s->clients[0]);
	close(s->servers[0]);
	memmove(s->clients, s->clients + 1, sizeof(s->clients) - sizeof(*s->clients));
	memmove(s->servers, s->servers + 1, sizeof(s->servers) - sizeof(*s->servers));
	s->count--;
}

static void side_close(struct side *s)
{
	close_all(s->clients, s->count);
	close_all(s->servers, s->count);
	close(s->listener);
	close(s->service);
}

/* A relay for both with four connections in all. */
static pid_t sides_start(struct side sides[2])
{
	uint16_t ports[2];
	_cleanup_free_ char *a = NULL, *b = NULL;

	for (size_t i = 0; i < 2; i++) {
		sides[i] = (struct side){ .service = loopback_listen(&ports[i]),
					  .listener = listen_inside() };
	}
	a = xasprintf("--upstream=a=127.0.0.1:%u", ports[0]);
	b = xasprintf("--upstream=b=127.0.0.1:%u", ports[1]);
	return start((const char *[]){ "--max-connections=4", a, b, NULL },
		     (const int[]){ sides[0].listener, sides[1].listener }, 2, "a:b");
}

/* Of four connections each upstream is sure of one, however the other is besieged. */
static void test_shares(void **state)
{
	struct side sides[2] = { 0 };
	struct side *greedy = &sides[0], *modest = &sides[1];
	pid_t pid = sides_start(sides);

	(void)state;
	for (int i = 0; i < 3; i++) {
		side_connect(greedy);
		side_accept(greedy);
	}
	side_connect(greedy);
	assert_false(is_called(greedy->service, QUIET_MS));
	side_connect(modest);
	side_accept(modest);
	side_connect(modest);
	assert_false(is_called(modest->service, QUIET_MS));
	assert_false(is_called(greedy->service, 0));

	/* What gets free is for who has waited longest, and then for the other. */
	side_end(greedy);
	side_accept(greedy);
	assert_false(is_called(modest->service, QUIET_MS));
	side_end(greedy);
	side_accept(modest);
	stop(pid);
	side_close(greedy);
	side_close(modest);
}

/* What one upstream gave back is for the other, too, but for what that one is sure of. */
static void test_shares_given_back(void **state)
{
	struct side sides[2] = { 0 };
	struct side *first = &sides[0], *second = &sides[1];
	pid_t pid = sides_start(sides);

	(void)state;
	for (int i = 0; i < 3; i++) {
		side_connect(first);
		side_accept(first);
	}
	side_connect(second);
	side_accept(second);
	for (int i = 0; i < 2; i++) {
		side_connect(second);
		assert_false(is_called(second->service, QUIET_MS));
		side_end(first);
		side_accept(second);
	}
	side_connect(second);
	side_end(first);
	assert_false(is_called(second->service, QUIET_MS));
	close(second->clients[3]);
	stop(pid);
	side_close(first);
	side_close(second);
}

/* --- Sockets that wait for room -------------------------------------------------------------- */

/* One connection at a time, which is that of the first of three sockets. */
struct crowd {
	pid_t pid;
	int listeners[3], services[3];
	int client, server;
};

static void crowd_start(struct crowd *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->services); i++)
		c->services[i] = loopback_listen_beside(INSIDE, &c->listeners[i]);
	c->pid = start((const char *[]){ "--max-connections=1", "--upstream=localhost:*", NULL },
		       c->listeners, 3, NULL);
	c->client = loopback_connect_to(c->listeners[0]);
	c->server = loopback_accept(c->services[0]);
}

/* One more, which has to wait; the relay knows of it when this returns. */
static int crowd_join(const struct crowd *c, size_t socket)
{
	int client = loopback_connect_to(c->listeners[socket]);

	loopback_pass(c->client, c->server, "still here");
	relay_await_idle(c->pid);
	return client;
}

/* The connection that there is ends; the next one is that of this client. */
static void crowd_next(struct crowd *c, size_t socket, int client)
{
	loopback_reset(c->client);
	close(c->server);
	c->client = client;
	c->server = loopback_accept(c->services[socket]);
	loopback_pass(c->client, c->server, "at last");
	relay_await_idle(c->pid);
	for (size_t i = 0; i < ARRAY_SIZE(c->services); i++)
		assert_false(is_called(c->services[i], 0));
}

static void crowd_stop(struct crowd *c)
{
	stop(c->pid);
	close(c->client);
	close(c->server);
	close_all(c->services, ARRAY_SIZE(c->services));
	close_all(c->listeners, ARRAY_SIZE(c->listeners));
}

/* However many wait at one socket, the others have their turn. */
static void test_sockets_take_turns(void **state)
{
	struct crowd c;
	int first[3], second, third;

	(void)state;
	crowd_start(&c);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		first[i] = crowd_join(&c, 0);
	second = crowd_join(&c, 1);
	third = crowd_join(&c, 2);
	crowd_next(&c, 0, first[0]);
	crowd_next(&c, 1, second);
	crowd_next(&c, 2, third);
	crowd_next(&c, 0, first[1]);
	crowd_next(&c, 0, first[2]);
	crowd_stop(&c);
}

/* A socket where nobody waits any more doesn't keep the others waiting. */
static void test_nobody_waits(void **state)
{
	struct crowd c;
	int third;

	(void)state;
	crowd_start(&c);
	third = crowd_join(&c, 2);
	crowd_next(&c, 2, third);
	crowd_next(&c, 1, crowd_join(&c, 1));
	crowd_stop(&c);
}

/* --- Refusals -------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	const char *names;
	const char *upstreams[3];
} refused[] = {
	{ "no upstream for one", "difc:host", { "difc=127.0.0.1:1" } },
	{ "no upstream for an empty name", "difc:", { "difc=127.0.0.1:1" } },
	{ "no upstream without names", NULL, { "difc=127.0.0.1:1" } },
	{ "one name is part of the other", "difc:dif", { "difc=127.0.0.1:1" } },
	{ "two of one name", "difc:difc", { "difc=127.0.0.1:1", "difc=127.0.0.1:2" } },
	{ "two without", NULL, { "127.0.0.1:1", "127.0.0.1:2" } },
	{ "too few names", "difc", { "127.0.0.1:1" } },
	{ "too many names", "a:b:c", { "127.0.0.1:1" } },
	{ "no name before =", NULL, { "=127.0.0.1:1" } },
	{ "a colon in a name", NULL, { "a:b=127.0.0.1:1" } },
	{ "no host", NULL, { "a=:1", "127.0.0.1:1" } },
	{ "no port", NULL, { "127.0.0.1:" } },
	{ "two stars", NULL, { "127.0.0.1:**" } },
	{ "a star and more", NULL, { "127.0.0.1:*1" } },
	{ "nothing but a star", NULL, { "*" } },
};

/* Whether the relay ends at once with an error. */
static bool ends_with_error(char *const *argv, const struct relay_sockets *sockets)
{
	const struct relay unlimited = { 0 };
	int ready, status = relay_await(relay_run_sockets(argv, sockets, &unlimited, &ready));

	close(ready);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void test_refused(void **state)
{
	const int fds[2] = { listen_inside(), listen_inside() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char *argv[] = { (char *)"awf-relay", NULL, NULL, NULL, NULL };
		const struct relay_sockets sockets = { fds, 2, refused[i].names };

		for (size_t n = 0; refused[i].upstreams[n]; n++)
			argv[n + 1] = xasprintf("--upstream=%s", refused[i].upstreams[n]);
		assert_row(refused[i].what, ends_with_error(argv, &sockets));
		for (size_t n = 1; argv[n]; n++)
			free(argv[n]);
	}
	close_all(fds, 2);
}

static void test_too_many(void **state)
{
	char *argv[RELAY_ARGUMENTS_MAX] = { (char *)"awf-relay" };
	char *one[] = { (char *)"awf-relay", (char *)"--upstream=127.0.0.1:1", NULL };
	_cleanup_close_ int listener = listen_inside();
	int many[321];
	struct relay_sockets sockets = { many, 1, "name0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = listener;
	for (int i = 0; i < 17; i++)
		argv[i + 1] = xasprintf("--upstream=name%d=127.0.0.1:1", i);
	assert_true(ends_with_error(argv, &sockets));
	for (int i = 0; i < 17; i++)
		free(argv[i + 1]);
	sockets = (struct relay_sockets){ many, ARRAY_SIZE(many), NULL };
	assert_true(ends_with_error(one, &sockets));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_same_port),
		cmocka_unit_test(test_localhost),
		cmocka_unit_test(test_several_hosts),
		cmocka_unit_test(test_only_that_address),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_shares_given_back),
		cmocka_unit_test(test_sockets_take_turns),
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS("relay-upstreams", tests);
}
