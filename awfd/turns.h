/* Shares the loop between users: in each round of it one of them has a turn, for one piece of work
 * of one of his connections, and nobody's turns take more than a quarter of the time for long. So
 * nobody waits longer for having a neighbour with thousands. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>

#include "common/cleanup.h"

struct turns;
struct turn;

/* burst_us: for how long a user's turns may take at once what is more than his share. */
struct turns *turns_new(struct event_base *base, uint64_t burst_us) _must_check_;
void turns_free(struct turns *t); /* behind its last turn */

/* fn is called from the loop once for each time, or several, that turn_ask() was. It may free the
 * turn. */
struct turn *turn_new(struct turns *t, uid_t uid, void (*fn)(void *userdata),
		      void *userdata) _must_check_;
void turn_ask(struct turn *turn);
void turn_free(struct turn *turn);
