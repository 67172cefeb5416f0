#include "awfd/job-limits.h"

#include <inttypes.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define ABSENT FIELD_INT_ABSENT
#define MIB    (INT64_C(1) << 20)

static const struct config config = { .memory_bytes = 6 * 1024 * MIB, .pids = 1000 };

static struct start_request nothing(void)
{
	return (struct start_request){ .memory_limit = ABSENT,
				       .pids_limit = ABSENT,
				       .nano_cpus = ABSENT,
				       .agent_timeout = ABSENT };
}

static struct policy_rules *rules_with(const char *const (*bounds)[2])
{
	static const struct policy_place place = { "Policy", "awfd.conf", 7 };
	struct policy_rules *rules = policy_rules_new();

	for (; bounds && (*bounds)[0]; bounds++)
		assert_int_equal(policy_rules_set(rules, &place, (*bounds)[0], (*bounds)[1], NULL),
				 0);
	return rules;
}

/* By a policy with these bounds; NULL: the default. */
static int take(const char *const (*bounds)[2], const struct start_request *r, struct job_limits *l,
		struct err *e)
{
	static const struct peer peer = { .uid = 1000, .gid = 1000, .pidfd = -EBADF };
	_cleanup_(policy_rules_freep) struct policy_rules *rules = rules_with(bounds);
	_cleanup_(policy_freep) struct policy *policy = NULL;

	assert_int_equal(policy_of_peer(rules, NULL, &peer, &policy, NULL), 0);
	return job_limits_take(r, &config, policy, l, e);
}

static void test_defaults(void **state _unused_)
{
	const struct start_request r = nothing();
	struct job_limits l;

	assert_int_equal(take(NULL, &r, &l, NULL), 0);
	assert_int_equal(l.memory, config.memory_bytes);
	assert_int_equal(l.pids, 1000);
	assert_int_equal(l.nano_cpus, 0);
	assert_int_equal(l.timeout_s, 0);
}

static void test_asked_for(void **state _unused_)
{
	const struct start_request r = { .memory_limit = 16 * MIB,
					 .pids_limit = 1,
					 .nano_cpus = 10000000,
					 .agent_timeout = 60 };
	struct job_limits l;

	assert_int_equal(take(NULL, &r, &l, NULL), 0);
	assert_int_equal(l.memory, 16 * MIB);
	assert_int_equal(l.pids, 1);
	assert_int_equal(l.nano_cpus, 10000000);
	assert_int_equal(l.timeout_s, 60);
}

static const struct {
	const char *field;
	size_t offset;
	int64_t value;
	const char *message;
} refused[] = {
#define REFUSED(f, member, value, text)                                                            \
	{                                                                                          \
		f, offsetof(struct start_request, member), value, text                             \
	}
	REFUSED("memoryLimit", memory_limit, 16 * MIB - 1, "a size from 16m to 1048576g"),
	REFUSED("memoryLimit", memory_limit, 0, "a size from 16m to 1048576g"),
	REFUSED("memoryLimit", memory_limit, -1, "a size from 16m to 1048576g"),
	REFUSED("memoryLimit", memory_limit, INT64_MAX, "a size from 16m to 1048576g"),
	REFUSED("pidsLimit", pids_limit, 0, "a number from 1 to 4194304"),
	REFUSED("pidsLimit", pids_limit, -1, "a number from 1 to 4194304"),
	REFUSED("pidsLimit", pids_limit, 4194305, "a number from 1 to 4194304"),
	REFUSED("nanoCpus", nano_cpus, 0, "0.01 processors or more"),
	REFUSED("nanoCpus", nano_cpus, 9999999, "0.01 processors or more"),
	REFUSED("nanoCpus", nano_cpus, INT64_MAX, "this host has"),
	REFUSED("agentTimeout", agent_timeout, 0, "from 1 second to 30 days"),
	REFUSED("agentTimeout", agent_timeout, -5, "from 1 second to 30 days"),
	REFUSED("agentTimeout", agent_timeout, INT64_MAX, "from 1 second to 30 days"),
};

/* The field and its value are named, and what would do; nothing is taken. */
static void test_refused(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *value = xasprintf("%" PRId64, refused[i].value);
		struct start_request r = nothing();
		struct job_limits l = { .memory = 4711 };

		*(int64_t *)((char *)&r + refused[i].offset) = refused[i].value;
		assert_int_equal(take(NULL, &r, &l, &e), -EINVAL);
		assert_same_text(e.subject, refused[i].field);
		assert_same_text(e.value, value);
		assert_text_contains(e.message, refused[i].message);
		assert_int_equal(l.memory, 4711);
	}
}

/* As many processors as there are may be had, and no more. */
static void test_processors(void **state _unused_)
{
	struct start_request r = nothing();
	struct job_limits l;

	r.nano_cpus = sysconf(_SC_NPROCESSORS_ONLN) * INT64_C(1000000000);
	assert_int_equal(take(NULL, &r, &l, NULL), 0);
	assert_int_equal(l.nano_cpus, r.nano_cpus);
	r.nano_cpus++;
	assert_int_equal(take(NULL, &r, &l, NULL), -EINVAL);
}

static const char *const tight[][2] = {
	{ "MemoryMax", "1G" },  { "CpusMax", "1" }, { "PidsMax", "50" },
	{ "TimeoutMax", "2h" }, { NULL, NULL },
};

/* What nobody asked for fits into what the operator permits; what was asked for is not cut. */
static void test_fits(void **state _unused_)
{
	static const struct peer peer = { .uid = 1000, .gid = 1000, .pidfd = -EBADF };
	_cleanup_(policy_rules_freep) struct policy_rules *rules = rules_with(tight);
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(policy_decisions_clear) struct policy_decisions d = { 0 };
	struct start_request r = nothing();
	_cleanup_err_ struct err e = { 0 };
	struct job_limits l;

	assert_int_equal(take(tight, &r, &l, NULL), 0);
	assert_int_equal(l.memory, 1024 * MIB);
	assert_int_equal(l.nano_cpus, 1000000000);
	assert_int_equal(l.pids, 50);
	assert_int_equal(l.timeout_s, 7200);
	assert_int_equal(policy_of_peer(rules, NULL, &peer, &policy, NULL), 0);
	job_limits_decide(&l, policy, &d);
	assert_int_equal(d.count, 0);

	r.memory_limit = 1024 * MIB;
	r.pids_limit = 51;
	assert_int_equal(take(tight, &r, &l, NULL), 0);
	assert_int_equal(l.pids, 51);
	job_limits_decide(&l, policy, &d);
	assert_int_equal(d.count, 2);
	assert_true(d.items[0].allowed);
	assert_false(d.items[1].allowed);
	assert_int_equal(policy_decisions_result(&d, &e), -EACCES);
	assert_same_text(e.subject, "pidsLimit");
	assert_same_text(e.value, "51");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_asked_for),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_processors),
		cmocka_unit_test(test_fits),
	};

	return RUN_TESTS("job-limits", tests);
}
