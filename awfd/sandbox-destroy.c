/* The destroy plan: the one teardown, idempotent, in which "not there" is success. Used for a
 * failed start, stop, a lost client and leftovers alike. */
#include "awfd/sandbox-internal.h"

#include "awfd/nft.h"
#include "common/fd.h"

enum {
	STREAMS,
	END_AGENT,
	END_CLI,
	END_SQUID,
	LOGS,
	OVER,
	AGENT,
	CLI,
	SQUID_RULES,
	SQUID_PORT,
	SQUID,
	PAUSE,
	RELAY,
	TARGET,
	DIRS,
	STATE,
	STEP_COUNT
};

static const struct plan_step destroy_plan[STEP_COUNT];

/* Shuts the agent's streams down unless the command ended by itself: then a client still reads. */
static int streams_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	struct sandbox *s = subject;

	if (!s->command_ended) {
		sandbox_shutdown_streams(s);
		s->stream = fd_close(s->stream);
	}
	return PLAN_STEP_DONE;
}

static void step_done(void *userdata, unsigned step, const struct err *e)
{
	plan_step_ended(((struct sandbox *)userdata)->plan, step, e);
}

static int remove_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;

	container_remove(&s->containers[destroy_plan[step].role], step_done, s, step);
	return PLAN_STEP_RUNNING;
}

static void remove_cancel(void *subject, unsigned step)
{
	container_cancel(&((struct sandbox *)subject)->containers[destroy_plan[step].role]);
}

/* It tells of the connections that end with it. */
static int relay_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	return sandbox_relay_stop(subject) ? PLAN_STEP_DONE : PLAN_STEP_RUNNING;
}

static void relay_cancel(void *subject, unsigned step _unused_)
{
	sandbox_relay_end(subject);
}

void sandbox_relay_stopped(struct sandbox *s)
{
	if (s->plan && plan_step_state(s->plan, RELAY) == PLAN_RUNNING)
		plan_step_ended(s->plan, RELAY, NULL);
}

static int target_step(void *subject, unsigned step _unused_, struct err *e)
{
	return sandbox_relay_revoke(subject, e);
}

/* A command that has ended by itself took all its processes along. */
static int end_agent_step(void *subject, unsigned step, struct err *e)
{
	const struct sandbox *s = subject;

	return s->command_ended ? PLAN_STEP_DONE : remove_step(subject, step, e);
}

/* Without the engine, which would take its time. squid's connections end properly, which needs the
 * rules; then the rules go, and only then its port and the container: its address is for the next
 * squid. */
static int end_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;

	return container_end(&s->containers[destroy_plan[step].role], s->manager->base, step_done,
			     s, step)
		       ? PLAN_STEP_DONE
		       : PLAN_STEP_RUNNING;
}

static int squid_rules_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;
	int r = s->squid_known ? nft_squid_remove(s->manager->nft, &s->squid, e) : 0;

	if (r == 0)
		s->squid_known = false;
	return r;
}

static int squid_port_step(void *subject, unsigned step _unused_, struct err *e)
{
	return sandbox_bridge_remove(subject, e);
}

static void squid_port_cancel(void *subject, unsigned step _unused_)
{
	sandbox_bridge_remove_cancel(subject);
}

void sandbox_bridge_removed(struct sandbox *s, const struct err *e)
{
	plan_step_ended(s->plan, SQUID_PORT, e);
}

/* The agent has ended, and who wrote about it, so these are the last lines. */
static int logs_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	sandbox_logs_end(subject);
	return PLAN_STEP_DONE;
}

/* Whoever waits for the job goes on from here. Not of one that never ran, whose start is answered
 * at the end, nor while an agent may run that could not be removed. */
static int over_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	struct sandbox *s = subject;

	if (!s->over && !s->ahead && !s->leftover && s->error.error == 0 &&
	    plan_step_state(s->plan, END_AGENT) != PLAN_FAILED)
		sandbox_over(s);
	return PLAN_STEP_DONE;
}

static int dirs_step(void *subject, unsigned step _unused_, struct err *e)
{
	sandbox_counters_settle(subject);
	return sandbox_dirs_remove(subject, e);
}

static bool all_before_done(const struct sandbox *s)
{
	for (unsigned i = 0; i < STATE; i++)
		if (plan_step_state(s->plan, i) != PLAN_DONE)
			return false;
	return true;
}

/* The state file goes last, and only when there is nothing left that it would help to find; of a
 * sandbox whose result somebody may ask for it stays as the record of that. */
static int state_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;

	if (!all_before_done(s))
		return PLAN_STEP_DONE;
	if (sandbox_is_worth_keeping(s))
		return sandbox_state_save(s, sandbox_state_name(SANDBOX_EXITED), e);
	return sandbox_state_remove(s, e);
}

#define ALL_CONTAINERS (AFTER(AGENT) | AFTER(CLI) | AFTER(SQUID) | AFTER(PAUSE))

/* A row that asks the engine to remove a container. */
#define REMOVE(what, whose, ...)                                                                   \
	{                                                                                          \
		.name = "remove " what, .timeout_ms = 30000, .start = remove_step,                 \
		.cancel = remove_cancel, .role = (whose), __VA_ARGS__                              \
	}

static const struct plan_step destroy_plan[STEP_COUNT] = {
	[STREAMS] = { .name = "shut streams down", .start = streams_step },
	[END_AGENT] = { .name = "end agent",
			.after = AFTER(STREAMS),
			.timeout_ms = 30000,
			.start = end_agent_step,
			.cancel = remove_cancel,
			.role = DOCKER_ROLE_AGENT },
	[END_CLI] = { .name = "end cli-proxy",
		      .timeout_ms = 5000,
		      .start = end_step,
		      .cancel = remove_cancel,
		      .role = DOCKER_ROLE_CLI_PROXY },
	[END_SQUID] = { .name = "end squid",
			.timeout_ms = 5000,
			.start = end_step,
			.cancel = remove_cancel,
			.role = DOCKER_ROLE_SQUID },
	[LOGS] = { .name = "read the last of the logs",
		   .after = AFTER(END_AGENT) | AFTER(END_CLI) | AFTER(END_SQUID) | AFTER(RELAY),
		   .start = logs_step },
	[OVER] = { .name = "tell the end", .after = AFTER(LOGS), .start = over_step },
	[AGENT] = REMOVE("agent", DOCKER_ROLE_AGENT, .after = AFTER(OVER)),
	[CLI] = REMOVE("cli-proxy", DOCKER_ROLE_CLI_PROXY, .after = AFTER(END_CLI)),
	[SQUID_RULES] = { .name = "remove squid's rules",
			  .after = AFTER(END_SQUID),
			  .start = squid_rules_step },
	[SQUID_PORT] = { .name = "remove squid's port",
			 .after = AFTER(SQUID_RULES),
			 .timeout_ms = 10000,
			 .start = squid_port_step,
			 .cancel = squid_port_cancel },
	[SQUID] = REMOVE("squid", DOCKER_ROLE_SQUID, .after = AFTER(SQUID_RULES)),
	[PAUSE] = REMOVE("pause", DOCKER_ROLE_PAUSE, .after = AFTER(STREAMS)),
	[RELAY] = { .name = "end relay",
		    .timeout_ms = 5000,
		    .start = relay_step,
		    .cancel = relay_cancel },
	[TARGET] = { .name = "remove relay target", .after = AFTER(RELAY), .start = target_step },
	[DIRS] = { .name = "remove directory",
		   .after = ALL_CONTAINERS | AFTER(LOGS),
		   .start = dirs_step },
	[STATE] = { .name = "remove state",
		    .after = ALL_CONTAINERS | AFTER(SQUID_PORT) | AFTER(TARGET) | AFTER(DIRS),
		    .start = state_step },
};

static void on_step_ended(void *subject _unused_, const char *name _unused_,
			  int64_t elapsed_us _unused_)
{
}

static void on_ended(void *subject, const struct err *e)
{
	sandbox_gone(subject, e);
}

struct plan *sandbox_destroy_plan(struct sandbox *s)
{
	static const struct plan_events events = { on_step_ended, on_ended };

	return plan_start(s->manager->base, destroy_plan, STEP_COUNT, PLAN_KEEP_GOING, &events, s);
}
