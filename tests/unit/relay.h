/* The real awf-relay as a child of a test, and what is sent through it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RELAY_EXIT_MS       10000 /* it has to end within */
#define RELAY_ARGUMENTS_MAX 16

struct relay {
	pid_t pid;
	uint16_t port;        /* where it listens */
	uint16_t target_port; /* what it connects to */
	int target;           /* that listening socket, or -EBADF */
	rlim_t descriptors;   /* how many it may have; 0: as many as this process */
	int leaked;           /* how many of them are taken by something else */
};

/* Executes awf-relay with these arguments and, unless it is negative, a listening socket; *ready is
 * where it tells that it is ready (descriptor 4 there). Of r only the limits count. */
pid_t relay_run(char *const *argv, int listener, const struct relay *r, int *ready);

/* Waits for the process with a limit; its status as of waitpid(2). */
int relay_await(pid_t pid);

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
