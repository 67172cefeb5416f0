/* Which prepared sandbox fits which start: whatever its prepared part was made from has to be what
 * the start would make its own from. */
#include "awfd/pool.h"

#include "tests/unit/check.h"

/* Never looked into. */
#define CONFIG(n) ((const struct config *)(uintptr_t)(n))

static const struct pool_part all = {
	.config = CONFIG(8), .images = 3, .egress = true, .difc = true
};
static const struct pool_part least = { .config = CONFIG(8), .images = 3 };

static void test_same(void **state _unused_)
{
	assert_null(pool_mismatch(&all, &all));
	assert_null(pool_mismatch(&least, &least));
}

/* One difference each, looked at from both sides. */
static void test_each_difference(void **state _unused_)
{
	static const struct {
		const char *name;
		struct pool_part other;
		const char *why;
	} rows[] = {
		{ "configuration",
		  { .config = CONFIG(16), .images = 3, .egress = true, .difc = true },
		  "from before the configuration was read again" },
		{ "images",
		  { .config = CONFIG(8), .images = 4, .egress = true, .difc = true },
		  "from other images" },
		{ "no egress", { .config = CONFIG(8), .images = 3, .difc = true }, "of its kind" },
		{ "no DIFC proxy",
		  { .config = CONFIG(8), .images = 3, .egress = true },
		  "of its kind" },
		{ "host ports",
		  { .config = CONFIG(8),
		    .images = 3,
		    .egress = true,
		    .difc = true,
		    .host_ports = true },
		  "ports of the host" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = pool_mismatch(&all, &rows[i].other);

		assert_row(rows[i].name, why != NULL);
		assert_row(rows[i].name, strstr(why, rows[i].why) != NULL);
		assert_row(rows[i].name, same_text(pool_mismatch(&rows[i].other, &all), why));
	}
}

/* Of several differences the one is told that the user can do something about. */
static void test_order(void **state _unused_)
{
	const struct pool_part other = { .config = CONFIG(16), .host_ports = true };

	assert_text_contains(pool_mismatch(&all, &other), "ports of the host");
}

static void test_kinds(void **state _unused_)
{
	static const char *const good[] = { "plain", "egress", "difc", "egress+difc" };
	static const char *const bad[] = { "", "Plain", "difc+egress", "egress+", "gh", "plain " };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_row(good[i], pool_is_kind(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_row(bad[i], !pool_is_kind(bad[i]));
}

/* What a manager without a pool does with it. */
static void test_none(void **state _unused_)
{
	pool_wake(NULL);
	pool_serve(NULL, NULL);
	pool_failed(NULL, "no");
	pool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),  cmocka_unit_test(test_each_difference),
		cmocka_unit_test(test_order), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_none),
	};

	return RUN_TESTS("pool", tests);
}
