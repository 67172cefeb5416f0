/* The engine's network whose bridge squids are plugged into (Docker Engine API, NetworkCreate and
 * NetworkInspect): made when it is not there, checked when it is. One for all sandboxes; it stays
 * when awfd ends. */
#pragma once

#include <stdbool.h>

#include "awfd/docker.h"

#define DOCKER_NETWORK "awf-egress" /* its name, and its bridge's */

/* The first of its addresses are the engine's: the gateway's is number 1, and the others are for
 * containers that somebody connects. All that follow are awfd's, for squids. */
#define DOCKER_NETWORK_GATEWAY     1
#define DOCKER_NETWORK_ENGINE_BITS 3
#define DOCKER_NETWORK_FIRST       (1u << DOCKER_NETWORK_ENGINE_BITS)

struct docker_network_spec {
	const char *subnet;  /* "198.18.0.0/20" */
	const char *subnet6; /* or NULL: no IPv6 */
	bool require6;       /* one that is there already must have it too */
	bool in_use;         /* squids are plugged in: one that is another is left as it is */
};

/* Called once, from the loop; e is NULL when the network is as it should be. */
typedef void (*docker_network_fn)(bool has_ipv6, const struct err *e, void *userdata);

struct docker_network_ensure;

/* Looks, makes what is missing, and looks again. One of that name which is another is made anew if
 * it is awfd's (of an earlier configuration or version) and nobody is on it, and else an error that
 * says what to do. The spec's strings are copied. */
struct docker_network_ensure *docker_network_ensure(struct docker *d,
						    const struct docker_network_spec *spec,
						    docker_network_fn fn,
						    void *userdata) _must_check_;

/* Gives it up; fn is not called any more. NULL is allowed. */
void docker_network_cancel(struct docker_network_ensure *n);

/* The body of POST /networks/create. The caller owns it. Pure. */
struct json_object *docker_network_body(const struct docker_network_spec *spec) _must_check_;

/* Whether an Inspect answer shows that network: our bridge, its ports kept apart, those subnets,
 * and in them that gateway and that range for the engine. */
int docker_network_check(struct json_object *answer, const struct docker_network_spec *spec,
			 struct err *e) _must_check_;
