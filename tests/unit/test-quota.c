/* Accounting alone: the test is who uses what. */
#include "awfd/quota.h"

#include "tests/unit/check.h"

#define ALICE 60701u
#define BOB   60702u

/* Of each kind, for a user and for the host. */
static const struct quota_limits user_limits = { { 2, 3, 8 << 20, 100, 4, 5, 6 << 20 } };
static const struct quota_limits host_limits = { { 3, 5, 12 << 20, 150, 6, 7, 9 << 20 } };

struct world {
	struct quota *quota;
	struct quota_account *alice, *bob, *root;
};

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->quota = quota_new(&host_limits);
	w->alice = quota_open(w->quota, ALICE, &user_limits);
	w->bob = quota_open(w->quota, BOB, &user_limits);
	w->root = quota_open(w->quota, 0, &user_limits);
	*state = w;
	return 0;
}

static void assert_unused(const struct world *w, uint64_t now_ms)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++) {
		assert_int_equal(quota_used(w->quota, NULL, kind, now_ms), 0);
		assert_int_equal(quota_used(w->quota, w->alice, kind, now_ms), 0);
		assert_int_equal(quota_used(w->quota, w->bob, kind, now_ms), 0);
		assert_int_equal(quota_used(w->quota, w->root, kind, now_ms), 0);
	}
}

static int teardown(void **state)
{
	struct world *w = *state;

	assert_unused(w, 3600000);
	quota_close(w->alice);
	quota_close(w->bob);
	quota_close(w->root);
	quota_free(w->quota);
	free(w);
	return 0;
}

static void take(struct quota_charge *c, struct quota_account *a, enum quota_kind kind,
		 uint64_t amount)
{
	struct quota_amounts wanted = { 0 };
	_cleanup_err_ struct err e = { 0 };

	wanted.of[kind] = amount;
	if (quota_charge(c, a, &wanted, 0, &e) < 0)
		fail_msg("%s: %s", e.subject, e.message);
}

static void refuse(struct quota_account *a, enum quota_kind kind, uint64_t amount, const char *text)
{
	struct quota_amounts wanted = { 0 };
	struct quota_charge c = { 0 };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *got = NULL;

	wanted.of[kind] = amount;
	assert_int_equal(quota_charge(&c, a, &wanted, 0, &e), -EDQUOT);
	assert_int_equal(e.kind, ERR_QUOTA_EXCEEDED);
	assert_null(c.account);
	got = err_text(&e);
	assert_same_text(got, text);
}

#define RAISE(key) " or wait, or have [Quota] " key "= raised"

static const struct {
	uint64_t more;
	const char *of_user;
	const char *of_host;
} refusals[] = {
	[QUOTA_SANDBOXES] = { 1,
			      "sandboxes: 2 of 2 in use by 60701: end some (awfctl list, awfctl "
			      "stop)" RAISE("Sandboxes"),
			      "sandboxes: 3 of 3 in use by all users of this host: end some (awfctl "
			      "list, awfctl stop)" RAISE("HostSandboxes") },
	[QUOTA_STARTS] = { 1,
			   "starts per minute: 3 of 3 in use by 60701: start "
			   "fewer" RAISE("StartsPerMinute"),
			   "starts per minute: 5 of 5 in use by all users of this host: start "
			   "fewer" RAISE("HostStartsPerMinute") },
	[QUOTA_MEMORY] = { 3 << 20,
			   "memory: 8M of 8M in use by 60701, 3M more asked for: end some sandboxes "
			   "(awfctl list, awfctl stop)" RAISE("Memory"),
			   "memory: 12M of 12M in use by all users of this host, 3M more asked for: "
			   "end some sandboxes (awfctl list, awfctl stop)" RAISE("HostMemory") },
	[QUOTA_PIDS] = { 7,
			 "pids: 100 of 100 in use by 60701, 7 more asked for: end some sandboxes "
			 "(awfctl list, awfctl stop)" RAISE("Pids"),
			 "pids: 150 of 150 in use by all users of this host, 7 more asked for: end "
			 "some sandboxes (awfctl list, awfctl stop)" RAISE("HostPids") },
	[QUOTA_CONNECTIONS] = { 1,
				"connections: 4 of 4 in use by 60701: close "
				"some" RAISE("Connections"),
				"connections: 6 of 6 in use by all users of this host: close "
				"some" RAISE("HostConnections") },
	[QUOTA_CALLS] = { 1, "calls: 5 of 5 in use by 60701: end some clients" RAISE("Calls"),
			  "calls: 7 of 7 in use by all users of this host: end some "
			  "clients" RAISE("HostCalls") },
	[QUOTA_MESSAGES] = { 2,
			     "messages: 6M of 6M in use by 60701, 1M more asked for: send fewer "
			     "large requests at once" RAISE("MessageMemory"),
			     "messages: 9M of 9M in use by all users of this host, 1M more asked "
			     "for: send fewer large requests at once" RAISE("HostMessageMemory") },
};

/* Of each kind: all that a user may have, not one more, and his neighbour has the rest. */
static void test_limits(void **state)
{
	struct world *w = *state;

	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++) {
		uint64_t rest = host_limits.max[kind] - user_limits.max[kind];
		struct quota_charge one = { 0 }, two = { 0 };

		take(&one, w->alice, kind, user_limits.max[kind]);
		refuse(w->alice, kind, refusals[kind].more, refusals[kind].of_user);
		take(&two, w->bob, kind, rest);
		refuse(w->bob, kind, refusals[kind].more, refusals[kind].of_host);
		assert_int_equal(quota_used(w->quota, w->alice, kind, 0), user_limits.max[kind]);
		assert_int_equal(quota_used(w->quota, w->bob, kind, 0), rest);
		assert_int_equal(quota_used(w->quota, NULL, kind, 0), host_limits.max[kind]);
		quota_return(&one);
		quota_return(&one);
		quota_return(&two);
	}
}

/* Root is bound by what protects the host, and by nothing that keeps it from looking after it. */
static void test_root(void **state)
{
	static const bool is_bound[] = {
		[QUOTA_SANDBOXES] = true, [QUOTA_STARTS] = true,       [QUOTA_MEMORY] = true,
		[QUOTA_PIDS] = true,      [QUOTA_CONNECTIONS] = false, [QUOTA_CALLS] = false,
		[QUOTA_MESSAGES] = false
	};
	struct world *w = *state;

	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++) {
		struct quota_charge all = { 0 }, more = { 0 };

		take(&all, w->root, kind, host_limits.max[kind]);
		if (is_bound[kind])
			refuse(w->root, kind, refusals[kind].more, refusals[kind].of_host);
		else
			take(&more, w->root, kind, host_limits.max[kind]);
		quota_return(&all);
		quota_return(&more);
	}
}

/* Starts are forgotten bit by bit, and nothing gives them back. */
static void test_starts(void **state)
{
	const struct quota_amounts start = { .of[QUOTA_STARTS] = 1 };
	struct world *w = *state;

	for (unsigned i = 0; i < user_limits.max[QUOTA_STARTS]; i++) {
		struct quota_charge c = { 0 };

		assert_int_equal(quota_charge(&c, w->alice, &start, 1000, NULL), 0);
		quota_return(&c);
	}
	for (unsigned i = 1; i <= 10; i++) { /* one for each third of a minute */
		struct quota_charge c = { 0 };
		uint64_t now_ms = 1000 + i * 20000;

		assert_int_equal(quota_charge(&c, w->alice, &start, now_ms - 1, NULL), -EDQUOT);
		assert_int_equal(quota_charge(&c, w->alice, &start, now_ms, NULL), 0);
		quota_return(&c);
	}
	assert_int_equal(quota_used(w->quota, w->alice, QUOTA_STARTS, 201000), 3);
	assert_int_equal(quota_used(w->quota, w->alice, QUOTA_STARTS, 201000 + 60000), 0);
}

/* Of several kinds all are charged or none. */
static void test_all_or_nothing(void **state)
{
	const struct quota_amounts wanted = { .of = { [QUOTA_SANDBOXES] = 1,
						      [QUOTA_STARTS] = 1,
						      [QUOTA_MEMORY] = 5 << 20,
						      [QUOTA_PIDS] = 10 } };
	struct world *w = *state;
	struct quota_charge one = { 0 }, two = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(quota_charge(&one, w->alice, &wanted, 0, &e), 0);
	assert_int_equal(quota_charge(&two, w->alice, &wanted, 0, &e), -EDQUOT);
	assert_same_text(e.subject, "memory");
	assert_null(two.account);
	assert_int_equal(quota_used(w->quota, w->alice, QUOTA_SANDBOXES, 0), 1);
	assert_int_equal(quota_used(w->quota, w->alice, QUOTA_STARTS, 0), 1);
	assert_int_equal(quota_used(w->quota, w->alice, QUOTA_PIDS, 0), 10);
	quota_return(&one);
	assert_int_equal(quota_charge(&two, w->alice, &wanted, 0, &e), 0);
	quota_return(&two);
}

static void test_change(void **state)
{
	struct world *w = *state;
	struct quota_charge c = { 0 };

	assert_int_equal(quota_change(&c, w->alice, QUOTA_MESSAGES, 5 << 20, NULL), 0);
	assert_int_equal(quota_change(&c, w->alice, QUOTA_MESSAGES, 7 << 20, NULL), -EDQUOT);
	assert_int_equal(quota_used(w->quota, NULL, QUOTA_MESSAGES, 0), 5 << 20);
	assert_int_equal(quota_change(&c, w->alice, QUOTA_MESSAGES, 1, NULL), 0);
	assert_int_equal(quota_used(w->quota, NULL, QUOTA_MESSAGES, 0), 1);
	assert_int_equal(quota_change(&c, w->alice, QUOTA_MESSAGES, 6 << 20, NULL), 0);
	quota_return(&c);
}

/* Limits that became lower refuse what is more; what was granted is kept and given back. */
static void test_lowered(void **state)
{
	static const struct quota_limits lower = { .max[QUOTA_SANDBOXES] = 1 };
	struct world *w = *state;
	struct quota_charge two = { 0 };

	take(&two, w->alice, QUOTA_SANDBOXES, 2);
	quota_close(quota_open(w->quota, ALICE, &lower));
	refuse(w->alice, QUOTA_SANDBOXES, 1,
	       "sandboxes: 2 of 1 in use by 60701: end some (awfctl list, awfctl stop)" RAISE(
		       "Sandboxes"));
	quota_return(&two);
}

/* A charge keeps its account: nobody else needs to hold it; and starts outlive whoever made them.
 */
/* The host's limits change under what is used: nothing is taken away, and no more is given. */
static void test_host_limits(void **state)
{
	struct world *w = *state;
	struct quota_charge one = { 0 }, two = { 0 }, three = { 0 };
	struct quota_limits limits = host_limits;

	take(&one, w->alice, QUOTA_SANDBOXES, 1);
	take(&two, w->bob, QUOTA_SANDBOXES, 1);
	limits.max[QUOTA_SANDBOXES] = 1;
	quota_set_host_limits(w->quota, &limits);
	refuse(w->bob, QUOTA_SANDBOXES, 1,
	       "sandboxes: 2 of 1 in use by all users of this host: end some "
	       "(awfctl list, awfctl stop) or wait, or have [Quota] HostSandboxes= raised");
	assert_int_equal(quota_used(w->quota, NULL, QUOTA_SANDBOXES, 0), 2);
	limits.max[QUOTA_SANDBOXES] = 3;
	quota_set_host_limits(w->quota, &limits);
	take(&three, w->bob, QUOTA_SANDBOXES, 1);
	quota_return(&one);
	quota_return(&two);
	quota_return(&three);
}

static void test_account_outlives(void **state)
{
	static const struct quota_limits one = {
		.max = { [QUOTA_SANDBOXES] = 1, [QUOTA_STARTS] = 1 }
	};
	const struct quota_amounts wanted = { .of = { [QUOTA_SANDBOXES] = 1, [QUOTA_STARTS] = 1 } };
	struct world *w = *state;
	struct quota_account *carol = quota_open(w->quota, 60703, &one);
	struct quota_charge c = { 0 };

	assert_int_equal(quota_charge(&c, carol, &wanted, 0, NULL), 0);
	quota_close(carol);
	assert_int_equal(quota_used(w->quota, NULL, QUOTA_SANDBOXES, 0), 1);
	quota_return(&c);
	for (uid_t uid = 70000; uid < 70010; uid++) /* the unused are swept */
		quota_close(quota_open(w->quota, uid, &one));
	carol = quota_open(w->quota, 60703, &one);
	refuse(carol, QUOTA_STARTS, 1,
	       "starts per minute: 1 of 1 in use by 60703: start fewer" RAISE("StartsPerMinute"));
	quota_close(carol);
}

/* A user is called by his name as soon as it is known. */
static void test_names(void **state)
{
	struct world *w = *state;

	quota_set_user_name(w->quota, 60701, "alice");
	quota_set_user_name(w->quota, 60799, "nobody's account");
	refuse(w->alice, QUOTA_SANDBOXES, 3,
	       "sandboxes: 0 of 2 in use by alice, 3 more asked for: end some (awfctl list, awfctl "
	       "stop)" RAISE("Sandboxes"));
}

/* However things come and go, in whatever order: what is counted is what is there. */
static void test_churn(void **state)
{
	struct world *w = *state;
	struct quota_account *accounts[] = { w->alice, w->bob, w->root };
	struct quota_charge charges[16] = { 0 };
	unsigned granted = 0, refused = 0;
	uint32_t random = 1;

	for (unsigned i = 0; i < 100000; i++) {
		struct quota_charge *c;
		struct quota_amounts wanted = { 0 };

		random = random * 1664525u + 1013904223u;
		c = &charges[random >> 28];
		wanted.of[(random >> 20) % QUOTA_KIND_COUNT] = 1 + (random >> 12) % 3;
		if (c->account)
			quota_return(c);
		else if (quota_charge(c, accounts[(random >> 8) % 3], &wanted, i, NULL) == 0)
			granted++;
		else
			refused++;
	}
	assert_true(granted > 1000 && refused > 1000);
	for (size_t i = 0; i < ARRAY_SIZE(charges); i++)
		quota_return(&charges[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_limits),      TEST(test_root),
		TEST(test_starts),      TEST(test_all_or_nothing),
		TEST(test_change),      TEST(test_lowered),
		TEST(test_host_limits), TEST(test_account_outlives),
		TEST(test_churn),       TEST(test_names),
	};

	return RUN_TESTS("quota", tests);
}
