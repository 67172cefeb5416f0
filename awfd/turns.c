#include "awfd/turns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/alloc.h"
#include "common/clock.h"

/* Of the time that passes one in SHARE parts may be a user's, beside what he may use at once. */
#define SHARE 4

/* The turns of one user, first come, first served. */
struct queue {
	uid_t uid;
	unsigned refs;
	uint64_t used_us; /* what is not forgotten of the time that his turns took */
	uint64_t then_us; /* up to when it is */
	TAILQ_HEAD(, turn) asked;
	TAILQ_ENTRY(queue) entry;
};

struct turn {
	struct turns *turns;
	struct queue *queue;
	void (*fn)(void *userdata);
	void *userdata;
	bool asked;
	TAILQ_ENTRY(turn) entry;
};

TAILQ_HEAD(queue_list, queue);

struct turns {
	uint64_t burst_us;
	struct event *next;        /* a timer: the rest of awfd's work comes between two turns */
	struct queue_list waiting; /* of whom somebody has asked, in the order of their turns */
	struct queue_list idle;
};

static void forget(struct queue *q, uint64_t now_us)
{
	q->used_us -= MIN(q->used_us, (now_us - q->then_us) / SHARE);
	q->then_us = now_us;
}

/* Those without turns stay until what they used is forgotten: nobody gets rid of it by coming anew.
 */
static void sweep(struct turns *t, bool all)
{
	struct queue *q, *next;
	uint64_t now_us = clock_us();

	for (q = TAILQ_FIRST(&t->idle); q; q = next) {
		next = TAILQ_NEXT(q, entry);
		forget(q, now_us);
		if (q->refs > 0 || (q->used_us > 0 && !all))
			continue;
		TAILQ_REMOVE(&t->idle, q, entry);
		free(q);
	}
}

/* For how long a user who has used more than his share waits. */
static uint64_t rest_us(const struct turns *t, struct queue *q, uint64_t now_us)
{
	forget(q, now_us);
	return q->used_us > t->burst_us ? (q->used_us - t->burst_us) * SHARE : 0;
}

/* The first one that may have a turn; or none, and how long it takes until there is one. */
static struct queue *choose(struct turns *t, uint64_t now_us, uint64_t *wait_us)
{
	struct queue *q;

	*wait_us = UINT64_MAX;
	TAILQ_FOREACH (q, &t->waiting, entry) {
		uint64_t rest = rest_us(t, q, now_us);

		if (rest == 0)
			return q;
		*wait_us = MIN(*wait_us, rest);
	}
	return NULL;
}

static void look_again(struct turns *t, uint64_t wait_us)
{
	struct timeval tv = { .tv_sec = (time_t)(wait_us / 1000000),
			      .tv_usec = (suseconds_t)(wait_us % 1000000) };

	event_add(t->next, &tv);
}

/* What comes next is known before: the turn may free itself, and ask again. */
static void have_turn(struct turns *t, struct queue *q, uint64_t now_us)
{
	struct turn *turn = TAILQ_FIRST(&q->asked);

	TAILQ_REMOVE(&q->asked, turn, entry);
	TAILQ_REMOVE(&t->waiting, q, entry);
	TAILQ_INSERT_TAIL(TAILQ_EMPTY(&q->asked) ? &t->idle : &t->waiting, q, entry);
	if (!TAILQ_EMPTY(&t->waiting))
		look_again(t, 0);
	turn->asked = false;
	q->refs++;
	turn->fn(turn->userdata);
	q->used_us += clock_us() - now_us;
	q->refs--;
}

static void on_next(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct turns *t = userdata;
	uint64_t now_us = clock_us(), wait_us;
	struct queue *q = choose(t, now_us, &wait_us);

	if (q)
		have_turn(t, q, now_us);
	else if (!TAILQ_EMPTY(&t->waiting))
		look_again(t, wait_us);
}

struct turns *turns_new(struct event_base *base, uint64_t burst_us)
{
	struct turns *t = xnew(struct turns);

	t->burst_us = burst_us;
	TAILQ_INIT(&t->waiting);
	TAILQ_INIT(&t->idle);
	t->next = evtimer_new(base, on_next, t);
	if (!t->next)
		abort();
	return t;
}

void turns_free(struct turns *t)
{
	if (!t)
		return;
	sweep(t, true);
	event_free(t->next);
	free(t);
}

static struct queue *find_queue(const struct queue_list *l, uid_t uid)
{
	struct queue *q;

	TAILQ_FOREACH (q, l, entry)
		if (q->uid == uid)
			return q;
	return NULL;
}

static struct queue *get_queue(struct turns *t, uid_t uid)
{
	struct queue *q = find_queue(&t->waiting, uid);

	if (!q)
		q = find_queue(&t->idle, uid);
	if (!q) {
		sweep(t, false);
		q = xnew(struct queue);
		q->uid = uid;
		q->then_us = clock_us();
		TAILQ_INIT(&q->asked);
		TAILQ_INSERT_TAIL(&t->idle, q, entry);
	}
	q->refs++;
	return q;
}

struct turn *turn_new(struct turns *t, uid_t uid, void (*fn)(void *userdata), void *userdata)
{
	struct turn *turn = xnew(struct turn);

	*turn = (struct turn){
		.turns = t, .queue = get_queue(t, uid), .fn = fn, .userdata = userdata
	};
	return turn;
}

void turn_ask(struct turn *turn)
{
	struct turns *t = turn->turns;
	struct queue *q = turn->queue;

	if (turn->asked)
		return;
	if (TAILQ_EMPTY(&q->asked)) {
		TAILQ_REMOVE(&t->idle, q, entry);
		TAILQ_INSERT_TAIL(&t->waiting, q, entry);
	}
	turn->asked = true;
	TAILQ_INSERT_TAIL(&q->asked, turn, entry);
	look_again(t, 0);
}

static void take_back(struct turn *turn)
{
	struct turns *t = turn->turns;
	struct queue *q = turn->queue;

	TAILQ_REMOVE(&q->asked, turn, entry);
	if (!TAILQ_EMPTY(&q->asked))
		return;
	TAILQ_REMOVE(&t->waiting, q, entry);
	TAILQ_INSERT_TAIL(&t->idle, q, entry);
}

void turn_free(struct turn *turn)
{
	if (turn->asked)
		take_back(turn);
	turn->queue->refs--;
	free(turn);
}
