/* For tests of the ways out: a namespace that has public and private addresses, all alive on the
 * ports 53, 80, 443, 8080 and 8443 by TCP and on 53 and 443 by UDP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/namespaces.h"

#define OUTSIDE_PORTS     5
#define OUTSIDE_UDP_PORTS 2

struct outside {
	struct place place;
	int tcp[OUTSIDE_PORTS];
	int udp[OUTSIDE_UDP_PORTS];
};

/* Makes it with all addresses on loopback; the caller connects it, and has the addresses routed to
 * it: those of outside_addresses. */
struct outside outside_new(void);
void outside_end(struct outside *o);

#define OUTSIDE_PUBLIC4 "203.0.113.2"
#define OUTSIDE_DNS4    "203.0.113.53"
#define OUTSIDE_PUBLIC6 "2001:db8::2"
#define OUTSIDE_DNS6    "2001:db8::53"
#define OUTSIDE_GRANT4  "10.1.2.3" /* on port 8443 */
#define OUTSIDE_GRANT6  "fd00::7"

/* All of them, and some in each private network that can be routed at all. */
extern const char *const outside_addresses[];
extern const size_t outside_address_count;

/* Something to reach, and whether a squid with the grants above may. */
struct outside_target {
	const char *protocol; /* "tcp" or "udp" */
	const char *host;
	uint16_t port;
	bool allowed;
};

extern const struct outside_target outside_targets[];
extern const size_t outside_target_count;

bool outside_reached(const struct outside *o, int from, const struct outside_target *t);
