#include "awfd/plan.h"

#include <string.h>

#include <assert.h>
#include <time.h>

#include "common/alloc.h"

struct step_run {
	struct plan *plan;
	enum plan_step_state state;
	int64_t started_us;
	int64_t elapsed_us;
	struct event *timeout;
};

struct plan {
	struct event_base *base;
	const struct plan_step *steps;
	unsigned count;
	enum plan_mode mode;
	const struct plan_events *events;
	void *subject;
	struct event *dispatch; /* wakes when something may start or have ended */
	struct err error;       /* the first one */
	bool ended;             /* and told so */
	bool held;              /* no step begins */
	struct step_run runs[PLAN_STEPS_MAX];
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* From a turn of the loop of its own: what else is ready comes before it. */
static void wake(struct plan *p)
{
	if (event_add(p->dispatch, &(struct timeval){ 0 }) < 0)
		abort();
}

static bool has_ended(enum plan_step_state state)
{
	return state == PLAN_DONE || state == PLAN_FAILED || state == PLAN_SKIPPED;
}

static void end_step(struct plan *p, unsigned step, enum plan_step_state state)
{
	struct step_run *run = &p->runs[step];

	run->state = state;
	if (run->started_us)
		run->elapsed_us = now_us() - run->started_us;
	event_del(run->timeout);
}

static void cancel_step(struct plan *p, unsigned step)
{
	end_step(p, step, PLAN_FAILED);
	if (p->steps[step].cancel)
		p->steps[step].cancel(p->subject, step);
}

static bool may_cancel(const struct plan *p, unsigned step)
{
	return p->runs[step].state == PLAN_RUNNING && !p->steps[step].drain &&
	       p->steps[step].cancel;
}

/* Keeps the first error; of a plan that stops, cancels what may be cancelled. */
static void fail(struct plan *p, const struct err *e)
{
	if (p->error.error != 0)
		return;
	err_copy(&p->error, e);
	if (p->mode != PLAN_STOP_ON_ERROR)
		return;
	for (unsigned i = 0; i < p->count; i++)
		if (may_cancel(p, i))
			cancel_step(p, i);
}

static void fail_step(struct plan *p, unsigned step, const struct err *e)
{
	_cleanup_err_ struct err named = { 0 };

	err_copy(&named, e);
	if (named.kind == ERR_SYSTEM)
		(void)err_wrap(&named, "%s", p->steps[step].name);
	fail(p, &named);
}

static void timed_out(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct step_run *run = userdata;
	struct plan *p = run->plan;
	unsigned step = (unsigned)(run - p->runs);
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(&e, -ETIMEDOUT, ERR_SYSTEM, "did not end within %d ms",
		      p->steps[step].timeout_ms);
	cancel_step(p, step);
	fail_step(p, step, &e);
	wake(p);
}

static bool may_start(const struct plan *p, unsigned step)
{
	if (p->runs[step].state != PLAN_PENDING)
		return false;
	for (unsigned i = 0; i < p->count; i++)
		if ((p->steps[step].after & AFTER(i)) && !has_ended(p->runs[i].state))
			return false;
	return true;
}

static void start_timeout(struct plan *p, unsigned step)
{
	int ms = p->steps[step].timeout_ms;
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (ms > 0)
		event_add(p->runs[step].timeout, &tv);
}

static void start_step(struct plan *p, unsigned step)
{
	const struct plan_step *s = &p->steps[step];
	_cleanup_err_ struct err e = { 0 };
	int r;

	p->runs[step].state = PLAN_RUNNING;
	p->runs[step].started_us = now_us();
	r = s->start(p->subject, step, &e);
	if (p->runs[step].state != PLAN_RUNNING)
		return; /* it ended the plan, and so itself */
	if (r == PLAN_STEP_RUNNING) {
		start_timeout(p, step);
	} else if (r == PLAN_STEP_DONE) {
		end_step(p, step, PLAN_DONE);
		p->events->step_ended(p->subject, s->name, p->runs[step].elapsed_us);
	} else {
		if (e.error == 0)
			(void)err_system(&e, r, "failed");
		end_step(p, step, PLAN_FAILED);
		fail_step(p, step, &e);
	}
}

static bool has_stopped(const struct plan *p)
{
	return p->error.error != 0 && p->mode == PLAN_STOP_ON_ERROR;
}

/* Whether there is a step that would begin if the plan were not held. */
static bool is_held_back(const struct plan *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->held && p->error.error == 0 && may_start(p, i))
			return true;
	return false;
}

/* Ends one step that may start and is not wanted, also of a plan that is held; tells whether there
 * was one. */
static bool skip_next(struct plan *p)
{
	for (unsigned i = 0; i < p->count && !has_stopped(p); i++) {
		const struct plan_step *s = &p->steps[i];

		if (may_start(p, i) && s->wanted && !s->wanted(p->subject)) {
			end_step(p, i, PLAN_SKIPPED);
			return true;
		}
	}
	return false;
}

/* Starts one step that may start, of which none is unwanted; tells whether there was one. */
static bool start_next(struct plan *p)
{
	for (unsigned i = 0; i < p->count && !has_stopped(p); i++) {
		if (may_start(p, i)) {
			start_step(p, i);
			return true;
		}
	}
	return false;
}

static bool is_running(const struct plan *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->runs[i].state == PLAN_RUNNING)
			return true;
	return false;
}

static void dispatch(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct plan *p = userdata;
	_cleanup_err_ struct err e = { 0 };

	while (skip_next(p))
		;
	if (is_held_back(p))
		return;
	if (start_next(p)) {
		wake(p);
		return;
	}
	if (is_running(p) || p->ended)
		return;
	p->ended = true;
	err_copy(&e, &p->error); /* the plan is usually freed by `ended` */
	p->events->ended(p->subject, e.error != 0 ? &e : NULL);
}

struct plan *plan_start(struct event_base *base, const struct plan_step *steps, unsigned count,
			enum plan_mode mode, const struct plan_events *events, void *subject)
{
	struct plan *p = xnew(struct plan);

	assert(count <= PLAN_STEPS_MAX);
	*p = (struct plan){ .base = base,
			    .steps = steps,
			    .count = count,
			    .mode = mode,
			    .events = events,
			    .subject = subject };
	p->dispatch = event_new(base, -1, 0, dispatch, p);
	if (!p->dispatch)
		abort();
	for (unsigned i = 0; i < count; i++) {
		p->runs[i].plan = p;
		p->runs[i].timeout = evtimer_new(base, timed_out, &p->runs[i]);
		if (!p->runs[i].timeout)
			abort();
	}
	wake(p);
	return p;
}

void plan_step_ended(struct plan *p, unsigned step, const struct err *e)
{
	if (p->runs[step].state != PLAN_RUNNING)
		return;
	end_step(p, step, e ? PLAN_FAILED : PLAN_DONE);
	if (e)
		fail_step(p, step, e);
	else
		p->events->step_ended(p->subject, p->steps[step].name, p->runs[step].elapsed_us);
	wake(p);
}

void plan_hold(struct plan *p, bool held)
{
	if (p->held == held)
		return;
	p->held = held;
	wake(p);
}

void plan_abort(struct plan *p, const struct err *e)
{
	if (p->ended)
		return;
	fail(p, e);
	wake(p);
}

static const char *const state_names[] = {
	[PLAN_PENDING] = "pending", [PLAN_RUNNING] = "running", [PLAN_DONE] = "done",
	[PLAN_FAILED] = "failed",   [PLAN_SKIPPED] = "skipped",
};

const char *plan_step_state_name(enum plan_step_state state)
{
	return state_names[state];
}

enum plan_step_state plan_step_state_parse(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(state_names); i++)
		if (strcmp(state_names[i], name) == 0)
			return (enum plan_step_state)i;
	return PLAN_PENDING;
}

enum plan_step_state plan_step_state(const struct plan *p, unsigned step)
{
	return p->runs[step].state;
}

int64_t plan_step_elapsed_us(const struct plan *p, unsigned step)
{
	const struct step_run *run = &p->runs[step];

	return run->state == PLAN_RUNNING ? now_us() - run->started_us : run->elapsed_us;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->count; i++) {
		if (p->runs[i].state == PLAN_RUNNING)
			cancel_step(p, i);
		event_free(p->runs[i].timeout);
	}
	event_free(p->dispatch);
	err_clear(&p->error);
	free(p);
}
