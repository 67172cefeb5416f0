/* The listening socket: every address, both IP versions. */
#pragma once

#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/cli-proxy/settings.h"

struct listener;

/* Lets http serve the port. Without IPv6 in this namespace IPv4 alone is served, and said. When the
 * calls that may run and wait have used up their descriptors, new connections wait in the kernel.
 */
int listener_start(struct event_base *base, struct evhttp *http, const struct settings *s,
		   struct listener **ret, struct err *e) _must_check_;

/* After http, which owns the socket. */
void listener_free(struct listener *l);
DEFINE_CLEANUP(struct listener, listener_free)
