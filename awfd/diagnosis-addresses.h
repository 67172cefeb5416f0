/* Whether the networks of the host leave the egress network its addresses. Pure but for
 * diagnosis_addresses_of_host(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "awfd/docker-network.h"
#include "awfd/network.h"
#include "proto/findings.h"

#define DIAGNOSIS_ADDRESSES "addresses"

/* Somebody's addresses. */
struct taken_network {
	struct network network;
	char *by;   /* "dummy0's address", "the route by wg0", "the engine's network x" */
	bool route; /* one that is wider than ours is the way to others only */
};

struct taken_networks {
	struct taken_network *list;
	size_t count;
	bool cut; /* the host has more routes than are looked at */
};

/* A line of /proc/net/route, or of /proc/net/ipv6_route: whether it is a route that counts, to a
 * network by another interface than the egress network's. */
bool diagnosis_addresses_parse_route(const char *line, struct taken_network *ret) _must_check_;
bool diagnosis_addresses_parse_route6(const char *line, struct taken_network *ret) _must_check_;

/* Adds the addresses of the host's interfaces, and its routes. */
void diagnosis_addresses_of_host(struct taken_networks *t);

/* Adds the subnets of the engine's other networks, of the answer to GET /networks. */
void diagnosis_addresses_of_engine(struct taken_networks *t, struct json_object *networks);

/* directory: of further configuration, for the cure. */
void diagnosis_addresses(struct findings *f, const struct docker_network_spec *spec,
			 const struct taken_networks *t, const char *directory);

/* A network that awfd can have instead; NULL when all that are thought of are taken. Borrowed. */
const char *diagnosis_addresses_free(const struct taken_networks *t);

void taken_networks_clear(struct taken_networks *t);
