/* Where the connections of one listening socket go: an upstream, and which of its addresses is
 * tried first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "awfd/relay/upstream.h"

struct target {
	struct upstream *upstream; /* borrowed */
	uint16_t port;             /* of the listening socket */
	size_t preferred;          /* the address of attempt 0 */
};

/* Begins to connect a new socket, non-blocking and close-on-exec, to the attempt-th address. The
 * socket, and whether the address is on this machine's loopback; or -errno. */
int target_connect(const struct target *t, size_t attempt, bool *ret_local) _must_check_;

/* Says that the attempt-th address answered: it is the first one from now on. */
void target_prefer(struct target *t, size_t attempt);
