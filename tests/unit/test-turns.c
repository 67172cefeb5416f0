/* Turns on a real loop: who has them in which order. */
#include "awfd/turns.h"

#include "common/clock.h"
#include "common/strbuf.h"

#include "tests/unit/check.h"

#define USERS    3
#define EACH     4
#define BURST_US 10000

struct worker {
	struct world *world;
	struct turn *turn;
	char name[3];
	unsigned again;   /* how often it asks from its own turn */
	uint64_t work_us; /* how long its turn takes */
	bool leaves;      /* it frees its turn from there */
};

struct world {
	struct event_base *base;
	struct turns *turns;
	struct worker workers[USERS][EACH];
	struct strbuf log;
};

static void on_turn(void *userdata)
{
	struct worker *k = userdata;

	uint64_t end_us = clock_us() + k->work_us;

	while (clock_us() < end_us)
		;
	strbuf_appendf(&k->world->log, "%s ", k->name);
	if (k->again > 0) {
		k->again--;
		turn_ask(k->turn);
	}
	if (k->leaves)
		turn_free(TAKE_PTR(k->turn));
}

static int begin(void **state, uint64_t burst_us)
{
	struct world *w = xnew(struct world);

	w->base = event_base_new();
	w->turns = turns_new(w->base, burst_us);
	for (unsigned user = 0; user < USERS; user++) {
		for (unsigned i = 0; i < EACH; i++) {
			struct worker *k = &w->workers[user][i];

			k->world = w;
			k->name[0] = (char)('a' + user);
			k->name[1] = (char)('0' + i);
			k->turn = turn_new(w->turns, 1000 + user, on_turn, k);
		}
	}
	*state = w;
	return 0;
}

static int setup(void **state)
{
	return begin(state, BURST_US);
}

/* Nobody has too much, however long he is kept from his turn. */
static int setup_patient(void **state)
{
	return begin(state, UINT64_MAX);
}

static int teardown(void **state)
{
	struct world *w = *state;

	for (unsigned user = 0; user < USERS; user++)
		for (unsigned i = 0; i < EACH; i++)
			if (w->workers[user][i].turn)
				turn_free(w->workers[user][i].turn);
	turns_free(w->turns);
	event_base_free(w->base);
	strbuf_clear(&w->log);
	free(w);
	return 0;
}

static void ask(struct world *w, unsigned user, unsigned i)
{
	turn_ask(w->workers[user][i].turn);
}

/* Until nobody asks any more. */
static void expect(struct world *w, const char *order)
{
	strbuf_puts(&w->log, "");
	assert_true(event_base_dispatch(w->base) >= 0);
	assert_same_text(w->log.data, order);
	strbuf_consume(&w->log, w->log.length);
}

/* A user with many turns has one for each of another user's. */
static void test_users_alternate(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < EACH; i++)
		ask(w, 0, i);
	ask(w, 1, 0);
	ask(w, 1, 1);
	ask(w, 2, 0);
	assert_int_equal(w->log.length, 0); /* never from inside */
	expect(w, "a0 b0 c0 a1 b1 a2 a3 ");
}

/* Whoever comes later waits for one turn of each at most, also when somebody always asks again. */
static void test_always_asking(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < EACH; i++) {
		w->workers[0][i].again = 1;
		ask(w, 0, i);
	}
	assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	ask(w, 1, 0);
	expect(w, "a0 a1 b0 a2 a3 a0 a1 a2 a3 ");
}

static void test_asked_often(void **state)
{
	struct world *w = *state;

	ask(w, 0, 0);
	ask(w, 0, 0);
	expect(w, "a0 ");
	expect(w, "");
	ask(w, 0, 0);
	expect(w, "a0 ");
}

/* A turn that was freed isn't had; those behind it are. */
static void test_freed(void **state)
{
	struct world *w = *state;

	w->workers[0][1].leaves = true;
	for (unsigned i = 0; i < EACH; i++)
		ask(w, 0, i);
	ask(w, 1, 0);
	turn_free(TAKE_PTR(w->workers[0][2].turn));
	turn_free(TAKE_PTR(w->workers[1][0].turn));
	expect(w, "a0 a1 a3 ");
}

/* Who takes long rests as long, beyond a little, also when nobody else is there; who comes in
 * between has a turn before the next but one of his. */
static void test_share(void **state)
{
	struct world *w = *state;
	struct worker *busy = &w->workers[0][0];
	uint64_t begin_us = clock_us();

	busy->work_us = 5000;
	busy->again = 9;
	turn_ask(busy->turn);
	while (busy->again > 4)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	strbuf_consume(&w->log, w->log.length);
	ask(w, 1, 0);
	assert_true(event_base_dispatch(w->base) >= 0);
	assert_true(strncmp(w->log.data, "b0 a0 ", 6) == 0 ||
		    strncmp(w->log.data, "a0 b0 ", 6) == 0);
	assert_int_equal(w->log.length, strlen("b0 a0 a0 a0 a0 a0 "));
	assert_true(clock_us() - begin_us >= (9 * 5000 - BURST_US) * 4);
}

/* What was used is remembered though nothing of the user is left. */
static void test_share_of_a_newcomer(void **state)
{
	struct world *w = *state;
	struct worker *busy = &w->workers[0][0];
	uint64_t begin_us = clock_us();

	busy->work_us = 40000;
	turn_ask(busy->turn);
	expect(w, "a0 ");
	for (unsigned i = 0; i < EACH; i++)
		turn_free(TAKE_PTR(w->workers[0][i].turn));
	busy->work_us = 0;
	busy->turn = turn_new(w->turns, 1000, on_turn, busy);
	turn_ask(busy->turn);
	expect(w, "a0 ");
	assert_true(clock_us() - begin_us >= (40000 - BURST_US) * 4);
}

#define TEST(fn, setup) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_users_alternate, setup_patient),
		TEST(test_always_asking, setup_patient),
		TEST(test_asked_often, setup_patient),
		TEST(test_freed, setup_patient),
		TEST(test_share, setup),
		TEST(test_share_of_a_newcomer, setup),
	};

	return RUN_TESTS("turns", tests);
}
