/* The create plan: from a checked request to a running agent. The table is the documentation. */
#include "awfd/sandbox-internal.h"

#include "awfd/docker-network.h"
#include "awfd/docker.h"
#include "awfd/environment.h"
#include "common/alloc.h"
#include "common/log.h"

/* The waiting and the last attempt have limits of their own, which the user sets; this one is
 * behind the largest of them. */
#define DIFC_TIMEOUT_MS (DIFC_PROBE_WAIT_MAX_S * 1000 + 70000)

enum {
	PLACE,
	DIFC,
	RESOLVE,
	PULL,
	TURN,
	IMAGE,
	NETWORK,
	DIRS,
	PAUSE, /* before the mounts: an engine that is gone is noticed by its calls */
	MOUNTS,
	SQUID,
	CLI,
	AGENT_RULES,
	SQUID_RULES,
	CLI_RULES,
	LINKS,
	RELAY,
	READY,
	LIVE,
	AGENT,
	ATTACH,
	RUN_AGENT,
	STEP_COUNT
};

static const struct plan_step create_plan[STEP_COUNT];

static struct container *agent_of(struct sandbox *s)
{
	return &s->containers[DOCKER_ROLE_AGENT];
}

/* What is prepared ahead of any job, what a taken sandbox brings along, and the rest: the columns
 * of the plan. */
static bool is_for_job(const void *subject)
{
	return !((const struct sandbox *)subject)->ahead;
}

static bool is_to_be_made(const void *subject)
{
	return !((const struct sandbox *)subject)->taken;
}

static bool has_squid(const void *subject)
{
	return sandbox_has_squid(subject);
}

static bool has_cli_proxy(const void *subject)
{
	return sandbox_has_cli_proxy(subject);
}

static bool has_difc(const void *subject)
{
	return is_for_job(subject) && sandbox_has_cli_proxy(subject);
}

static bool makes_cli_proxy(const void *subject)
{
	return is_to_be_made(subject) && sandbox_has_cli_proxy(subject);
}

static bool makes_squid(const void *subject)
{
	return is_to_be_made(subject) && sandbox_has_squid(subject);
}

static bool has_mounts(const void *subject)
{
	return sandbox_has_mounts(subject);
}

static bool has_relay(const void *subject)
{
	return is_for_job(subject) && sandbox_has_relay(subject);
}

static bool has_sidecar(const void *subject)
{
	return is_for_job(subject) &&
	       (sandbox_has_cli_proxy(subject) || sandbox_has_egress(subject));
}

static bool wants_attach(const void *subject)
{
	return ((const struct sandbox *)subject)->request.attach;
}

static void step_done(void *userdata, unsigned step, const struct err *e)
{
	plan_step_ended(((struct sandbox *)userdata)->plan, step, e);
}

/* --- a place among its owner's: before anything else ---------------------------------------------
 */

static int place_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	if (!sandbox_has_to_wait(subject))
		return PLAN_STEP_DONE;
	sandbox_wait_for_place(subject);
	return PLAN_STEP_RUNNING;
}

static void place_cancel(void *subject, unsigned step _unused_)
{
	sandbox_wait_no_more(subject);
}

void sandbox_placed(struct sandbox *s, const struct err *e)
{
	plan_step_ended(s->plan, PLACE, e);
}

/* --- reach DIFC proxy: before anything is created, and as the sandbox's gh will see it ----------
 */

static int probe_step(void *subject, unsigned step, struct err *e)
{
	int r = sandbox_probe_start(subject, step == LIVE, e);

	return r < 0 ? r : PLAN_STEP_RUNNING;
}

static void probe_cancel(void *subject, unsigned step _unused_)
{
	sandbox_probe_cancel(subject);
}

void sandbox_probe_ended(struct sandbox *s, bool live, const struct err *e)
{
	plan_step_ended(s->plan, live ? LIVE : DIFC, e);
}

/* --- state and directory -----------------------------------------------------------------------
 */

/* What to do about a full disk; the message names the file. */
static int advise_room(int r, struct err *e)
{
	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	return err_set(e, r, ERR_SYSTEM, "%s; make room on that file system, then start again",
		       e->message);
}

static int make_log_source(struct sandbox *s, enum sandbox_log_kind kind, struct err *e)
{
	if (s->ahead)
		return sandbox_logs_prepare(s, kind, e);
	return s->taken ? sandbox_logs_resume(s, kind, e) : sandbox_logs_follow(s, kind, e);
}

/* What is the job's is made when there is one: its logs, which are its owner's, and what it was
 * granted. */
static int make_files(struct sandbox *s, struct err *e)
{
	int r = sandbox_state_save(s, sandbox_state_name(SANDBOX_CREATING), e);

	if (r == 0)
		r = sandbox_dirs_make(s, e);
	if (r == 0 && !s->taken)
		r = sandbox_counters_make(s, e);
	if (r == 0 && !s->ahead)
		r = sandbox_logs_open(s, e);
	if (r == 0 && sandbox_has_cli_proxy(s))
		r = make_log_source(s, SANDBOX_LOG_GH, e);
	if (r == 0 && sandbox_has_squid(s) && !s->ahead)
		r = sandbox_squid_configure(s, e);
	if (r == 0 && sandbox_has_squid(s))
		r = make_log_source(s, SANDBOX_LOG_SQUID, e);
	return r;
}

static int dirs_step(void *subject, unsigned step _unused_, struct err *e)
{
	return advise_room(make_files(subject, e), e);
}

/* --- mounts: opened by the user, and staged for the engine --------------------------------------
 */

static int mounts_step(void *subject, unsigned step _unused_, struct err *e)
{
	int r = sandbox_mounts_start(subject, e);

	return r < 0 ? r : PLAN_STEP_RUNNING;
}

static void mounts_cancel(void *subject, unsigned step _unused_)
{
	sandbox_mounts_cancel(subject);
}

void sandbox_mounts_staged(struct sandbox *s, const struct err *e)
{
	plan_step_ended(s->plan, MOUNTS, e);
}

/* --- containers --------------------------------------------------------------------------------
 */

static void on_sidecar_up(void *userdata, unsigned step, const struct err *e)
{
	struct sandbox *s = userdata;
	struct container *c = &s->containers[create_plan[step].role];

	if (!e)
		sandbox_watch_sidecar(s, c);
	step_done(s, step, e);
}

static int container_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;
	enum docker_role role = create_plan[step].role;
	struct json_object *spec = sandbox_container_spec(s, role);

	/* The agent is created only; it starts when everything around it is in place. */
	container_up(&s->containers[role], spec, role != DOCKER_ROLE_AGENT,
		     role != DOCKER_ROLE_AGENT ? on_sidecar_up : step_done, s, step);
	json_object_put(spec);
	return PLAN_STEP_RUNNING;
}

static void container_step_cancel(void *subject, unsigned step)
{
	container_cancel(&((struct sandbox *)subject)->containers[create_plan[step].role]);
}

/* --- images that are brought, if the request wants that -----------------------------------------
 */

static bool wants_images(const void *subject)
{
	return ((const struct sandbox *)subject)->pull != IMAGE_NEVER;
}

static int pull_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	sandbox_images_start(subject);
	return PLAN_STEP_RUNNING;
}

static void pull_cancel(void *subject, unsigned step _unused_)
{
	sandbox_images_cancel(subject);
}

void sandbox_images_ended(struct sandbox *s, const struct err *e)
{
	plan_step_ended(s->plan, PULL, e);
}

/* --- a turn among all starts: before anything is created
 * ------------------------------------------
 */

/* What was prepared has the most of it behind it. */
static bool needs_turn(const void *subject)
{
	return is_for_job(subject) && is_to_be_made(subject);
}

static int turn_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	return sandbox_take_turn(subject) ? PLAN_STEP_DONE : PLAN_STEP_RUNNING;
}

static void turn_cancel(void *subject, unsigned step _unused_)
{
	sandbox_turn_over(subject);
}

void sandbox_has_turn(struct sandbox *s)
{
	plan_step_ended(s->plan, TURN, NULL);
}

/* --- the agent's image -------------------------------------------------------------------------
 */

static int take_image(struct sandbox *s, struct json_object *body, struct err *e)
{
	int r = docker_image_parse(body, &s->image_content, e);

	if (r == 0 && s->has_difc)
		environment_find_gh(&s->environment, s->image_content.path);
	return r;
}

static void on_image(int status _unused_, struct json_object *body, const struct err *e,
		     void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };

	s->image_call = NULL;
	if (!e && take_image(s, body, &local) < 0)
		e = &local;
	plan_step_ended(s->plan, IMAGE, e);
}

static int image_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	struct sandbox *s = subject;

	s->image_call =
		docker_image_inspect(s->manager->docker, sandbox_image_of_agent(s), on_image, s);
	return PLAN_STEP_RUNNING;
}

static void image_cancel(void *subject, unsigned step _unused_)
{
	docker_call_cancel(TAKE_PTR(((struct sandbox *)subject)->image_call));
}

/* --- names, the engine's network ---------------------------------------------------------------
 */

static int resolve_step(void *subject, unsigned step _unused_, struct err *e)
{
	return sandbox_resolve_start(subject, e);
}

static void resolve_step_cancel(void *subject, unsigned step _unused_)
{
	sandbox_resolve_cancel(subject);
}

void sandbox_resolve_ended(struct sandbox *s, const struct err *e)
{
	plan_step_ended(s->plan, RESOLVE, e);
}

static bool has_names(const void *subject)
{
	return sandbox_has_names(subject);
}

static void on_network(bool has_ipv6, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;

	s->network = NULL;
	s->squid.has_v6 = has_ipv6;
	plan_step_ended(s->plan, NETWORK, e);
}

static int network_step(void *subject, unsigned step _unused_, struct err *e _unused_)
{
	struct sandbox *s = subject;
	struct docker_network_spec spec = manager_network_spec(s->manager);

	s->network = docker_network_ensure(s->manager->docker, &spec, on_network, s);
	return PLAN_STEP_RUNNING;
}

static void network_cancel(void *subject, unsigned step _unused_)
{
	docker_network_cancel(TAKE_PTR(((struct sandbox *)subject)->network));
}

/* --- links, rules, relay, sidecars ready --------------------------------------------------------
 */

/* What is dropped is followed before there are rules that drop it. */
static int rules_step(void *subject, unsigned step, struct err *e)
{
	struct sandbox *s = subject;
	enum docker_role role = create_plan[step].role;
	int r = s->ahead ? 0 : sandbox_logs_follow_firewall(s, role, e);

	return r < 0 ? r : sandbox_links_rules(s, role, e);
}

/* One that was prepared has its links. Sidecars that wait for all this go on. */
static int links_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;
	int r = s->taken ? 0 : sandbox_links_make(s, e);

	return r < 0 || s->ahead ? r : sandbox_release(s, e);
}

static int relay_step(void *subject, unsigned step _unused_, struct err *e)
{
	int r = sandbox_relay_start(subject, e);

	return r < 0 ? r : PLAN_STEP_RUNNING;
}

/* Within its step it is the step's end. */
bool sandbox_relay_step_ended(struct sandbox *s, const struct err *e)
{
	bool starting =
		s->plan && !s->destroying && plan_step_state(s->plan, RELAY) == PLAN_RUNNING;

	if (starting)
		plan_step_ended(s->plan, RELAY, e);
	return starting;
}

static void relay_cancel(void *subject, unsigned step _unused_)
{
	struct sandbox *s = subject;

	relay_proc_free(TAKE_PTR(s->relay));
}

static int ready_step(void *subject, unsigned step _unused_, struct err *e)
{
	int r = sandbox_ready_start(subject, e);

	return r < 0 ? r : PLAN_STEP_RUNNING;
}

static void ready_cancel(void *subject, unsigned step _unused_)
{
	sandbox_ready_cancel(subject);
}

void sandbox_ready_ended(struct sandbox *s, const struct err *e)
{
	plan_step_ended(s->plan, READY, e);
}

/* --- attach ------------------------------------------------------------------------------------
 */

static void on_attached(int fd, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };
	int r;

	s->attach = NULL;
	s->stream = fd;
	r = e ? 0 : sandbox_keep_stream(s, fd, &s->kept_stream);
	if (!e && r == 0 && s->request.lease)
		sandbox_store_stream(s->kept_stream);
	if (r < 0)
		(void)err_system(&local, r, "cannot keep the agent's stream");
	plan_step_ended(s->plan, ATTACH, r < 0 ? &local : e);
}

static int attach_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;

	s->attach =
		docker_attach_start(s->manager->docker, agent_of(s)->name, s->request.open_stdin,
				    create_plan[step].timeout_ms, on_attached, s);
	return PLAN_STEP_RUNNING;
}

static void attach_cancel(void *subject, unsigned step _unused_)
{
	docker_attach_cancel(TAKE_PTR(((struct sandbox *)subject)->attach));
}

/* --- start agent --------------------------------------------------------
 */

/* The agent has its mounts. What cannot be removed now is tried again at the end. */
static void drop_stage(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };

	if (sandbox_mounts_remove(s, &e) < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "the stage of the mounts stays: %s", e.message);
}

static void on_agent_started(void *userdata, unsigned step, const struct err *e)
{
	struct sandbox *s = userdata;

	/* After the start, so that it is answered also when the command has ended already. */
	if (!e) {
		sandbox_memory_watch(s);
		sandbox_wait_for_agent(s);
		drop_stage(s);
	}
	plan_step_ended(s->plan, step, e);
}

static int run_agent_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;

	container_start(agent_of(s), on_agent_started, s, step);
	return PLAN_STEP_RUNNING;
}

/* --- the plan ----------------------------------------------------------------------------------
 */

/* Calls that make something are drained, not cancelled: what the engine makes late must be seen.
 * What a sandbox that is prepared ahead has are the rows that are wanted without a job; when it is
 * taken, the same plan runs the others, and DIRS and the sidecars' rules once more with what was
 * granted. */
static const struct plan_step create_plan[STEP_COUNT] = {
	[PLACE] = { .name = "removal of earlier ones",
		    .start = place_step,
		    .cancel = place_cancel },
	[DIFC] = { .name = "reach DIFC proxy",
		   .after = AFTER(PLACE),
		   .timeout_ms = DIFC_TIMEOUT_MS,
		   .start = probe_step,
		   .cancel = probe_cancel,
		   .wanted = has_difc },
	[RESOLVE] = { .name = "resolve names",
		      .after = AFTER(PLACE),
		      .timeout_ms = 15000,
		      .start = resolve_step,
		      .cancel = resolve_step_cancel,
		      .wanted = has_names },
	/* Has limits of its own, which begin when it is an image's turn. */
	[PULL] = { .name = "bring images",
		   .after = AFTER(DIFC) | AFTER(RESOLVE),
		   .start = pull_step,
		   .cancel = pull_cancel,
		   .wanted = wants_images },
	/* Bounded by what the others' steps are, which end, and then it is their turn no more. */
	[TURN] = { .name = "wait for other starts",
		   .after = AFTER(DIFC) | AFTER(RESOLVE) | AFTER(PULL),
		   .start = turn_step,
		   .cancel = turn_cancel,
		   .wanted = needs_turn },
	[IMAGE] = { .name = "look at image",
		    .after = AFTER(DIFC) | AFTER(RESOLVE) | AFTER(PULL),
		    .timeout_ms = 30000,
		    .start = image_step,
		    .cancel = image_cancel,
		    .wanted = is_for_job },
	[NETWORK] = { .name = "egress network",
		      .after = AFTER(PLACE),
		      .timeout_ms = 30000,
		      .start = network_step,
		      .cancel = network_cancel,
		      .wanted = makes_squid },
	[DIRS] = { .name = "state and directory", .after = AFTER(TURN), .start = dirs_step },
	[MOUNTS] = { .name = "mounts",
		     .after = AFTER(DIRS),
		     .timeout_ms = 10000,
		     .start = mounts_step,
		     .cancel = mounts_cancel,
		     .wanted = has_mounts },
	[PAUSE] = { .name = "start pause",
		    .after = AFTER(DIRS),
		    .timeout_ms = 30000,
		    .start = container_step,
		    .cancel = container_step_cancel,
		    .drain = true,
		    .wanted = is_to_be_made,
		    .role = DOCKER_ROLE_PAUSE },
	[SQUID] = { .name = "start squid",
		    .after = AFTER(DIRS),
		    .timeout_ms = 30000,
		    .start = container_step,
		    .cancel = container_step_cancel,
		    .drain = true,
		    .wanted = makes_squid,
		    .role = DOCKER_ROLE_SQUID },
	[CLI] = { .name = "start cli-proxy",
		  .after = AFTER(DIRS),
		  .timeout_ms = 30000,
		  .start = container_step,
		  .cancel = container_step_cancel,
		  .drain = true,
		  .wanted = makes_cli_proxy,
		  .role = DOCKER_ROLE_CLI_PROXY },
	[AGENT_RULES] = { .name = "agent's rules",
			  .after = AFTER(DIRS) | AFTER(PAUSE),
			  .start = rules_step,
			  .role = DOCKER_ROLE_PAUSE },
	[SQUID_RULES] = { .name = "squid's rules",
			  .after = AFTER(DIRS) | AFTER(NETWORK) | AFTER(SQUID),
			  .start = rules_step,
			  .wanted = has_squid,
			  .role = DOCKER_ROLE_SQUID },
	[CLI_RULES] = { .name = "cli-proxy's rules",
			.after = AFTER(DIRS) | AFTER(CLI),
			.start = rules_step,
			.wanted = has_cli_proxy,
			.role = DOCKER_ROLE_CLI_PROXY },
	[LINKS] = { .name = "links",
		    .after = AFTER(AGENT_RULES) | AFTER(SQUID_RULES) | AFTER(CLI_RULES),
		    .start = links_step },
	[RELAY] = { .name = "relay",
		    .after = AFTER(LINKS),
		    .timeout_ms = 5000,
		    .start = relay_step,
		    .cancel = relay_cancel,
		    .wanted = has_relay },
	[READY] = { .name = "sidecars ready",
		    .after = AFTER(LINKS) | AFTER(RELAY),
		    .timeout_ms = 30000,
		    .start = ready_step,
		    .cancel = ready_cancel,
		    .wanted = has_sidecar },
	[LIVE] = { .name = "DIFC proxy through relay",
		   .after = AFTER(RELAY),
		   .timeout_ms = DIFC_TIMEOUT_MS,
		   .start = probe_step,
		   .cancel = probe_cancel,
		   .wanted = has_difc },
	[AGENT] = { .name = "create agent",
		    .after = AFTER(IMAGE) | AFTER(DIRS) | AFTER(PAUSE) | AFTER(MOUNTS),
		    .timeout_ms = 30000,
		    .start = container_step,
		    .cancel = container_step_cancel,
		    .drain = true,
		    .wanted = is_for_job,
		    .role = DOCKER_ROLE_AGENT },
	[ATTACH] = { .name = "attach",
		     .after = AFTER(AGENT),
		     .timeout_ms = 5000,
		     .start = attach_step,
		     .cancel = attach_cancel,
		     .wanted = wants_attach },
	[RUN_AGENT] = { .name = "start agent",
			.after = AFTER(LINKS) | AFTER(READY) | AFTER(LIVE) | AFTER(ATTACH) |
				 AFTER(AGENT),
			.timeout_ms = 30000,
			.start = run_agent_step,
			.cancel = container_step_cancel,
			.drain = true,
			.wanted = is_for_job,
			.role = DOCKER_ROLE_AGENT },
};

static void on_step_ended(void *subject, const char *name, int64_t elapsed_us)
{
	struct sandbox_news news = { .phase = name, .elapsed_us = elapsed_us };

	sandbox_tell(subject, SANDBOX_PHASE, &news);
}

static void on_ended(void *subject, const struct err *e)
{
	sandbox_created(subject, e);
}

struct plan *sandbox_create_plan(struct sandbox *s)
{
	static const struct plan_events events = { on_step_ended, on_ended };

	return plan_start(s->manager->base, create_plan, STEP_COUNT, PLAN_STOP_ON_ERROR, &events,
			  s);
}

unsigned sandbox_create_plan_length(void)
{
	return STEP_COUNT;
}

const char *sandbox_create_plan_step(unsigned step)
{
	return create_plan[step].name;
}
