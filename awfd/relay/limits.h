/* What a relay may use of the machine. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"

struct limits {
	size_t connections;
	size_t pipes;
};

/* Raises the number of descriptors to what is allowed, forbids core dumps, and shares the
 * descriptors out: at most `wanted` connections, and pipes. */
struct limits limits_apply(size_t wanted);
