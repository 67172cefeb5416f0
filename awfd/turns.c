#include "awfd/turns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/alloc.h"

/* The turns of one user, first come, first served. */
struct queue {
	uid_t uid;
	unsigned refs;
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
	struct event *next;        /* a timer: the rest of awfd's work comes between two turns */
	struct queue_list waiting; /* of whom somebody has asked, in the order of their turns */
	struct queue_list idle;
};

static void on_next(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct turns *t = userdata;
	struct queue *q = TAILQ_FIRST(&t->waiting);
	struct turn *turn;

	if (!q)
		return;
	turn = TAILQ_FIRST(&q->asked);
	TAILQ_REMOVE(&q->asked, turn, entry);
	TAILQ_REMOVE(&t->waiting, q, entry);
	TAILQ_INSERT_TAIL(TAILQ_EMPTY(&q->asked) ? &t->idle : &t->waiting, q, entry);
	if (!TAILQ_EMPTY(&t->waiting))
		event_add(t->next, &(const struct timeval){ 0 });
	turn->asked = false;
	turn->fn(turn->userdata);
}

struct turns *turns_new(struct event_base *base)
{
	struct turns *t = xnew(struct turns);

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
		q = xnew(struct queue);
		q->uid = uid;
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
	if (!evtimer_pending(t->next, NULL))
		event_add(t->next, &(const struct timeval){ 0 });
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
	struct queue *q = turn->queue;

	if (turn->asked)
		take_back(turn);
	if (--q->refs == 0) {
		TAILQ_REMOVE(&turn->turns->idle, q, entry);
		free(q);
	}
	free(turn);
}
