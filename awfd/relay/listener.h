/* The listening sockets that a relay inherited (sd_listen_fds(3)). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

struct listeners;

struct listeners_config {
	struct event_base *base;
	bool (*full)(void *userdata); /* no connection may be accepted now */
	int (*accepted)(int fd,
			void *userdata); /* takes fd over; -errno when there is a shortage */
	void *userdata;
};

/* Finds the sockets by $LISTEN_PID and $LISTEN_FDS and checks that they are listening stream
 * sockets; none at all is an error. Accepts nothing yet. */
int listeners_new(const struct listeners_config *config, struct listeners **ret,
		  struct err *e) _must_check_;

/* Begins to accept, or goes on after there was no room. */
void listeners_resume(struct listeners *all);

void listeners_free(struct listeners *all);

DEFINE_CLEANUP(struct listeners, listeners_free)
