#include "awfd/sandbox.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "awfd/config.h"
#include "awfd/metrics.h"
#include "awfd/sandbox-internal.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strv.h"

/* How many results of a user's ended sandboxes are remembered; the oldest are forgotten first. */
#define EXITED_MAX 256

/* What awfctl(1) exits with when awfd or the engine failed. */
#define EXIT_CODE_AWFD_FAILED 125
#define EXIT_CODE_TIMED_OUT   124

/* Between SIGTERM and SIGKILL of a command whose time is over. */
#define TIMEOUT_GRACE_MS 10000

/* Between attempts to finish a destroy plan that failed (the engine is away, say). */
#define RETRY_FIRST_S 1
#define RETRY_MAX_S   30

struct sandbox_list {
	LIST_HEAD(, sandbox) head; /* newest first */
};

/* --- The object --------------------------------------------------------------------------------
 */

static void make_id(struct manager *m, char id[SANDBOX_ID_LENGTH + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char random[SANDBOX_ID_LENGTH];

	do {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			abort();
		for (size_t i = 0; i < SANDBOX_ID_LENGTH; i++)
			id[i] = alphabet[random[i] & 31];
		id[SANDBOX_ID_LENGTH] = '\0';
	} while (sandbox_find(m, id));
}

static void init_containers(struct sandbox *s)
{
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++) {
		_cleanup_free_ char *name = docker_container_name(s->id, role);

		container_init(&s->containers[role], s->manager->docker, name);
	}
}

static void on_stop_timer(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	sandbox_destroy(userdata, "stopped");
}

static void on_timeout(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct sandbox *s = userdata;

	s->timed_out = true;
	if (!s->reason)
		s->reason = xasprintf("its time of %" PRIu64 " s was over", s->limits.timeout_s);
	sandbox_stop(s, "SIGTERM", TIMEOUT_GRACE_MS);
}

static void on_retry_timer(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	sandbox_start_destroy_plan(userdata);
}

/* An object with an id (a new one when it is NULL), in the list. */
struct sandbox *sandbox_alloc(struct manager *m, const char *id)
{
	struct sandbox *s = xnew(struct sandbox);

	s->manager = m;
	s->config = config_ref(m->config);
	if (id)
		memcpy(s->id, id, SANDBOX_ID_LENGTH);
	else
		make_id(m, s->id);
	s->directory = xasprintf("%s/sandboxes/%s", s->config->runtime_directory, s->id);
	s->created_s = (int64_t)time(NULL);
	s->owner = PEER_NONE;
	s->created_ms = clock_ms();
	s->stream = -EBADF;
	for (unsigned i = 0; i < ARRAY_SIZE(s->ready); i++)
		s->ready[i].fd = -EBADF;
	for (unsigned i = 0; i < ARRAY_SIZE(s->logs); i++)
		s->logs[i].fd = -EBADF;
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++)
		s->streams[i] = (struct sandbox_stream){ .sandbox = s, .fd = -EBADF };
	init_containers(s);
	s->denials = denials_new();
	sandbox_lease_init(s);
	s->stop_timer = evtimer_new(m->base, on_stop_timer, s);
	s->timeout = evtimer_new(m->base, on_timeout, s);
	s->retry_timer = evtimer_new(m->base, on_retry_timer, s);
	s->wait_retry = evtimer_new(m->base, sandbox_on_wait_retry, s);
	if (!s->stop_timer || !s->timeout || !s->retry_timer || !s->wait_retry)
		abort();
	LIST_INIT(&s->watches);
	LIST_INSERT_HEAD(&m->sandboxes->head, s, entry);
	return s;
}

/* The record of one that has exited goes with it, unless it is this awfd that goes. */
static void remove_record(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };

	if (s->state == SANDBOX_EXITED && !s->manager->leaving && sandbox_state_remove(s, &e) < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "%s", e.message);
}

void sandbox_free(struct sandbox *s)
{
	struct manager *m = s->manager;

	if (s->telling) {
		s->free_pending = true;
		return;
	}
	remove_record(s);
	LIST_REMOVE(s, entry);
	quota_return(&s->charge);
	sandbox_watches_free(s);
	plan_free(s->plan);
	docker_call_cancel(s->wait);
	docker_call_cancel(s->signal);
	sandbox_memory_unwatch(s);
	free(s->memory_group);
	sandbox_lease_clear(s);
	sandbox_wait_no_more(s);
	sandbox_turn_over(s);
	resolve_cancel(s->resolve);
	sandbox_mounts_cancel(s);
	docker_network_cancel(s->network);
	sandbox_ready_cancel(s);
	if (s->manager->leaving)
		relay_proc_release(TAKE_PTR(s->relay));
	sandbox_relay_end(s);
	sandbox_logs_end(s);
	sandbox_logs_close(s);
	sandbox_counters_close(s);
	sandbox_audit_clear(s);
	egress_clear(&s->egress);
	mount_specs_clear(&s->mounts);
	free(s->squid_targets);
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++)
		container_clear(&s->containers[role]);
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++)
		sandbox_drop_stream(&s->streams[i]);
	fd_close(s->stream);
	event_free(s->stop_timer);
	event_free(s->timeout);
	event_free(s->retry_timer);
	event_free(s->wait_retry);
	fields_clear(&start_request_table, &s->request);
	peer_clear(&s->owner);
	policy_free(s->policy);
	difc_address_clear(&s->difc);
	strv_free(s->environment);
	strv_free(s->dropped);
	strv_free(s->masked);
	denials_free(s->denials);
	err_clear(&s->error);
	docker_call_cancel(s->image_call);
	sandbox_images_cancel(s);
	docker_image_clear(&s->image_content);
	free(s->image);
	free(s->user);
	free(s->home);
	free(s->workspace_refusal);
	free(s->directory);
	free(s->reason);
	free(s->left);
	free(s->pool);
	config_free(s->config);
	free(s);
	if (LIST_EMPTY(&m->sandboxes->head))
		manager_at_rest();
}

struct sandbox *sandbox_new_leftover(struct manager *m, const char *id)
{
	struct sandbox *s = sandbox_alloc(m, id);

	s->image = xstrdup("");
	s->user = xstrdup("root"); /* nobody else's any more */
	s->leftover = true;
	return s;
}

struct log_fields sandbox_log_fields(const struct sandbox *s)
{
	bool has_owner = !s->leftover && !s->ahead;

	return (struct log_fields){ .sandbox = s->id, .uid = has_owner ? &s->owner.uid : NULL };
}

/* It has an owner, and a command, when it is taken. */
struct sandbox *sandbox_new_ahead(struct manager *m, const struct pool_part *part)
{
	struct sandbox *s = sandbox_alloc(m, NULL);

	s->ahead = true;
	s->part = *part;
	s->owner.uid = (uid_t)-1;
	s->user = xstrdup("-");
	s->image = xstrdup("");
	s->request.command = xcalloc(1, sizeof(*s->request.command));
	return s;
}

struct sandbox *sandbox_new_loaded(struct manager *m, const char *id)
{
	return sandbox_alloc(m, id);
}

/* --- Its life ----------------------------------------------------------------------------------
 */

void sandbox_set_state(struct sandbox *s, enum sandbox_state state)
{
	if (s->state == state)
		return;
	sandbox_log(LOG_LEVEL_INFO, s, "%s -> %s%s%s%s", sandbox_state_name(s->state),
		    sandbox_state_name(state), s->reason ? " (" : "", s->reason ? s->reason : "",
		    s->reason ? ")" : "");
	s->state = state;
	if (state == SANDBOX_EXITED)
		quota_return(&s->charge);
	manager_update_status(s->manager);
	pool_wake(s->manager->pool);
}

void sandbox_create(struct sandbox *s, struct conn *lease)
{
	if (lease)
		sandbox_lease_give(s, lease);
	sandbox_log(LOG_LEVEL_INFO, s, "creating for uid %u (pid %d)", s->owner.uid, s->owner.pid);
	s->plan = sandbox_create_plan(s);
	manager_update_status(s->manager);
	pool_wake(s->manager->pool);
}

static void record_steps(struct sandbox *s)
{
	s->step_count = sandbox_create_plan_length();
	for (unsigned i = 0; i < s->step_count; i++)
		s->steps[i] =
			(struct step_record){ .name = sandbox_create_plan_step(i),
					      .state = plan_step_state(s->plan, i),
					      .elapsed_us = plan_step_elapsed_us(s->plan, i) };
}

/* Until the deadline, which a loaded sandbox brings along. */
void sandbox_start_timeout(struct sandbox *s)
{
	uint64_t now = clock_ms(), left;
	struct timeval tv;

	if (s->limits.timeout_s == 0)
		return;
	if (s->deadline_ms == 0)
		s->deadline_ms = now + s->limits.timeout_s * 1000;
	left = s->deadline_ms > now ? s->deadline_ms - now : 0;
	tv = (struct timeval){ .tv_sec = (time_t)(left / 1000),
			       .tv_usec = (suseconds_t)(left % 1000) * 1000 };
	event_add(s->timeout, &tv);
}

/* A sidecar that has ended is why a step failed, also when the loop has not been told of its end.
 */
static void name_ended_sidecar(struct sandbox *s)
{
	if (s->error.kind != ERR_SYSTEM)
		return;
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++) {
		const struct container *c = &s->containers[role];

		if (!container_is_ending(c))
			continue;
		(void)err_wrap(&s->error, "container %s ended", c->name);
		return;
	}
}

/* What is left of it is as well confined as before. Nobody's connection has to do with it now. */
static void keep(struct sandbox *s)
{
	event_del(s->stop_timer);
	event_del(s->timeout);
	docker_call_cancel(TAKE_PTR(s->signal));
	sandbox_lease_end(s);
	sandbox_log(LOG_LEVEL_INFO, s, "its command has ended; it is kept until it is stopped");
	sandbox_state_update(s);
	sandbox_tell(s, SANDBOX_KEPT, &(struct sandbox_news){ 0 });
}

/* Not after it was stopped, or a part of it failed. */
static bool is_to_be_kept(const struct sandbox *s)
{
	return s->request.keep && (!s->reason || s->timed_out);
}

static void after_command(struct sandbox *s)
{
	if (is_to_be_kept(s))
		keep(s);
	else
		sandbox_destroy(s, NULL);
}

/* The create plan has ended. */
/* How the start went, and in which step it failed. */
static void count_start(const struct sandbox *s, const struct err *e)
{
	enum metrics_result result = !e                         ? METRICS_OK
				     : e->kind == ERR_CANCELLED ? METRICS_CANCELLED
								: METRICS_FAILED;
	const char *failed = "";

	for (unsigned i = 0; i < s->step_count; i++) {
		if (s->steps[i].state == PLAN_DONE)
			metrics_step(s->manager->metrics, s->steps[i].name, s->steps[i].elapsed_us);
		else if (s->steps[i].state == PLAN_FAILED && !*failed)
			failed = s->steps[i].name;
	}
	metrics_start(s->manager->metrics, result, result == METRICS_FAILED ? failed : "",
		      (int64_t)(clock_ms() - s->created_ms) * 1000);
}

void sandbox_created(struct sandbox *s, const struct err *e)
{
	record_steps(s);
	count_start(s, e);
	plan_free(TAKE_PTR(s->plan));
	sandbox_turn_over(s);
	if (e) {
		_cleanup_free_ char *text = NULL;

		err_copy(&s->error, e);
		name_ended_sidecar(s);
		text = err_text(&s->error);
		if (s->ahead && e->kind != ERR_CANCELLED)
			pool_failed(s->manager->pool, text);
		sandbox_destroy(s, text);
		return;
	}
	if (s->ahead) {
		sandbox_set_state(s, SANDBOX_PREPARED);
		return;
	}
	sandbox_set_state(s, SANDBOX_RUNNING);
	sandbox_start_timeout(s);
	if (!s->command_ended)
		sandbox_state_update(s);
	sandbox_tell(s, SANDBOX_STARTED, &(struct sandbox_news){ 0 });
	if (s->command_ended)
		after_command(s);
}

void sandbox_command_ended(struct sandbox *s, int exit_code)
{
	s->command_ended = true;
	s->exit_code = s->timed_out ? EXIT_CODE_TIMED_OUT : exit_code;
	sandbox_memory_unwatch(s);
	if (s->state == SANDBOX_RUNNING)
		after_command(s);
}

void sandbox_start_destroy_plan(struct sandbox *s)
{
	s->destroying = true;
	s->plan = sandbox_destroy_plan(s);
}

void sandbox_destroy(struct sandbox *s, const char *reason)
{
	_cleanup_err_ struct err e = { 0 };

	event_del(s->stop_timer);
	event_del(s->timeout);
	if (s->destroying)
		return;
	if (!s->reason)
		s->reason = xstrdup(reason);
	if (s->plan) { /* it is being created: sandbox_created() comes back here */
		(void)err_set(&e, -ECANCELED, ERR_CANCELLED, "%s", reason ? reason : "ended");
		plan_abort(s->plan, &e);
		return;
	}
	if (s->state == SANDBOX_RUNNING && !s->command_ended && s->exit_code == 0)
		s->exit_code = s->timed_out ? EXIT_CODE_TIMED_OUT : 128 + SIGKILL;
	docker_call_cancel(TAKE_PTR(s->wait));
	event_del(s->wait_retry);
	sandbox_memory_unwatch(s);
	docker_call_cancel(TAKE_PTR(s->signal));
	sandbox_set_state(s, SANDBOX_DESTROYING);
	sandbox_state_update(s);
	sandbox_start_destroy_plan(s);
}

void sandbox_give_up(struct sandbox *s, const char *reason)
{
	if (s->state == SANDBOX_CREATING)
		sandbox_destroy(s, reason);
}

void sandbox_fail(struct sandbox *s, const char *reason)
{
	if (!s->command_ended && !s->destroying) /* else the result is known */
		s->exit_code = EXIT_CODE_AWFD_FAILED;
	if (s->ahead && !s->destroying)
		pool_failed(s->manager->pool, reason);
	sandbox_destroy(s, reason);
}

/* Without one of its sidecars a sandbox is none: it ends, and says which. */
static void on_sidecar_exit(struct container *c, void *userdata)
{
	_cleanup_free_ char *reason = xasprintf("container %s ended", c->name);

	sandbox_fail(userdata, reason);
}

void sandbox_watch_sidecar(struct sandbox *s, struct container *c)
{
	container_watch_exit(c, s->manager->base, on_sidecar_exit, s);
}

static void retry_later(struct sandbox *s)
{
	struct timeval tv;

	s->retry_s = s->retry_s ? MIN(s->retry_s * 2, RETRY_MAX_S) : RETRY_FIRST_S;
	tv = (struct timeval){ .tv_sec = s->retry_s };
	sandbox_log(LOG_LEVEL_ERROR, s, "not everything could be removed: %s; trying again in %us",
		    s->left, s->retry_s);
	event_add(s->retry_timer, &tv);
}

/* Of one user only: nobody's results go because somebody else has many. */
static void forget_oldest_exited(struct manager *m, uid_t owner)
{
	struct sandbox *s, *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH (s, &m->sandboxes->head, entry) {
		if (s->state != SANDBOX_EXITED || s->owner.uid != owner)
			continue;
		if (!oldest || s->created_s < oldest->created_s)
			oldest = s;
		n++;
	}
	if (n > EXITED_MAX)
		sandbox_free(oldest);
}

/* Whether it stays, so that a client can still ask for its result: a leased one until its
 * connection ends. Of one that never ran the client was told why. */
bool sandbox_is_worth_keeping(const struct sandbox *s)
{
	return s->error.error == 0 && !s->leftover && !s->ahead &&
	       (s->leased || (!s->request.lease && !s->forgotten));
}

/* Gives up what may be large and is of no use any more. */
static void shrink(struct sandbox *s)
{
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++)
		sandbox_drop_stream(&s->streams[i]);
	s->kept_stream = NULL;
	sandbox_logs_close(s);
	strv_free(TAKE_PTR(s->environment));
	strv_free(TAKE_PTR(s->request.environment));
	free(TAKE_PTR(s->request.difc_proxy_ca_cert));
	strv_free(TAKE_PTR(s->request.allow_domains));
	strv_free(TAKE_PTR(s->request.block_domains));
	egress_clear(&s->egress);
	mount_specs_clear(&s->mounts);
}

/* The destroy plan has ended. Whoever waits is told after this attempt, even if it failed. */
void sandbox_gone(struct sandbox *s, const struct err *e)
{
	struct sandbox_news news = { .error = s->error.error ? &s->error : NULL, .left = e };
	struct manager *m = s->manager;
	uid_t owner = s->owner.uid;

	plan_free(TAKE_PTR(s->plan));
	sandbox_set_left(s, e);
	if (e)
		retry_later(s);
	else
		sandbox_set_state(s, SANDBOX_EXITED);
	if (!e && !s->over && !s->ahead)
		sandbox_audit_end(s);
	s->telling++; /* keeps it while watchers are told */
	sandbox_tell(s, SANDBOX_ENDED, &news);
	s->telling--;
	sandbox_watches_drop_dead(s);
	if (e)
		return;
	shrink(s);
	if (!sandbox_is_worth_keeping(s) || s->free_pending)
		sandbox_free(s);
	forget_oldest_exited(m, owner);
	sandbox_removed(m);
	manager_sandbox_gone(m);
}

static void on_signalled(int status _unused_, struct json_object *body _unused_,
			 const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_free_ char *text = e ? err_text(e) : NULL;

	s->signal = NULL;
	if (e)
		sandbox_log(LOG_LEVEL_WARNING, s, "cannot signal the command: %s", text);
}

void sandbox_stop(struct sandbox *s, const char *signal, int64_t grace_ms)
{
	struct timeval tv = { .tv_sec = grace_ms / 1000, .tv_usec = grace_ms % 1000 * 1000 };

	if (s->state == SANDBOX_EXITED) {
		if (!s->leased)
			sandbox_free(s);
		return;
	}
	s->forgotten |= s->over;
	if (evtimer_pending(s->retry_timer, NULL))
		event_add(s->retry_timer, &(struct timeval){ 0 }); /* now */
	if (s->state != SANDBOX_RUNNING || s->command_ended || grace_ms <= 0) {
		sandbox_destroy(s, s->command_ended ? NULL : "stopped");
		return;
	}
	if (!s->reason)
		s->reason = xasprintf("stopped by %s", signal);
	docker_call_cancel(TAKE_PTR(s->signal));
	s->signal = docker_container_kill(s->manager->docker, s->containers[DOCKER_ROLE_AGENT].name,
					  signal, on_signalled, s);
	event_add(s->stop_timer, &tv);
}

/* --- All sandboxes -----------------------------------------------------------------------------
 */

struct sandbox_list *sandbox_list_new(void)
{
	struct sandbox_list *l = xnew(struct sandbox_list);

	LIST_INIT(&l->head);
	return l;
}

void sandbox_list_free(struct sandbox_list *l)
{
	struct sandbox *s;

	while (l && (s = LIST_FIRST(&l->head)))
		sandbox_free(s);
	free(l);
}

struct sandbox *sandbox_find(struct manager *m, const char *id)
{
	struct sandbox *s;

	LIST_FOREACH (s, &m->sandboxes->head, entry)
		if (strcmp(s->id, id) == 0)
			return s;
	return NULL;
}

static bool is_newer(const struct sandbox *a, const struct sandbox *b)
{
	if (a->created_s != b->created_s)
		return a->created_s > b->created_s;
	return a->created_ms > b->created_ms;
}

void sandbox_put_in_order(struct sandbox *s)
{
	struct sandbox_list *l = s->manager->sandboxes;
	struct sandbox *other, *newer = NULL;

	LIST_REMOVE(s, entry);
	LIST_FOREACH (other, &l->head, entry)
		if (is_newer(other, s))
			newer = other;
	if (newer)
		LIST_INSERT_AFTER(newer, s, entry);
	else
		LIST_INSERT_HEAD(&l->head, s, entry);
}

struct sandbox *sandbox_first(struct manager *m)
{
	return LIST_FIRST(&m->sandboxes->head);
}

struct sandbox *sandbox_next(struct sandbox *s)
{
	return LIST_NEXT(s, entry);
}

unsigned sandbox_count_alive(struct manager *m)
{
	const struct sandbox *s;
	unsigned n = 0;

	LIST_FOREACH (s, &m->sandboxes->head, entry)
		n += s->state != SANDBOX_EXITED && !s->ahead;
	return n;
}
