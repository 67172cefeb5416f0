/* The ports of the host that a sandbox may reach, and how users write them (--allow-host-ports,
 * --allow-host-service-ports). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define HOST_PORTS_MAX 256 /* of one sandbox, in all: each is a listening socket */

/* A set of ports; `{ 0 }` is an empty one. */
struct host_ports {
	uint64_t bits[(UINT16_MAX + 1) / 64];
	size_t count;
};

/* What is granted when no port is named: by --enable-host-access, and by the word `localhost` among
 * the allowed domains. NULL-terminated, for host_ports_parse(). */
extern char *const host_ports_default[];
extern char *const host_ports_localhost[];

/* Adds the ports that the texts name, each a list such as "80", "3000-3010" or "3000,8000-8090".
 * Ports of services that are remote control or a database are refused, also within a range; not so
 * when `service` is set: that is for ports that are named one by one, and takes no ranges. What is
 * refused is ERR_INVALID_ARGUMENT of the field with that part of the list and the reason, and
 * leaves the set as it was. */
int host_ports_parse(const char *field, char *const *specs, bool service, struct host_ports *set,
		     struct err *e) _must_check_;

bool host_ports_has(const struct host_ports *set, uint16_t port);

/* The ports in ascending order; 0 when there are no more. */
uint16_t host_ports_first(const struct host_ports *set);
uint16_t host_ports_next(const struct host_ports *set, uint16_t port);
