/* The listening sockets that a relay inherited. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "awfd/relay/passed.h"
#include "awfd/relay/report.h"
#include "awfd/relay/target.h"
#include "awfd/relay/upstreams.h"

struct listeners;

struct listeners_config {
	struct event_base *base;
	const struct passed *passed;       /* borrowed for the call that makes the listeners */
	const struct upstreams *upstreams; /* borrowed */
	struct report *report;             /* NULL: nobody wants to know */
	int log;                           /* one that was passed and is no socket; or -EBADF */
	/* No connection to this upstream may be accepted now. */
	bool (*full)(struct upstream *upstream, void *userdata);
	/* Takes fd over; -errno when there is a shortage. */
	int (*accepted)(int fd, struct target *target, void *userdata);
	void *userdata;
};

/* Checks that the sockets are listening stream sockets, and that each has an upstream. Accepts
 * nothing yet. */
int listeners_new(const struct listeners_config *config, struct listeners **ret,
		  struct err *e) _must_check_;

/* Begins to accept. */
void listeners_start(struct listeners *all);

/* Goes on after there was no room: for each upstream that has some, the socket that waits longest
 * comes first. */
void listeners_room(struct listeners *all);

/* Frees the listeners, and the targets that they gave to connections. */
void listeners_free(struct listeners *all);

DEFINE_CLEANUP(struct listeners, listeners_free)
