/* The warm pool: sandboxes that are prepared ahead of any request, as far as their start does not
 * depend on it, and handed over to the ones that come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

#define POOL_SIZE_MAX 16 /* of each kind */

struct config;
struct manager;
struct pool;
struct sandbox;

/* What the part of a sandbox that is prepared depends on. */
struct pool_part {
	const struct config *config; /* that it was made by */
	uint64_t images;             /* how often the sidecars' images had changed */
	bool egress;                 /* a squid for the agent */
	bool difc;                   /* a cli-proxy */
	bool host_ports;             /* pause knows the host by name; never prepared */
};

/* Why what was prepared is not what is wanted, or NULL when it is. Pure. */
const char *pool_mismatch(const struct pool_part *prepared, const struct pool_part *wanted);

/* Whether the word is one of Kinds= in [Pool]. */
bool pool_is_kind(const char *word);

struct pool *pool_new(struct manager *m) _must_check_;

/* NULL is allowed. What was prepared stays as it is. */
void pool_free(struct pool *p);

/* Begins to fill it: when clients are served. */
void pool_start(struct pool *p);

/* Something changed that the pool may wait for: a sandbox's state, or the configuration. NULL is
 * allowed, here and below. */
void pool_wake(struct pool *p);

/* Hands a prepared one over to a sandbox that is about to be created, if one is what it needs, and
 * notes how that went. */
void pool_serve(struct pool *p, struct sandbox *s);

/* One that was prepared, or was being prepared, failed: the next one is made a while later. */
void pool_failed(struct pool *p, const char *reason);
