/* Plans of steps that are called a, b, c, …, whose ends the test decides. Whatever happens is
 * written down: "+a" started, "=a" ended well, "-a" cancelled, "." the plan ended well, "!" or with
 * an error. */
#include "awfd/plan.h"

#include "common/strbuf.h"

#include "tests/unit/check.h"

enum { A, B, C, D };

#define SHORT_MS    500
#define PATIENCE_MS 5000

struct world {
	struct event_base *base;
	struct plan *plan;
	struct strbuf log;
	struct err error;                               /* that the plan ended with */
	int results[PLAN_STEPS_MAX];                    /* what a step's start returns */
	const char *messages[PLAN_STEPS_MAX];           /* of its error; NULL: it sets none */
	void (*inside)(struct world *w, unsigned step); /* done inside each start */
	bool frees;                                     /* the plan is freed when it has ended */
};

static void note(struct world *w, char what, unsigned step)
{
	strbuf_appendf(&w->log, "%c%c", what, 'a' + (int)step);
}

static int start(void *subject, unsigned step, struct err *e)
{
	struct world *w = subject;

	note(w, '+', step);
	if (w->inside)
		w->inside(w, step);
	if (w->results[step] < 0 && w->messages[step])
		return err_set(e, w->results[step], ERR_SYSTEM, "%s", w->messages[step]);
	return w->results[step];
}

static void cancel(void *subject, unsigned step)
{
	note(subject, '-', step);
}

static bool never(const void *subject _unused_)
{
	return false;
}

static void on_step_ended(void *subject, const char *name, int64_t elapsed_us)
{
	struct world *w = subject;

	assert_true(elapsed_us >= 0);
	strbuf_appendf(&w->log, "=%s", name);
}

static void on_ended(void *subject, const struct err *e)
{
	struct world *w = subject;

	strbuf_puts(&w->log, e ? "!" : ".");
	err_clear(&w->error);
	if (e)
		err_copy(&w->error, e);
	if (w->frees)
		plan_free(TAKE_PTR(w->plan));
}

static const struct plan_events events = { on_step_ended, on_ended };

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->base = event_base_new();
	strbuf_puts(&w->log, "");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	plan_free(w->plan);
	event_base_free(w->base);
	strbuf_clear(&w->log);
	err_clear(&w->error);
	free(w);
	return 0;
}

/* The first `count` steps get these results, and one dispatch of the loop has not been run yet. */
static void begin(struct world *w, const struct plan_step *steps, unsigned count,
		  enum plan_mode mode, const int *results)
{
	for (unsigned i = 0; i < count; i++)
		w->results[i] = results[i];
	w->plan = plan_start(w->base, steps, count, mode, &events, w);
	assert_same_text(w->log.data, ""); /* nothing inside the call */
}

static void turn(struct world *w)
{
	assert_true(event_base_loop(w->base, EVLOOP_NONBLOCK) >= 0);
}

/* Lets the loop do what it can, for each step in a turn of its own and for the end in another, and
 * compares what happened since the last time. */
static void expect(struct world *w, const char *happened)
{
	for (unsigned i = 0; i <= PLAN_STEPS_MAX; i++)
		turn(w);
	assert_same_text(w->log.data, happened);
	strbuf_consume(&w->log, w->log.length);
}

/* As expect(), when the loop has to wait for a time limit. */
static void expect_soon(struct world *w, const char *happened)
{
	for (unsigned i = 0; i < PATIENCE_MS && w->log.length < strlen(happened); i++) {
		usleep(1000);
		turn(w);
	}
	expect(w, happened);
}

static void end_well(struct world *w, unsigned step)
{
	plan_step_ended(w->plan, step, NULL);
}

static void end_badly(struct world *w, unsigned step, const char *message)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(&e, -EIO, ERR_SYSTEM, "%s", message);
	plan_step_ended(w->plan, step, &e);
}

static void abort_with(struct world *w, const char *message)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(&e, -ECANCELED, ERR_CANCELLED, "%s", message);
	plan_abort(w->plan, &e);
}

#define STEP(letter, ...)                                                                          \
	{                                                                                          \
		.name = letter, .start = start, .cancel = cancel, __VA_ARGS__                      \
	}
#define RESULTS(...) ((const int[]){ __VA_ARGS__ })
#define BEGIN(w, steps, mode, ...)                                                                 \
	begin((w), (steps), ARRAY_SIZE(steps), (mode), RESULTS(__VA_ARGS__))

#define NOW   PLAN_STEP_DONE
#define LATER PLAN_STEP_RUNNING

static const struct plan_step chain[] = {
	STEP("a"),
	STEP("b", .after = AFTER(A)),
	STEP("c", .after = AFTER(A) | AFTER(B)),
};

static const struct plan_step side_by_side[] = { STEP("a"), STEP("b"), STEP("c") };

/* Written down in another order than they run in. */
static const struct plan_step diamond[] = {
	STEP("a", .after = AFTER(B) | AFTER(C)),
	STEP("b", .after = AFTER(D)),
	STEP("c", .after = AFTER(D)),
	STEP("d"),
};

/* --- Order ----------------------------------------------------------------------------------- */

static void test_chain_at_once(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, NOW, NOW);
	expect(w, "+a=a+b=b+c=c.");
	expect(w, "");
}

static void on_other(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct world *w = userdata;

	strbuf_puts(&w->log, "o");
}

static void make_other_ready(struct world *w, unsigned step _unused_)
{
	assert_int_equal(event_base_once(w->base, -1, EV_TIMEOUT, on_other, w, NULL), 0);
}

static void test_others_come_between_two_steps(void **state)
{
	struct world *w = *state;

	w->inside = make_other_ready;
	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, NOW, NOW);
	expect(w, "+a=ao+b=bo+c=co.");
}

static void test_chain_later(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, LATER, LATER, LATER);
	expect(w, "+a");
	expect(w, "");
	end_well(w, A);
	expect(w, "=a+b");
	end_well(w, B);
	expect(w, "=b+c");
	end_well(w, C);
	expect(w, "=c.");
}

static void test_parallel(void **state)
{
	struct world *w = *state;

	BEGIN(w, diamond, PLAN_STOP_ON_ERROR, NOW, LATER, LATER, LATER);
	expect(w, "+d");
	end_well(w, D);
	expect(w, "=d+b+c");
	end_well(w, C);
	expect(w, "=c");
	end_well(w, B);
	expect(w, "=b+a=a.");
}

/* Nothing starts and nothing ends inside plan_step_ended() or plan_abort(). */
static void test_only_from_the_loop(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, LATER, LATER, LATER);
	expect(w, "+a");
	end_well(w, A);
	assert_same_text(w->log.data, "=a");
	expect(w, "=a+b");
	abort_with(w, "enough");
	assert_same_text(w->log.data, "-b");
	expect(w, "-b!");
}

static void test_empty(void **state)
{
	struct world *w = *state;

	begin(w, chain, 0, PLAN_STOP_ON_ERROR, RESULTS(0));
	expect(w, ".");
}

static const struct plan_step with_unwanted[] = {
	STEP("a"),
	STEP("b", .after = AFTER(A), .wanted = never),
	STEP("c", .after = AFTER(B)),
	STEP("d", .wanted = never),
};

static void test_skipped(void **state)
{
	struct world *w = *state;

	BEGIN(w, with_unwanted, PLAN_STOP_ON_ERROR, LATER, NOW, NOW, NOW);
	expect(w, "+a");
	assert_int_equal(plan_step_state(w->plan, B), PLAN_PENDING); /* its turn has not come */
	assert_int_equal(plan_step_state(w->plan, D), PLAN_SKIPPED);
	end_well(w, A);
	expect(w, "=a+c=c.");
	assert_int_equal(plan_step_state(w->plan, B), PLAN_SKIPPED);
	assert_int_equal(plan_step_elapsed_us(w->plan, B), 0);
}

static void test_states(void **state)
{
	static const char *const names[] = { "pending", "running", "done", "failed", "skipped" };
	struct world *w = *state;
	int64_t first, done;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_same_text(plan_step_state_name((enum plan_step_state)i), names[i]);
	BEGIN(w, chain, PLAN_STOP_ON_ERROR, LATER, -EIO, NOW);
	assert_int_equal(plan_step_state(w->plan, A), PLAN_PENDING);
	expect(w, "+a");
	assert_int_equal(plan_step_state(w->plan, A), PLAN_RUNNING);
	first = plan_step_elapsed_us(w->plan, A);
	usleep(2000);
	assert_true(plan_step_elapsed_us(w->plan, A) >= first + 2000);
	end_well(w, A);
	done = plan_step_elapsed_us(w->plan, A);
	assert_true(done >= 2000);
	expect(w, "=a+b!");
	usleep(2000);
	assert_int_equal(plan_step_elapsed_us(w->plan, A), done);
	assert_int_equal(plan_step_state(w->plan, A), PLAN_DONE);
	assert_int_equal(plan_step_state(w->plan, B), PLAN_FAILED);
	assert_int_equal(plan_step_state(w->plan, C), PLAN_PENDING);
	assert_int_equal(plan_step_elapsed_us(w->plan, C), 0);
}

/* --- Errors ---------------------------------------------------------------------------------- */

static void test_error_at_once(void **state)
{
	struct world *w = *state;

	w->messages[B] = "no";
	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, -EPERM, NOW);
	expect(w, "+a=a+b!");
	assert_int_equal(w->error.error, -EPERM);
	assert_same_text(w->error.message, "b: no");
}

static void test_error_without_text(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, -ENOENT, NOW, NOW);
	expect(w, "+a!");
	assert_int_equal(w->error.error, -ENOENT);
	assert_same_text(w->error.message, "a: failed: No such file or directory");
}

/* What runs is cancelled once, nothing new starts, and later ends change nothing. */
static void test_error_later(void **state)
{
	struct world *w = *state;

	BEGIN(w, side_by_side, PLAN_STOP_ON_ERROR, LATER, LATER, LATER);
	expect(w, "+a+b+c");
	end_well(w, A);
	end_badly(w, C, "broken");
	end_well(w, B);
	end_badly(w, B, "too late");
	expect(w, "=a-b!");
	assert_int_equal(w->error.error, -EIO);
	assert_same_text(w->error.message, "c: broken");
	assert_int_equal(plan_step_state(w->plan, B), PLAN_FAILED);
	expect(w, "");
}

static void test_first_error_wins(void **state)
{
	struct world *w = *state;

	w->messages[B] = "second";
	BEGIN(w, side_by_side, PLAN_KEEP_GOING, LATER, LATER, LATER);
	expect(w, "+a+b+c");
	end_badly(w, C, "first");
	end_badly(w, A, "second");
	end_well(w, B);
	expect(w, "=b!");
	assert_same_text(w->error.message, "c: first");
}

/* An error that says by its kind what failed stays what it was. */
static void test_typed_error(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err e = { 0 };

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, LATER, NOW, NOW);
	expect(w, "+a");
	(void)err_engine(&e, -EREMOTEIO, "create x", 409, "name taken");
	plan_step_ended(w->plan, A, &e);
	err_clear(&e); /* it was copied */
	expect(w, "!");
	assert_int_equal(w->error.kind, ERR_ENGINE);
	assert_int_equal(w->error.status, 409);
	assert_same_text(w->error.subject, "create x");
	assert_same_text(w->error.message, "name taken");
}

static const struct plan_step with_drain[] = {
	STEP("a"),
	STEP("b", .drain = true),
	STEP("c", .after = AFTER(B)),
	{ .name = "d", .start = start }, /* can't be cancelled */
};

static void test_drain(void **state)
{
	struct world *w = *state;

	BEGIN(w, with_drain, PLAN_STOP_ON_ERROR, LATER, LATER, NOW, LATER);
	expect(w, "+a+b+d");
	end_badly(w, A, "broken");
	expect(w, "");
	assert_int_equal(plan_step_state(w->plan, B), PLAN_RUNNING);
	end_well(w, B);
	expect(w, "=b");
	end_badly(w, D, "another");
	expect(w, "!");
	assert_same_text(w->error.message, "a: broken");
	assert_int_equal(plan_step_state(w->plan, C), PLAN_PENDING);
}

/* A held plan goes on with what runs, begins nothing, and does not take that for its end. */
static void test_hold(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, LATER, LATER, LATER);
	expect(w, "+a");
	plan_hold(w->plan, true);
	end_well(w, A);
	expect(w, "=a");
	plan_hold(w->plan, false);
	expect(w, "+b");
	end_well(w, B);
	expect(w, "=b+c");
	plan_hold(w->plan, true);
	end_well(w, C);
	expect(w, "=c."); /* nothing is left that could begin */
	plan_hold(w->plan, false);
	expect(w, "");
}

static void test_end_of_held_plan(void **state)
{
	static const struct plan_step steps[] = {
		STEP("a"),
		STEP("b", .after = AFTER(A), .wanted = never),
		STEP("c", .after = AFTER(B), .wanted = never),
	};
	struct world *w = *state;

	BEGIN(w, steps, PLAN_STOP_ON_ERROR, LATER, NOW, NOW);
	expect(w, "+a");
	plan_hold(w->plan, true);
	end_well(w, A);
	expect(w, "=a.");
	assert_int_equal(plan_step_state(w->plan, C), PLAN_SKIPPED);
}

static void test_abort_of_held_plan(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, LATER, LATER);
	plan_hold(w->plan, true);
	expect(w, "");
	abort_with(w, "enough");
	expect(w, "!");
	assert_same_text(w->error.message, "enough");
}

static void test_keep_going(void **state)
{
	struct world *w = *state;

	w->messages[A] = "first";
	w->messages[C] = "second";
	BEGIN(w, chain, PLAN_KEEP_GOING, -EIO, LATER, -EPERM);
	expect(w, "+a+b");
	end_well(w, B);
	expect(w, "=b+c!");
	assert_int_equal(w->error.error, -EIO);
	assert_same_text(w->error.message, "a: first");
}

/* --- Time limits ----------------------------------------------------------------------------- */

static const struct plan_step with_limits[] = {
	STEP("a", .timeout_ms = SHORT_MS),
	STEP("b", .timeout_ms = PATIENCE_MS),
	STEP("c", .drain = true, .timeout_ms = 2 * SHORT_MS),
};

static void test_time_limit(void **state)
{
	struct world *w = *state;

	BEGIN(w, with_limits, PLAN_STOP_ON_ERROR, LATER, LATER, NOW);
	expect(w, "+a+b+c=c");
	expect_soon(w, "-a-b!");
	assert_int_equal(w->error.error, -ETIMEDOUT);
	assert_same_text(w->error.message, "a: did not end within 500 ms");
	assert_true(plan_step_elapsed_us(w->plan, A) >= SHORT_MS * 500); /* coarse clock */
	end_well(w, A);
	expect(w, "");
}

/* A drained step ends by its own limit when it doesn't otherwise. */
static void test_time_limit_of_drained_step(void **state)
{
	struct world *w = *state;

	w->messages[B] = "broken";
	BEGIN(w, with_limits, PLAN_STOP_ON_ERROR, NOW, -EIO, LATER);
	/* c is not started: b failed before. */
	expect(w, "+a=a+b!");
	plan_free(TAKE_PTR(w->plan));

	BEGIN(w, with_limits, PLAN_STOP_ON_ERROR, LATER, LATER, LATER);
	expect(w, "+a+b+c");
	end_badly(w, B, "broken");
	expect(w, "-a");
	expect_soon(w, "-c!");
	assert_same_text(w->error.message, "b: broken");
}

static void test_time_limit_when_going_on(void **state)
{
	struct world *w = *state;

	BEGIN(w, with_limits, PLAN_KEEP_GOING, LATER, LATER, NOW);
	expect(w, "+a+b+c=c");
	expect_soon(w, "-a");
	end_well(w, B);
	expect(w, "=b!");
	assert_int_equal(w->error.error, -ETIMEDOUT);
}

/* The limit is over with the step. */
static void test_time_limit_kept(void **state)
{
	struct world *w = *state;

	BEGIN(w, with_limits, PLAN_STOP_ON_ERROR, LATER, LATER, NOW);
	expect(w, "+a+b+c=c");
	end_well(w, A);
	expect(w, "=a");
	usleep(2 * SHORT_MS * 1000);
	expect(w, "");
	end_well(w, B);
	expect(w, "=b.");
}

/* --- Giving up ------------------------------------------------------------------------------- */

static void test_abort(void **state)
{
	struct world *w = *state;

	BEGIN(w, with_drain, PLAN_STOP_ON_ERROR, LATER, LATER, NOW, LATER);
	expect(w, "+a+b+d");
	abort_with(w, "client gone");
	abort_with(w, "again");
	expect(w, "-a");
	end_well(w, D);
	end_badly(w, B, "late");
	expect(w, "=d!");
	assert_int_equal(w->error.kind, ERR_CANCELLED);
	assert_int_equal(w->error.error, -ECANCELED);
	assert_same_text(w->error.message, "client gone");
}

static void test_abort_before_anything(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, NOW, NOW);
	abort_with(w, "at once");
	expect(w, "!");
}

/* The end is told once, whatever comes behind it. */
static void test_abort_after_end(void **state)
{
	struct world *w = *state;

	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, NOW, NOW);
	expect(w, "+a=a+b=b+c=c.");
	abort_with(w, "too late");
	end_badly(w, A, "too late");
	expect(w, "");
}

static void abort_inside(struct world *w, unsigned step)
{
	if (step == B)
		abort_with(w, "inside");
}

/* A step's own start may be what ends the plan: the step isn't begun and given up twice. */
static void test_abort_inside_start(void **state)
{
	static const int results[] = { NOW, LATER, -EIO };
	static const struct plan_step steps[] = { STEP("a"), STEP("b", .timeout_ms = SHORT_MS),
						  STEP("c") };
	struct world *w = *state;

	w->inside = abort_inside;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		BEGIN(w, steps, PLAN_STOP_ON_ERROR, LATER, results[i], NOW);
		expect(w, "+a+b-a-b!");
		assert_same_text(w->error.message, "inside");
		usleep(2 * SHORT_MS * 1000);
		expect(w, "");
		plan_free(TAKE_PTR(w->plan));
	}
}

static void test_free_early(void **state)
{
	struct world *w = *state;

	plan_free(NULL);
	BEGIN(w, side_by_side, PLAN_STOP_ON_ERROR, NOW, NOW, NOW);
	plan_free(TAKE_PTR(w->plan)); /* before anything */
	expect(w, "");
	BEGIN(w, with_limits, PLAN_KEEP_GOING, LATER, LATER, LATER);
	expect(w, "+a+b+c");
	end_well(w, B);
	plan_free(TAKE_PTR(w->plan)); /* drained ones, too; nobody is told */
	expect(w, "=b-a-c");
	usleep(2 * SHORT_MS * 1000);
	expect(w, "");
}

static void test_free_when_ended(void **state)
{
	struct world *w = *state;

	w->frees = true;
	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, -EIO, NOW);
	expect(w, "+a=a+b!");
	assert_null(w->plan);
	assert_same_text(w->error.message, "b: failed: Input/output error");
	BEGIN(w, chain, PLAN_STOP_ON_ERROR, NOW, NOW, NOW);
	expect(w, "+a=a+b=b+c=c.");
	assert_null(w->plan);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_chain_at_once),
		TEST(test_others_come_between_two_steps),
		TEST(test_chain_later),
		TEST(test_parallel),
		TEST(test_only_from_the_loop),
		TEST(test_empty),
		TEST(test_skipped),
		TEST(test_states),
		TEST(test_error_at_once),
		TEST(test_error_without_text),
		TEST(test_error_later),
		TEST(test_first_error_wins),
		TEST(test_typed_error),
		TEST(test_drain),
		TEST(test_hold),
		TEST(test_end_of_held_plan),
		TEST(test_abort_of_held_plan),
		TEST(test_keep_going),
		TEST(test_time_limit),
		TEST(test_time_limit_of_drained_step),
		TEST(test_time_limit_when_going_on),
		TEST(test_time_limit_kept),
		TEST(test_abort),
		TEST(test_abort_before_anything),
		TEST(test_abort_after_end),
		TEST(test_abort_inside_start),
		TEST(test_free_early),
		TEST(test_free_when_ended),
	};

	return RUN_TESTS("plan", tests);
}
