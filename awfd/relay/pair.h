/* One connection: a client, the upstream, and the two directions between them. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "common/cleanup.h"
#include "awfd/relay/direction.h"
#include "awfd/relay/pairs.h"
#include "awfd/relay/target.h"

struct pair {
	struct pairs *all;
	struct target *target; /* borrowed */
	struct end client;
	struct end upstream;
	struct direction up;   /* client to upstream */
	struct direction down; /* upstream to client */
	uint64_t opened_ms;    /* by clock_ms() */
	size_t attempt;        /* which of the target's addresses is tried */
	int error;             /* of the attempt before that; 0: there was none */
	bool connected;
	bool queued; /* in the queue of those that have more to move */
	LIST_ENTRY(pair) list;
	TAILQ_ENTRY(pair) queue;
};

/* Takes an accepted connection over and begins to connect it to the target. 0, or -errno when the
 * relay lacks descriptors or memory for it; the client was reset then. */
int pair_open(struct pairs *all, int client, struct target *target) _must_check_;

/* Moves bytes for one turn; may end the pair. */
void pair_run(struct pair *p);

/* Breaks both sides off, because the relay ends, and frees the pair. */
void pair_cut_off(struct pair *p);
