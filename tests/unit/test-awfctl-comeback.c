/* When a client whose awfd went away tries again, and when it gives up. */
#include "awfctl/comeback.h"
#include "tests/unit/check.h"

#define START 1000000

/* What stood for a while has a whole time to come back, each time anew. */
static void test_steady(void **state _unused_)
{
	struct comeback b = { 0 };
	uint64_t now = START;

	for (int i = 0; i < 3; i++) {
		b.opened = now;
		now += COMEBACK_STEADY_MS;
		assert_true(comeback_lost(&b, now));
		assert_true(comeback_is_due(&b, now));
		assert_int_equal(b.until, now + COMEBACK_MS);
		now += COMEBACK_MS;
		assert_true(comeback_failed(&b, now));
	}
}

static void test_gives_up(void **state _unused_)
{
	struct comeback b = { 0 };
	uint64_t now = START;

	assert_true(comeback_lost(&b, now));
	for (; now <= START + COMEBACK_MS; now += COMEBACK_RETRY_MS) {
		assert_true(comeback_is_due(&b, now));
		assert_true(comeback_failed(&b, now));
		assert_false(comeback_is_due(&b, now));
		assert_false(comeback_is_due(&b, now + COMEBACK_RETRY_MS - 1));
	}
	assert_false(comeback_failed(&b, now));
}

/* Connections that end at once are failures, whose time is over one day. */
static void test_closed_at_once(void **state _unused_)
{
	struct comeback b = { 0 };
	uint64_t now = START;

	assert_true(comeback_lost(&b, now));
	for (; now <= START + COMEBACK_MS; now += COMEBACK_STEADY_MS) {
		b.opened = now;
		assert_true(comeback_lost(&b, now + COMEBACK_STEADY_MS - 1) ==
			    (now + COMEBACK_STEADY_MS - 1 <= START + COMEBACK_MS));
		assert_false(comeback_is_due(&b, now + COMEBACK_STEADY_MS - 1));
	}
	b.opened = now;
	assert_false(comeback_lost(&b, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_closed_at_once),
	};

	return RUN_TESTS("awfctl-comeback", tests);
}
