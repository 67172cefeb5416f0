/* Starts the real awf-relay, and programs that aren't one, as awfd does. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "awfd/host-ports.h"
#include "awfd/relay-proc.h"
#include "common/fd.h"
#include "common/relay-event.h"
#include "tests/unit/check.h"
#include "tests/unit/program.h"
#include "tests/unit/loopback.h"

#define NOBODY        65534
#define LIMIT_SECONDS 20

struct seen {
	struct event_base *base;
	bool ready;
	unsigned exited;
	char *how;
};

static void on_ready(struct relay_proc *p, void *userdata)
{
	struct seen *seen = userdata;

	(void)p;
	assert_false(seen->ready);
	seen->ready = true;
	event_base_loopbreak(seen->base);
}

static void on_exited(struct relay_proc *p, const struct err *e, void *userdata)
{
	struct seen *seen = userdata;

	(void)p;
	seen->exited++;
	seen->how = err_text(e);
	event_base_loopbreak(seen->base);
}

static const struct relay_proc_events events = { on_ready, on_exited };

/* A listening socket, with its address and port. */
static int listen_at(struct sockaddr_storage *address, uint16_t *port)
{
	socklen_t length = sizeof(*address);
	int fd = loopback_listen(port);

	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
	return fd;
}

/* Runs the loop until a callback or the limit ends it. */
static void run(struct event_base *base)
{
	const struct timeval limit = { .tv_sec = LIMIT_SECONDS };

	assert_int_equal(event_base_loopexit(base, &limit), 0);
	assert_true(event_base_dispatch(base) >= 0);
}

/* A relay for one socket and one upstream. */
static void fill_spec(struct relay_proc_spec *spec, const char *path,
		      const struct relay_upstream *upstream, const int *listener)
{
	static const char *const names[] = { "difc" };

	*spec = (struct relay_proc_spec){ .path = path,
					  .counters = -EBADF,
					  .log = -EBADF,
					  .sandbox = "abcdefghij",
					  .uid = geteuid() == 0 ? NOBODY : geteuid(),
					  .gid = geteuid() == 0 ? NOBODY : getegid(),
					  .upstreams = upstream,
					  .upstream_count = 1,
					  .listeners = listener,
					  .listener_names = names,
					  .listener_count = 1 };
}

static void assert_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* The arguments of a process with spaces between them. */
static char *command_line(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/cmdline", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = xcalloc(1, 256);
	ssize_t length = read(fd, text, 255);

	assert_true(length > 0);
	for (ssize_t i = 0; i + 1 < length; i++)
		text[i] = text[i] ? text[i] : ' ';
	return text;
}

static void test_serves_and_dies(void **state)
{
	_cleanup_free_ char *path = program_path("awf-relay"), *line = NULL, *wanted = NULL;
	struct sockaddr_storage target_address = { 0 }, address = { 0 };
	const struct relay_upstream upstream = { .name = "difc", .address = &target_address };
	struct seen seen = { .base = event_base_new() };
	uint16_t upstream_port, port;
	_cleanup_close_ int target = listen_at(&target_address, &upstream_port);
	_cleanup_close_ int listener = listen_at(&address, &port);
	_cleanup_close_ int client = -EBADF, server = -EBADF;
	_cleanup_err_ struct err e = { 0 };
	struct relay_proc_spec spec;
	struct relay_proc *p = NULL;

	(void)state;
	fill_spec(&spec, path, &upstream, &listener);
	if (relay_proc_start(seen.base, &spec, &events, &seen, &p, &e) < 0)
		fail_msg("%s", e.message);
	assert_false(seen.ready);
	run(seen.base);
	if (!seen.ready)
		fail_msg("%s", seen.how ? seen.how : "not ready");

	listener = fd_close(listener); /* the relay has its own */
	client = loopback_connect(port);
	server = loopback_accept(target);
	loopback_pass(client, server, "x");
	line = command_line(relay_proc_pid(p));
	wanted = xasprintf("awf-relay --sandbox=abcdefghij --upstream=difc=127.0.0.1:%u",
			   upstream_port);
	assert_text_contains(line, wanted);

	assert_int_equal(kill(relay_proc_pid(p), SIGABRT), 0);
	run(seen.base);
	assert_int_equal(seen.exited, 1);
	assert_same_text(seen.how, "awf-relay ended with signal SIGABRT");
	relay_proc_free(p);
	free(seen.how);
	event_base_free(seen.base);
	assert_no_children();
}

/* To free a handle ends the process, before and after it is ready; its port is free at once. */
static void test_handle_freed(void **state)
{
	_cleanup_free_ char *path = program_path("awf-relay");
	struct sockaddr_storage target_address = { 0 }, address = { 0 };
	const struct relay_upstream upstream = { .name = "difc", .address = &target_address };
	struct seen seen = { .base = event_base_new() };
	uint16_t port;
	_cleanup_close_ int target = listen_at(&target_address, &port);
	_cleanup_close_ int listener = listen_at(&address, &port);
	_cleanup_close_ int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct relay_proc_spec spec;
	struct relay_proc *p = NULL;

	(void)state;
	fill_spec(&spec, path, &upstream, &listener);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(relay_proc_start(seen.base, &spec, &events, &seen, &p, NULL), 0);
		if (i == 1)
			run(seen.base);
		relay_proc_free(p);
		assert_no_children();
	}
	assert_true(seen.ready);
	assert_int_equal(seen.exited, 0);
	listener = fd_close(listener);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	event_base_free(seen.base);
	relay_proc_free(NULL);
}

static const struct {
	const char *script;
	const char *how;
} impostors[] = {
	{ "exit 0", "awf-relay ended with exit code 0" },
	{ "exit 3", "awf-relay ended with exit code 3" },
	{ "kill -SEGV $$", "awf-relay ended with signal SIGSEGV" },
	{ "echo READY=2; sleep 60", "awf-relay ended with an answer that is none" },
	{ "printf 'READY=1\\n\\n'; sleep 60", "awf-relay ended with an answer that is none" },
	{ "yes", "awf-relay ended with an answer that is none" },
	{ "printf READ; sleep 0.1; exit 7", "awf-relay ended with exit code 7" },
};

static char *make_script(const char *directory, const char *text)
{
	char *path = xasprintf("%s/script", directory);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_int_equal(chmod(directory, 0755), 0);
	assert_true(dprintf(fd, "#!/bin/sh\n%s\n", text) > 0);
	return path;
}

/* What ends before it is ready, or says something else, is told as ended and never as ready. */
static void test_impostors(void **state)
{
	_cleanup_scratch_ char *directory = scratch_new();
	struct sockaddr_storage address = { 0 };
	const struct relay_upstream upstream = { .name = "difc", .address = &address };
	uint16_t port;
	_cleanup_close_ int listener = listen_at(&address, &port);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impostors); i++) {
		_cleanup_free_ char *path = make_script(directory, impostors[i].script);
		struct seen seen = { .base = event_base_new() };
		struct relay_proc *p = NULL;
		struct relay_proc_spec spec;

		fill_spec(&spec, path, &upstream, &listener);
		assert_int_equal(relay_proc_start(seen.base, &spec, &events, &seen, &p, NULL), 0);
		run(seen.base);
		assert_row(impostors[i].script, !seen.ready && seen.exited == 1);
		assert_same_text(seen.how, impostors[i].how);
		relay_proc_free(p);
		free(seen.how);
		event_base_free(seen.base);
	}
	assert_no_children();
}

static void test_not_there(void **state)
{
	struct sockaddr_storage address = { 0 };
	const struct relay_upstream upstream = { .name = "difc", .address = &address };
	uint16_t port;
	_cleanup_close_ int listener = listen_at(&address, &port);
	struct event_base *base = event_base_new();
	_cleanup_err_ struct err e = { 0 };
	struct relay_proc *p = NULL;
	struct relay_proc_spec spec;

	(void)state;
	fill_spec(&spec, "/nonexistent", &upstream, &listener);
	assert_int_equal(relay_proc_start(base, &spec, &events, NULL, &p, &e), -ENOENT);
	assert_same_text(e.message, "/nonexistent: No such file or directory");
	assert_null(p);
	event_base_free(base);
}

/* A relay that serves, with one connection through it. */
struct serving {
	struct seen seen;
	struct relay_proc *p;
	int target, client, server;
	int log;
};

static void serve(struct serving *s)
{
	_cleanup_free_ char *path = program_path("awf-relay");
	struct sockaddr_storage target_address = { 0 }, address = { 0 };
	const struct relay_upstream upstream = { "difc", &target_address, false, NULL };
	uint16_t upstream_port, port;
	_cleanup_close_ int listener = listen_at(&address, &port);
	_cleanup_err_ struct err e = { 0 };
	struct relay_proc_spec spec;

	s->seen.base = event_base_new();
	s->target = listen_at(&target_address, &upstream_port);
	s->log = memfd_create("log", MFD_CLOEXEC);
	fill_spec(&spec, path, &upstream, &listener);
	spec.log = s->log;
	if (relay_proc_start(s->seen.base, &spec, &events, &s->seen, &s->p, &e) < 0)
		fail_msg("%s", e.message);
	run(s->seen.base);
	assert_true(s->seen.ready);
	s->client = loopback_connect(port);
	s->server = loopback_accept(s->target);
	loopback_pass(s->client, s->server, "abc");
}

static void serving_clear(struct serving *s)
{
	close(s->client);
	close(s->server);
	close(s->target);
	close(s->log);
	relay_proc_free(s->p);
	free(s->seen.how);
	event_base_free(s->seen.base);
}

/* It ends in this way, once. */
static void assert_stops(struct serving *s, const char *how)
{
	assert_true(relay_proc_stop(s->p));
	assert_true(relay_proc_stop(s->p)); /* is not another time */
	assert_int_equal(s->seen.exited, 0);
	run(s->seen.base);
	assert_int_equal(s->seen.exited, 1);
	assert_same_text(s->seen.how, how);
	assert_false(relay_proc_stop(s->p));
}

/* Asked to end, it tells of what it had open. */
static void test_stop(void **state)
{
	char line[RELAY_EVENT_LINE_MAX] = { 0 };
	struct serving s = { 0 };
	struct relay_event event;

	(void)state;
	serve(&s);
	assert_stops(&s, "awf-relay ended with exit code 0");
	assert_true(pread(s.log, line, sizeof(line) - 1, 0) > 0);
	*strchrnul(line, '\n') = '\0';
	assert_row(line, relay_event_parse(line, &event) == 0);
	assert_int_equal(event.kind, RELAY_CUT_OFF);
	assert_string_equal(event.name, "difc");
	assert_int_equal(event.sent, 3);
	serving_clear(&s);
	assert_no_children();
}

/* One that does not hear is killed. */
static void test_stop_of_deaf(void **state)
{
	struct serving s = { 0 };

	(void)state;
	serve(&s);
	assert_int_equal(kill(relay_proc_pid(s.p), SIGSTOP), 0);
	assert_stops(&s, "awf-relay ended with SIGKILL, after it was asked to end");
	serving_clear(&s);
	assert_no_children();
}

/* One relay for DIFC and as many host ports as there may be, each to its own port. (Another address
 * stands for another namespace, in which ports are free.) */
static void test_host_ports(void **state)
{
	_cleanup_free_ char *path = program_path("awf-relay");
	static struct sockaddr_storage difc_address, unused;
	static int listeners[HOST_PORTS_MAX + 2], targets[HOST_PORTS_MAX];
	static const char *names[HOST_PORTS_MAX + 2];
	const struct relay_upstream upstreams[] = { { "difc", &difc_address, false, NULL },
						    { "host", NULL, true, NULL } };
	struct seen seen = { .base = event_base_new() };
	uint16_t port;
	_cleanup_close_ int difc = listen_at(&difc_address, &port);
	_cleanup_err_ struct err e = { 0 };
	struct relay_proc_spec spec;
	struct relay_proc *p = NULL;

	(void)state;
	fill_spec(&spec, path, upstreams, listeners);
	for (size_t i = 0; i < HOST_PORTS_MAX; i++) {
		targets[i] = loopback_listen_beside("127.0.0.2", &listeners[i]);
		names[i] = "host";
	}
	for (size_t i = HOST_PORTS_MAX; i < ARRAY_SIZE(listeners); i++) {
		listeners[i] = listen_at(&unused, &port);
		names[i] = "difc";
	}
	spec.upstream_count = ARRAY_SIZE(upstreams);
	spec.listener_names = names;
	spec.listener_count = ARRAY_SIZE(listeners);
	if (relay_proc_start(seen.base, &spec, &events, &seen, &p, &e) < 0)
		fail_msg("%s", e.message);
	run(seen.base);
	assert_true(seen.ready);
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
		int target = i < HOST_PORTS_MAX ? targets[i] : difc;
		_cleanup_close_ int client = loopback_connect_to(listeners[i]);
		_cleanup_close_ int server = loopback_accept(target);

		loopback_pass(client, server, "there");
		loopback_pass(server, client, "back");
		close(listeners[i]);
		if (target != difc)
			close(target);
	}
	relay_proc_free(p);
	event_base_free(seen.base);
	assert_no_children();
}

static const struct {
	const char *what;
	bool with_address, host_ports;
} bad_upstreams[] = {
	{ "neither an address nor host ports", false, false },
	{ "both", true, true },
	{ "an address that is none", true, false },
};

static void test_bad_upstream(void **state)
{
	_cleanup_free_ char *path = program_path("awf-relay");
	const struct sockaddr_storage none = { 0 };
	struct sockaddr_storage address = { 0 };
	uint16_t port;
	_cleanup_close_ int listener = listen_at(&address, &port);
	struct event_base *base = event_base_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_upstreams); i++) {
		const struct relay_upstream upstream = {
			.name = "difc",
			.address = bad_upstreams[i].with_address ? &none : NULL,
			.host_ports = bad_upstreams[i].host_ports,
		};
		struct relay_proc_spec spec;
		struct relay_proc *p = NULL;

		fill_spec(&spec, path, &upstream, &listener);
		assert_row(bad_upstreams[i].what,
			   relay_proc_start(base, &spec, &events, NULL, &p, NULL) == -EAFNOSUPPORT);
		assert_null(p);
	}
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves_and_dies),
		cmocka_unit_test(test_handle_freed),
		cmocka_unit_test(test_impostors),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_host_ports),
		cmocka_unit_test(test_bad_upstream),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_of_deaf),
	};

	return RUN_TESTS("relay-proc", tests);
}
