/* Shares the loop between users: in each round of it one of them has a turn, for one piece of work
 * of one of his connections. So nobody waits longer for having a neighbour with thousands. */
#pragma once

#include <sys/types.h>

#include <event2/event.h>

#include "common/cleanup.h"

struct turns;
struct turn;

struct turns *turns_new(struct event_base *base) _must_check_;
void turns_free(struct turns *t); /* behind its last turn */

/* fn is called from the loop once for each time, or several, that turn_ask() was. It may free the
 * turn. */
struct turn *turn_new(struct turns *t, uid_t uid, void (*fn)(void *userdata),
		      void *userdata) _must_check_;
void turn_ask(struct turn *turn);
void turn_free(struct turn *turn);
