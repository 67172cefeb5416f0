#include "awfd/job-limits.h"

#include <inttypes.h>
#include <stddef.h>
#include <unistd.h>

#include "common/alloc.h"

#define MIB        (INT64_C(1) << 20)
#define NANO       INT64_C(1000000000)
#define NANO_LEAST (NANO / 100) /* the engine takes no less */

#define TIMEOUT_MAX (INT64_C(30) * 24 * 3600)

struct limit {
	const char *field;
	size_t asked; /* offset in struct start_request */
	size_t taken; /* offset in struct job_limits */
	int64_t min, max;
	const char *expected;
	enum policy_key key;
	uint64_t unit; /* of the policy's number */
};

#define LIMIT(f, request_member, limits_member, low, high, what, bound, size)                      \
	{                                                                                          \
		.field = (f), .asked = offsetof(struct start_request, request_member),             \
		.taken = offsetof(struct job_limits, limits_member), .min = (low), .max = (high),  \
		.expected = (what), .key = (bound), .unit = (size)                                 \
	}

static const struct limit limits[] = {
	LIMIT("memoryLimit", memory_limit, memory, 16 * MIB, INT64_C(1) << 50,
	      "a size from 16m to 1048576g", POLICY_MEMORY_MAX, 1),
	LIMIT("pidsLimit", pids_limit, pids, 1, 4194304, "a number from 1 to 4194304",
	      POLICY_PIDS_MAX, 1),
	LIMIT("nanoCpus", nano_cpus, nano_cpus, NANO_LEAST, INT64_MAX, "0.01 processors or more",
	      POLICY_CPUS_MAX, NANO / 1000),
	LIMIT("agentTimeout", agent_timeout, timeout_s, 1, TIMEOUT_MAX,
	      "a time from 1 second to 30 days", POLICY_TIMEOUT_MAX, 1),
};

static uint64_t *member(const struct limit *l, struct job_limits *to)
{
	return (uint64_t *)((char *)to + l->taken);
}

/* What nobody asked for is as the operator has it, and no more than he permits; 0 is no limit. */
static void fit(const struct limit *l, const struct policy *policy, struct job_limits *to)
{
	uint64_t largest = policy_largest(policy, l->key), *value = member(l, to);

	if (largest != POLICY_INFINITY && (*value == 0 || *value > largest * l->unit))
		*value = largest * l->unit;
}

static int take(const struct limit *l, const struct start_request *request,
		const struct policy *policy, struct job_limits *to, struct err *e)
{
	int64_t value = *(const int64_t *)((const char *)request + l->asked);
	_cleanup_free_ char *text = xasprintf("%" PRId64, value);

	if (value == FIELD_INT_ABSENT) {
		fit(l, policy, to);
		return 0;
	}
	if (value < l->min || value > l->max)
		return err_invalid(e, l->field, text, "give %s", l->expected);
	*member(l, to) = (uint64_t)value;
	to->asked |= 1u << (l - limits);
	return 0;
}

/* More than there are would be refused by the engine, in its words. */
static int check_processors(const struct job_limits *l, struct err *e)
{
	_cleanup_free_ char *text = xasprintf("%" PRIu64, l->nano_cpus);
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	if (count < 1 || l->nano_cpus <= (uint64_t)count * (uint64_t)NANO)
		return 0;
	return err_invalid(e, "nanoCpus", text, "this host has %ld processor%s; give that or less",
			   count, count == 1 ? "" : "s");
}

int job_limits_take(const struct start_request *request, const struct config *config,
		    const struct policy *policy, struct job_limits *ret, struct err *e)
{
	struct job_limits taken = { .memory = config->memory_bytes, .pids = config->pids };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(limits); i++)
		r = take(&limits[i], request, policy, &taken, e);
	if (r == 0)
		r = check_processors(&taken, e);
	if (r == 0)
		*ret = taken;
	return r;
}

void job_limits_decide(const struct job_limits *l, const struct policy *policy,
		       struct policy_decisions *decisions)
{
	struct job_limits copy = *l;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *row = &limits[i];
		uint64_t number = (*member(row, &copy) + row->unit - 1) / row->unit;

		if (l->asked & 1u << i)
			policy_decisions_add(decisions, policy_check_number(policy, row->key,
									    row->field, number));
	}
}
