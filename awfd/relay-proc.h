/* One awf-relay process: start, readiness, end. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

struct relay_proc;

struct relay_proc_spec {
	const char *path;    /* of the awf-relay program */
	const char *sandbox; /* id; appears in the process's arguments */
	uid_t uid;
	gid_t gid;
	const struct sockaddr_storage *upstream;
	const int *listeners; /* borrowed; listening sockets of the sandbox's namespace */
	size_t listener_count;
};

/* Events of a relay: `ready` once it serves (e NULL), then `exited` at most once, with e saying how
 * it ended (also before it was ready). Called from the loop. */
struct relay_proc_events {
	void (*ready)(struct relay_proc *p, void *userdata);
	void (*exited)(struct relay_proc *p, const struct err *e, void *userdata);
};

int relay_proc_start(struct event_base *base, const struct relay_proc_spec *spec,
		     const struct relay_proc_events *events, void *userdata,
		     struct relay_proc **ret, struct err *e) _must_check_;

pid_t relay_proc_pid(const struct relay_proc *p);

/* Kills the process if it runs, reaps it, forgets its events and frees the handle. */
void relay_proc_free(struct relay_proc *p);
