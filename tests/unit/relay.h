/* The real awf-relay as a child of a test, and what is sent through it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RELAY_EXIT_MS       10000 /* it has to end within */
#define RELAY_ARGUMENTS_MAX 32
#define RELAY_READY_FD      400 /* behind all sockets */
#define RELAY_READY_OPTION  "--ready-fd=400"

struct relay {
	pid_t pid;
	uint16_t port;        /* where it listens */
	uint16_t target_port; /* what it connects to */
	int target;           /* that listening socket, or -EBADF */
	int log;              /* what it writes its log to; 0: it has none */
	rlim_t descriptors;   /* how many it may have; 0: as many as this process */
	int leaked;           /* how many of them are taken by something else */
};

/* What a relay inherits. */
struct relay_sockets {
	const int *fds;
	size_t count;
	const char *names; /* with colons between them; NULL: none */
};

/* Executes awf-relay with these arguments and sockets, and tells where it tells that it is ready:
 * --ready-fd=RELAY_READY_FD there. Of r only the limits count. */
pid_t relay_run_sockets(char *const *argv, const struct relay_sockets *sockets,
			const struct relay *r, int *ready);

/* The same with one listening socket, or none when that is negative. */
pid_t relay_run(char *const *argv, int listener, const struct relay *r, int *ready);

/* Waits until it has told that it is ready. */
void relay_await_ready(int ready);

/* Waits for the process with a limit; its status as of waitpid(2). */
int relay_await(pid_t pid);

/* Waits until it has seen all that has happened so far, and waits for more. */
void relay_await_idle(pid_t pid);

/* Processor time that it has used, in milliseconds. */
double relay_cpu_ms(pid_t pid);

/* Starts a relay to a listening socket of its own, with more options, and waits until it serves. */
void relay_start(struct relay *r, char *const *options);

/* Ends it; it has to exit with 0. */
void relay_stop(struct relay *r);

/* relay_start() and relay_stop() as set-up and teardown of a test. */
int relay_set_up(void **state);
int relay_tear_down(void **state);

/* A connection through the relay: its client and its server. */
void relay_connect(const struct relay *r, int *client, int *server);

/* Fills a buffer with that part of an endless stream in which anything lost, doubled or swapped
 * shows. Offset and length are multiples of 8. */
void relay_fill(char *buffer, size_t offset, size_t length);
