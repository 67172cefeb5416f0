/* The runner of multi-step work: a table of steps with declared dependencies, each with a time
 * limit.
 *
 * A completion never runs inside the call that started it. On the first error nothing new starts,
 * what can be cancelled is cancelled, the rest is drained, then the first error is reported, one of
 * the host with its step's name (others say by their kind what failed). No step has an undo. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

struct plan;

#define PLAN_STEPS_MAX 24
#define AFTER(step)    (1u << (step))

/* What a step's start function returns besides -errno. */
enum { PLAN_STEP_DONE = 0, PLAN_STEP_RUNNING = 1 };

struct plan_step {
	const char *name;
	uint32_t after; /* AFTER() of the steps that must have ended */
	int timeout_ms; /* for a step that stays running */
	/* Does or begins the work: PLAN_STEP_DONE, PLAN_STEP_RUNNING (plan_step_ended() follows,
	 * from the loop), or -errno with e set. */
	int (*start)(void *subject, unsigned step, struct err *e);
	/* Gives the running work up; plan_step_ended() must not follow. NULL for what can't be. */
	void (*cancel)(void *subject, unsigned step);
	bool drain; /* not cancelled when another step failed, only when its own time is over */
	/* NULL, or whether the step is wanted at all; an unwanted one counts as ended. */
	bool (*wanted)(const void *subject);
	unsigned role; /* for the step's functions */
};

struct plan_events {
	/* A step ended well. */
	void (*step_ended)(void *subject, const char *name, int64_t elapsed_us);
	/* Everything ended: e is NULL or the first error. The plan is freed by this function or
	 * later. */
	void (*ended)(void *subject, const struct err *e);
};

enum plan_mode {
	PLAN_STOP_ON_ERROR, /* to build up */
	PLAN_KEEP_GOING,    /* to tear down: later steps run although an earlier one failed */
};

enum plan_step_state {
	PLAN_PENDING,
	PLAN_RUNNING,
	PLAN_DONE,
	PLAN_FAILED,
	PLAN_SKIPPED,
};

/* Begins a plan; the first step starts from the loop. steps, count and subject must outlive it. */
struct plan *plan_start(struct event_base *base, const struct plan_step *steps, unsigned count,
			enum plan_mode mode, const struct plan_events *events,
			void *subject) _must_check_;

/* A running step ended: e is NULL or its error (copied). */
void plan_step_ended(struct plan *p, unsigned step, const struct err *e);

/* While it is held no step begins; what runs goes on, and a plan without further steps ends. */
void plan_hold(struct plan *p, bool held);

/* Makes the plan end with this error as if a step had failed with it. One that has ended stays so.
 */
void plan_abort(struct plan *p, const struct err *e);

/* "pending", "running", "done", "failed", "skipped". */
const char *plan_step_state_name(enum plan_step_state state);

/* The state of that name; PLAN_PENDING for any other text. */
enum plan_step_state plan_step_state_parse(const char *name);
enum plan_step_state plan_step_state(const struct plan *p, unsigned step);
int64_t plan_step_elapsed_us(const struct plan *p, unsigned step);

/* Cancels what runs, calls nobody, frees. NULL is allowed. */
void plan_free(struct plan *p);
