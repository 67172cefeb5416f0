/* The ways out of a sandbox that a request asks for, checked against their grammar and what the
 * operator permits, and completed from the configuration. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "awfd/domain.h"
#include "awfd/host-ports.h"
#include "awfd/resolve.h"
#include "awfd/upstream-proxy.h"
#include "proto/messages.h"

#define EGRESS_PRIVATE_MAX 16 /* names of --allow-private */

/* A name that was resolved once, and may be reached at these addresses although they are private.
 */
struct egress_pin {
	struct resolved resolved;
	bool is_upstream; /* the upstream proxy, on its port alone; else ports 80 and 443 */
};

struct egress {
	bool wanted; /* some domain is allowed: there is a squid for the agent */
	struct domain_list allow;
	struct domain_list block;
	char **private_names;
	char **dns_servers;
	bool dns_is_users;    /* they are named by the request */
	char **own_resolvers; /* those without a request; NULL: that is not known */
	char **no_proxy;
	bool has_upstream;
	bool upstream_is_users;   /* named by the request, not by the operator */
	bool upstream_is_avoided; /* the request wants none, but the operator has one */
	struct upstream_proxy upstream;
	struct egress_pin
		*pins; /* EGRESS_PRIVATE_MAX + 1 at most; 2 KiB each, and most have none */
	unsigned pin_count;
	struct host_ports host_ports; /* of the host, that the agent may connect to */
};

/* The one of its addresses that squid is told of: IPv4 if there is one, because every squid has
 * IPv4, and IPv6 only where the engine's network has it. Borrowed. */
const struct sockaddr_storage *egress_pin_address(const struct egress_pin *pin);

struct config;

/* Checks the request's grants against their grammar and the operator's configuration. Nothing
 * outside is touched but the host's resolv.conf. ERR_INVALID_ARGUMENT names the field. */
int egress_check(const struct start_request *request, const struct config *config,
		 struct egress *ret, struct err *e) _must_check_;

/* The next name that must be resolved before squid can be configured, and the field it comes from;
 * NULL when all are pinned. */
const char *egress_next_name(const struct egress *egress, const char **field);

/* Pins that name to its addresses, if the operator permits private ones among them. The result is
 * borrowed. */
int egress_pin(struct egress *egress, const struct config *config, const struct resolved *resolved,
	       struct err *e) _must_check_;

void egress_clear(struct egress *egress);
