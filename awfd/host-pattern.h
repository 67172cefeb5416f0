/* Which hosts and ports the operator means: `localhost:1024-65535`, `*.example.com`, `10.0.0.0/8`,
 * `[fd00::/8]:18443`, `*`. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/* Two ports, the first not above the second. */
struct port_range {
	uint16_t low, high;
};

/* "80" or "3000-3010". */
bool port_range_parse(const char *text, struct port_range *ret);

/* A name, `*.NAME` for all below it, an address, a network, or `*` for all of them, each with a
 * port or a range, else any. `localhost` is the runner host. */
bool host_pattern_is_valid(const char *pattern);

/* Whether "host:port" or "[v6]:port" is meant: names as names, addresses as addresses. */
bool host_pattern_matches(const char *pattern, const char *value);
