/* What a job may use of the host: asked for, or else as the operator has it, as far as he permits.
 */
#pragma once

#include <stdint.h>

#include "awfd/config.h"
#include "awfd/policy.h"
#include "common/err.h"
#include "proto/messages.h"

struct job_limits {
	uint64_t memory; /* bytes */
	uint64_t pids;
	uint64_t nano_cpus; /* billionths of a processor; 0: as many as there are */
	uint64_t timeout_s; /* 0: none */
	unsigned asked;     /* a bit for each row of the table whose value was asked for */
};

/* What is not asked for is no more than the policy permits. Errors name the field. */
int job_limits_take(const struct start_request *request, const struct config *config,
		    const struct policy *policy, struct job_limits *ret,
		    struct err *e) _must_check_;

/* Adds a decision about each value that was asked for. */
void job_limits_decide(const struct job_limits *l, const struct policy *policy,
		       struct policy_decisions *decisions);
