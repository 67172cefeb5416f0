#include "tests/unit/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/program.h"

#define LISTEN_FD 3
#define READY_FD  4

static void exec_relay(char *const *argv, int listener, int ready, const struct relay *r)
{
	_cleanup_free_ char *path = program_path("awf-relay");
	_cleanup_free_ char *pid = xasprintf("%d", getpid());
	int high = fcntl(ready, F_DUPFD, 10);

	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for TAP */
	if (listener >= 0 && dup2(listener, LISTEN_FD) != LISTEN_FD)
		_exit(126);
	if (listener >= 0 && fd_set_cloexec(LISTEN_FD, false) < 0)
		_exit(126);
	setenv("LISTEN_FDS", listener >= 0 ? "1" : "0", 1);
	setenv("LISTEN_PID", pid, 1);
	if (dup2(high, READY_FD) != READY_FD)
		_exit(126);
	close(high);
	for (int i = 0; i < r->leaked; i++)
		(void)fcntl(STDERR_FILENO, F_DUPFD, 0);
	if (r->descriptors > 0)
		(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ r->descriptors, r->descriptors });
	execv(path, argv);
	_exit(127);
}

pid_t relay_run(char *const *argv, int listener, const struct relay *r, int *ready)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		exec_relay(argv, listener, fds[1], r);
	close(fds[1]);
	*ready = fds[0];
	return pid;
}

void relay_start(struct relay *r, char *const *options)
{
	_cleanup_free_ char *upstream = NULL;
	_cleanup_close_ int listener = -EBADF, ready = -EBADF;
	char *argv[RELAY_ARGUMENTS_MAX] = { (char *)"awf-relay", (char *)"--ready-fd=4",
					    (char *)"--sandbox=abcdefghij" };
	size_t n = 3;
	char text[16] = "";

	r->target = loopback_listen(&r->target_port);
	upstream = xasprintf("--upstream=127.0.0.1:%u", r->target_port);
	argv[n++] = upstream;
	while (options && *options)
		argv[n++] = *options++;
	listener = loopback_listen(&r->port);
	r->pid = relay_run(argv, listener, r, &ready);
	assert_int_equal(read(ready, text, sizeof(text)), 8);
	assert_string_equal(text, "READY=1\n");
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
