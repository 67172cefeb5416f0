/* One awf-relay process: start, readiness, end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <event2/event.h>

#include "awfd/host-addresses.h"
#include "awfd/process.h"
#include "common/cleanup.h"
#include "common/err.h"

struct relay_proc;

/* Where the connections of the listeners of one name go: to one address, or to the same port of the
 * host that they came in on, at 127.0.0.1, ::1 or one of its other addresses, whichever answers. */
struct relay_upstream {
	const char *name;
	const struct sockaddr_storage *address; /* NULL for host ports */
	bool host_ports;
	const struct host_addresses *host; /* of host ports, beside loopback; or NULL */
};

struct relay_proc_spec {
	const char *path;    /* of the awf-relay program */
	const char *sandbox; /* id; appears in the process's arguments */
	uid_t uid;
	gid_t gid;
	const struct relay_upstream *upstreams; /* borrowed for the call, as all here */
	size_t upstream_count;
	const int *listeners;              /* listening sockets of the sandbox's namespaces */
	const char *const *listener_names; /* each that of an upstream */
	size_t listener_count;             /* less than SPAWN_FDS_MAX */
	int counters;                      /* what it counts in, common/counters.h; or -EBADF */
	int log;                           /* what it writes common/relay-event.h to; or -EBADF */
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

/* A relay that an earlier awfd started and that serves already; -ESRCH when it has ended. */
int relay_proc_adopt(struct event_base *base, const struct process_id *id,
		     const struct relay_proc_events *events, void *userdata,
		     struct relay_proc **ret) _must_check_;

pid_t relay_proc_pid(const struct relay_proc *p);

/* Who it is, for the next awfd. 0 or -ESRCH when it has ended. */
int relay_proc_identify(const struct relay_proc *p, struct process_id *ret) _must_check_;

/* Has it end: `exited` follows, in a second at the latest. False when it has ended already. */
bool relay_proc_stop(struct relay_proc *p);

/* Kills the process if it runs, reaps it, forgets its events and frees the handle. */
void relay_proc_free(struct relay_proc *p);

/* Frees the handle and leaves the process serving. */
void relay_proc_release(struct relay_proc *p);
