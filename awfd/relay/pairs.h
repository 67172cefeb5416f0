/* All connections of a relay: their number, their turns, and what they share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/counters.h"
#include "awfd/relay/pipe-pool.h"
#include "awfd/relay/report.h"
#include "awfd/relay/upstream.h"

struct pair;
struct pairs;

struct pairs_config {
	struct event_base *base;
	const char *sandbox; /* for what is logged; may be NULL; borrowed */
	size_t max;
	size_t upstreams; /* that the connections are shared out among */
	size_t max_pipes;
	int connect_timeout_ms;
	uint64_t *counters;           /* by enum relay_counter */
	struct report *report;        /* NULL: nobody wants to know */
	void (*room)(void *userdata); /* a connection is over: there is room for another */
	void *userdata;
};

struct pairs *pairs_new(const struct pairs_config *config) _must_check_;

/* True when there may be no more connections to this upstream. */
bool pairs_full(const struct pairs *all, struct upstream *upstream);

/* Resets every connection. */
void pairs_free(struct pairs *all);

/* For a pair: comes and goes, asks for another turn. */
void pairs_insert(struct pairs *all, struct pair *p);
void pairs_remove(struct pairs *all, struct pair *p);
void pairs_enqueue(struct pairs *all, struct pair *p);

const struct pairs_config *pairs_config(const struct pairs *all);
const struct timeval *pairs_connect_timeout(const struct pairs *all);
struct pipe_pool *pairs_pipes(const struct pairs *all);
