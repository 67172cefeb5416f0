/* Pipes for splice(2), borrowed only while they hold bytes in flight. */
#pragma once

#include <stddef.h>

#include <event2/event.h>

#include "common/cleanup.h"

/* What a pipe holds. A pipe of the usual 64 KiB takes twice the time for the same bytes, because a
 * splice from a socket fills a slot with each page. */
#define PIPE_BYTES (512 * 1024)

struct pipe_pool;

struct relay_pipe {
	int reader;
	int writer;
	struct relay_pipe *next; /* in the pool */
};

/* A pool that hands out at most `max` pipes at a time, and gives back to the system what was not
 * used for a while. */
struct pipe_pool *pipe_pool_new(struct event_base *base, size_t max) _must_check_;

/* An empty pipe, or NULL when there is none to be had. */
struct relay_pipe *pipe_pool_take(struct pipe_pool *pool) _must_check_;

/* Takes a pipe back; one that still holds bytes is closed. NULL is nothing. */
void pipe_pool_give(struct pipe_pool *pool, struct relay_pipe *p, size_t held);

void pipe_pool_free(struct pipe_pool *pool);
