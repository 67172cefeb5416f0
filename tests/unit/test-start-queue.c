/* Starts that want to go on: which may, and who is next. */
#include "awfd/start-queue.h"

#include <string.h>

#include "common/strbuf.h"

#include "tests/unit/check.h"

#define AT_ONCE 2
#define EACH    8
#define USERS   6

struct start {
	struct world *world;
	struct start_turn turn;
	char name[3];
	uid_t uid;
};

struct world {
	struct start_queue *queue;
	struct start starts[USERS][EACH];
	struct strbuf log; /* who went on */
};

static void on_turn(void *userdata)
{
	struct start *s = userdata;

	strbuf_appendf(&s->world->log, "%s ", s->name);
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->queue = start_queue_new(AT_ONCE);
	for (unsigned user = 0; user < USERS; user++) {
		for (unsigned i = 0; i < EACH; i++) {
			struct start *s = &w->starts[user][i];

			s->world = w;
			s->uid = 1000 + user;
			s->name[0] = (char)('a' + user);
			s->name[1] = (char)('0' + i);
		}
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	start_queue_free(w->queue);
	strbuf_clear(&w->log);
	free(w);
	return 0;
}

static struct start *find(struct world *w, const char *name)
{
	return &w->starts[name[0] - 'a'][name[1] - '0'];
}

/* Names with a space behind each. */
static void enter(struct world *w, const char *names)
{
	for (; *names; names += 3) {
		struct start *s = find(w, names);

		if (start_queue_enter(w->queue, &s->turn, s->uid, on_turn, s))
			on_turn(s);
	}
}

static void leave(struct world *w, const char *names)
{
	for (; *names; names += 3)
		start_queue_leave(w->queue, &find(w, names)->turn);
}

/* Who went on since the last time. */
static void assert_went(struct world *w, const char *names)
{
	assert_string_equal(w->log.data ? w->log.data : "", names);
	strbuf_clear(&w->log);
}

static void test_room(void **state)
{
	struct world *w = *state;

	enter(w, "a0 a1 a2 a3 ");
	assert_went(w, "a0 a1 ");
	leave(w, "a1 ");
	assert_went(w, "a2 ");
	leave(w, "a0 a2 ");
	assert_went(w, "a3 ");
	leave(w, "a3 ");
	enter(w, "a0 ");
	assert_went(w, "a0 ");
}

/* Whose user has none that goes on does not wait for others', within bounds. */
static void test_other_users(void **state)
{
	struct world *w = *state;

	enter(w, "a0 a1 a2 b0 b1 c0 d0 ");
	assert_went(w, "a0 a1 b0 c0 ");
	leave(w, "a0 "); /* three are more than two, but d has none */
	assert_went(w, "d0 ");
	leave(w, "a1 d0 "); /* c0 and b0 */
	assert_went(w, "a2 ");
	leave(w, "b0 c0 ");
	assert_went(w, "b1 ");
}

/* With room for one, it is whose user has the fewest, and of those who has waited longest. */
static void test_order(void **state)
{
	struct world *w = *state;

	enter(w, "a0 b0 a1 a2 b1 c0 c1 d0 ");
	assert_went(w, "a0 b0 c0 d0 ");
	leave(w, "d0 c0 ");
	assert_went(w, "c1 ");
	leave(w, "c1 a0 ");
	assert_went(w, "a1 ");
	leave(w, "a1 ");
	assert_went(w, "a2 ");
	leave(w, "b0 ");
	assert_went(w, "b1 ");
}

/* Who gives up waiting is passed over; whose turn was never asked for has none to give back. */
static void test_gives_up(void **state)
{
	struct world *w = *state;

	enter(w, "a0 a1 a2 a3 ");
	assert_went(w, "a0 a1 ");
	leave(w, "a2 b0 b0 ");
	assert_went(w, "");
	leave(w, "a0 a0 ");
	assert_went(w, "a3 ");
	leave(w, "a1 a3 ");
	assert_went(w, "");
	enter(w, "a4 a5 a6 ");
	assert_went(w, "a4 a5 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_room),
		TEST(test_other_users),
		TEST(test_order),
		TEST(test_gives_up),
	};

	return RUN_TESTS("start-queue", tests);
}
