#include "tests/unit/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/program.h"

#define FIRST_FD   3
#define LOG_OPTION "--log-fd=4"         /* behind the one socket */
#define HIGH_FD    (RELAY_READY_FD + 1) /* from here on they are out of the way */

/* Puts the sockets where the relay expects them, and names them. */
static void pass_sockets(const struct relay_sockets *sockets)
{
	_cleanup_free_ char *pid = xasprintf("%d", getpid());
	_cleanup_free_ char *count = xasprintf("%zu", sockets->count);
	int high[sockets->count + 1];

	for (size_t i = 0; i < sockets->count; i++)
		high[i] = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
	for (size_t i = 0; i < sockets->count; i++)
		if (high[i] < 0 || dup2(high[i], FIRST_FD + (int)i) < 0)
			_exit(126);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_PID", pid, 1);
	unsetenv("LISTEN_FDNAMES");
	if (sockets->names)
		setenv("LISTEN_FDNAMES", sockets->names, 1);
}

static void exec_relay(char *const *argv, const struct relay_sockets *sockets, int ready,
		       const struct relay *r)
{
	_cleanup_free_ char *path = program_path("awf-relay");
	int high = fcntl(ready, F_DUPFD_CLOEXEC, HIGH_FD);

	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for TAP */
	pass_sockets(sockets);
	if (dup2(high, RELAY_READY_FD) < 0)
		_exit(126);
	for (int i = 0; i < r->leaked; i++)
		(void)fcntl(STDERR_FILENO, F_DUPFD, 0);
	if (r->descriptors > 0)
		(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ r->descriptors, r->descriptors });
	execv(path, argv);
	_exit(127);
}

pid_t relay_run_sockets(char *const *argv, const struct relay_sockets *sockets,
			const struct relay *r, int *ready)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		exec_relay(argv, sockets, fds[1], r);
	close(fds[1]);
	*ready = fds[0];
	return pid;
}

pid_t relay_run(char *const *argv, int listener, const struct relay *r, int *ready)
{
	const struct relay_sockets sockets = { .fds = &listener, .count = listener >= 0 };

	return relay_run_sockets(argv, &sockets, r, ready);
}

void relay_await_ready(int ready)
{
	char text[16] = "";

	assert_int_equal(read(ready, text, sizeof(text)), 8);
	assert_string_equal(text, "READY=1\n");
}

void relay_start(struct relay *r, char *const *options)
{
	_cleanup_free_ char *upstream = NULL;
	_cleanup_close_ int listener = -EBADF, ready = -EBADF;
	struct relay_sockets sockets = { .count = r->log > 0 ? 2 : 1 };
	char *argv[RELAY_ARGUMENTS_MAX] = { (char *)"awf-relay", (char *)RELAY_READY_OPTION,
					    (char *)"--sandbox=abcdefghij" };
	size_t n = 3;

	r->target = loopback_listen(&r->target_port);
	upstream = xasprintf("--upstream=127.0.0.1:%u", r->target_port);
	argv[n++] = upstream;
	while (options && *options)
		argv[n++] = *options++;
	if (r->log > 0)
		argv[n++] = (char *)LOG_OPTION;
	listener = loopback_listen(&r->port);
	sockets.fds = (const int[]){ listener, r->log };
	r->pid = relay_run_sockets(argv, &sockets, r, &ready);
	relay_await_ready(ready);
}

/* A relay sleeps nowhere but in epoll_wait(2), and there only when no socket is ready. */
static bool is_asleep(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	char state = 0;

	assert_true(f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
	return state == 'S';
}

void relay_await_idle(pid_t pid)
{
	for (int ms = 0; ms < RELAY_EXIT_MS; ms++) {
		if (is_asleep(pid))
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("the relay is never idle");
}

double relay_cpu_ms(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/schedstat", pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	unsigned long long ns = 0;

	assert_true(f && fscanf(f, "%llu", &ns) == 1);
	return (double)ns / 1e6;
}

int relay_await(pid_t pid)
{
	int status;

	for (int ms = 0; ms < RELAY_EXIT_MS; ms += 5) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		poll(NULL, 0, 5);
	}
	kill(pid, SIGKILL);
	fail_msg("the relay did not end");
	return -1;
}

void relay_stop(struct relay *r)
{
	assert_int_equal(kill(r->pid, SIGTERM), 0);
	assert_int_equal(relay_await(r->pid), 0);
	r->target = fd_close(r->target);
}

int relay_set_up(void **state)
{
	struct relay *r = xnew(struct relay);

	relay_start(r, NULL);
	*state = r;
	return 0;
}

int relay_tear_down(void **state)
{
	struct relay *r = *state;

	relay_stop(r);
	free(r);
	return 0;
}

void relay_connect(const struct relay *r, int *client, int *server)
{
	*client = loopback_connect(r->port);
	*server = loopback_accept(r->target);
}

/* The i-th 64 bits of the stream that is sent: anything lost, doubled or swapped shows. */
static uint64_t word(uint64_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;

	return x ^ (x >> 29);
}

void relay_fill(char *buffer, size_t offset, size_t length)
{
	for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
		uint64_t w = word((offset + i) / sizeof(uint64_t));

		memcpy(buffer + i, &w, sizeof(w));
	}
}
