/* The listening socket: every address, both IP versions. */
#pragma once

#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Lets http serve the port. Without IPv6 in this namespace IPv4 alone is served, and said. When
 * there are no descriptors left, new connections wait in the kernel. */
int listener_start(struct event_base *base, struct evhttp *http, uint16_t port,
		   struct err *e) _must_check_;
