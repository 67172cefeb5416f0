/* What the engine client's parts share: for docker*.c only. */
#pragma once

#include "awfd/docker-http.h"
#include "awfd/docker.h"

/* A call that asks the engine nothing but completes once the API version is known, or with the
 * error why it is not. */
struct docker_call *docker_negotiate(struct docker *d, const char *operation, docker_reply_fn fn,
				     void *userdata) _must_check_;

/* A connection to the engine failed or broke: its version is asked again before the next call. What
 * to tell of it, with since when the engine is away if it is; the caller owns it. */
char *docker_broken(struct docker *d, int error, const char *reason) _must_check_;

struct docker_http *docker_transport(const struct docker *d);
struct event_base *docker_event_base(const struct docker *d);
