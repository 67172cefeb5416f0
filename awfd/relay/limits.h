/* What a relay may use of the machine. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"

/* What a relay is to do. */
struct demand {
	size_t connections; /* at most */
	size_t upstreams;   /* each needs a connection at least */
	size_t listeners;
};

struct limits {
	size_t connections;
	size_t pipes;
};

/* Raises the number of descriptors to what is allowed, forbids core dumps, and shares the
 * descriptors out among listeners, connections and pipes. */
struct limits limits_apply(const struct demand *demand);
