#include "awfd/start-queue.h"

#include <stdlib.h>

#include "common/alloc.h"

TAILQ_HEAD(turn_list, start_turn);

struct start_queue {
	unsigned max;
	unsigned going;
	struct turn_list taken;
	struct turn_list awaited; /* in the order in which they came */
};

struct start_queue *start_queue_new(unsigned max)
{
	struct start_queue *q = xnew(struct start_queue);

	q->max = max;
	TAILQ_INIT(&q->taken);
	TAILQ_INIT(&q->awaited);
	return q;
}

void start_queue_free(struct start_queue *q)
{
	free(q);
}

static unsigned count_going(const struct start_queue *q, uid_t uid)
{
	const struct start_turn *t;
	unsigned n = 0;

	TAILQ_FOREACH (t, &q->taken, entry)
		n += t->uid == uid;
	return n;
}

/* Whether one more may go on, of a user who has so many. */
static bool has_room(const struct start_queue *q, unsigned going_of_user)
{
	return q->going < (going_of_user > 0 ? q->max : 2 * q->max);
}

static void take(struct start_queue *q, struct start_turn *t)
{
	t->state = START_TURN_TAKEN;
	q->going++;
	TAILQ_INSERT_TAIL(&q->taken, t, entry);
}

bool start_queue_enter(struct start_queue *q, struct start_turn *t, uid_t uid,
		       void (*fn)(void *userdata), void *userdata)
{
	*t = (struct start_turn){ .uid = uid, .fn = fn, .userdata = userdata };
	if (has_room(q, count_going(q, uid))) {
		take(q, t);
		return true;
	}
	t->state = START_TURN_AWAITED;
	TAILQ_INSERT_TAIL(&q->awaited, t, entry);
	return false;
}

/* NULL: nobody waits who may go on. */
static struct start_turn *choose(const struct start_queue *q)
{
	struct start_turn *chosen = NULL, *t;
	unsigned fewest = 0;

	TAILQ_FOREACH (t, &q->awaited, entry) {
		unsigned n = count_going(q, t->uid);

		if (!has_room(q, n) || (chosen && n >= fewest))
			continue;
		chosen = t;
		fewest = n;
	}
	return chosen;
}

void start_queue_leave(struct start_queue *q, struct start_turn *t)
{
	if (t->state == START_TURN_AWAITED)
		TAILQ_REMOVE(&q->awaited, t, entry);
	if (t->state == START_TURN_TAKEN) {
		TAILQ_REMOVE(&q->taken, t, entry);
		q->going--;
	}
	t->state = START_TURN_NONE;
	while ((t = choose(q))) {
		TAILQ_REMOVE(&q->awaited, t, entry);
		take(q, t);
		t->fn(t->userdata);
	}
}
