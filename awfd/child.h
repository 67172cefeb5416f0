/* A helper process under awfd's loop: started by spawn.h, its end told once, killed when let go. */
#pragma once

#include <stdbool.h>

#include <event2/event.h>

#include "awfd/spawn.h"

struct child;

/* Called once, from the loop, when the process has ended and was reaped: how, in words ("exit code
 * 1", "signal SIGKILL") and whether well (exit code 0). The handle is still to be freed. */
typedef void (*child_ended_fn)(struct child *c, bool well, const char *how, void *userdata);

/* One that starts in another namespace is the broker's child: how it ended cannot be told. */
int child_start(struct event_base *base, const struct spawn *spawn, child_ended_fn fn,
		void *userdata, struct child **ret, struct err *e) _must_check_;

/* A helper that an earlier awfd started, by its pidfd (taken over): how it ended cannot be told. */
struct child *child_adopt(struct event_base *base, pid_t pid, int pidfd, child_ended_fn fn,
			  void *userdata) _must_check_;

pid_t child_pid(const struct child *c);
int child_pidfd(const struct child *c);

/* Asks the process to end, if it runs. */
void child_terminate(const struct child *c);

/* Kills the process if it runs, reaps it, and frees the handle; fn is not called any more. */
void child_free(struct child *c);

/* Frees the handle and leaves the process running. */
void child_release(struct child *c);
