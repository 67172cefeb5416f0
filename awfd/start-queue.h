/* Whose start is next: only so many sandboxes are started at once. An engine that is given many
 * more containers to start than it has processors for starts each of them the slower, until all of
 * them miss their time limits. Pure. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct start_queue;

enum start_turn_state { START_TURN_NONE, START_TURN_AWAITED, START_TURN_TAKEN };

/* One start's; `{ 0 }` neither waits nor goes on. Its fields are the queue's. */
struct start_turn {
	enum start_turn_state state;
	uid_t uid;
	void (*fn)(void *userdata);
	void *userdata;
	TAILQ_ENTRY(start_turn) entry;
};

/* So many may go on at once. Beyond that, as many again may whose user has none that goes on:
 * nobody waits for the starts of one other user alone. */
struct start_queue *start_queue_new(unsigned max) _must_check_;
void start_queue_free(struct start_queue *q); /* behind its last turn */

/* Whether it goes on at once. Otherwise fn is called once, from within start_queue_leave() of
 * another one: first for the user of whose the fewest go on, then for whoever has waited longest.
 * It must not enter or leave. */
bool start_queue_enter(struct start_queue *q, struct start_turn *t, uid_t uid,
		       void (*fn)(void *userdata), void *userdata) _must_check_;

/* It goes on no more, or does not wait any more; or did neither. */
void start_queue_leave(struct start_queue *q, struct start_turn *t);
