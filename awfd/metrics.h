/* What awfd has done since it was started, in numbers for a monitoring system: counted as it
 * happens, told as text (https://prometheus.io/docs/specs/om/open_metrics_spec/). Names nobody and
 * no sandbox. Pure. */
#pragma once

#include <stdint.h>

#include "common/counters.h"
#include "common/strbuf.h"

/* States of a sandbox, as List tells them. */
enum metrics_state {
	METRICS_CREATING,
	METRICS_RUNNING,
	METRICS_KEPT,
	METRICS_DESTROYING,
	METRICS_EXITED,
	METRICS_STATE_COUNT,
};

enum metrics_result { METRICS_OK, METRICS_FAILED, METRICS_CANCELLED, METRICS_RESULT_COUNT };

enum metrics_format {
	METRICS_OPENMETRICS,
	METRICS_PROMETHEUS, /* its older text format, in which counters have the names of their
			       samples */
};

/* What is not counted here, but looked at when it is told. */
struct metrics_now {
	uint64_t sandboxes[METRICS_STATE_COUNT];
	uint64_t own[COUNTERS_MAX];   /* by enum sandbox_counter, of those that are there */
	uint64_t relay[COUNTERS_MAX]; /* by enum relay_counter, of the same */
	uint64_t engine_errors;
};

struct metrics;

struct metrics *metrics_new(void) _must_check_;
void metrics_free(struct metrics *m);

/* A step of a start has ended; the name is borrowed for good. */
void metrics_step(struct metrics *m, const char *step, int64_t elapsed_us);

/* A start has ended; step: the one that it failed in, or "". */
void metrics_start(struct metrics *m, enum metrics_result result, const char *step,
		   int64_t elapsed_us);

/* A sandbox is about to be gone, and this is what was counted of it. */
void metrics_gone(struct metrics *m, const uint64_t own[COUNTERS_MAX],
		  const uint64_t relay[COUNTERS_MAX]);

void metrics_append(const struct metrics *m, const struct metrics_now *now,
		    enum metrics_format format, struct strbuf *to);
