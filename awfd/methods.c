#include "awfd/methods.h"

#include <signal.h>
#include <string.h>

#include "awfd/audit-call.h"
#include "awfd/caller.h"
#include "awfd/diagnosis.h"
#include "awfd/docker.h"
#include "awfd/metrics-file.h"
#include "awfd/predownload.h"
#include "awfd/sandbox-name.h"
#include "awfd/sandbox.h"
#include "awfd/stats.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/strv.h"
#include "common/timestamp.h"
#include "common/utf8.h"
#include "proto/interface.h"
#include "proto/messages.h"

#define SERVICE      "org.varlink.service"
#define GRACE_MS_MAX (10 * 60 * 1000)

/* Characters of a line, and lines. */
#define TERMINAL_SIZE_MAX 10000

/* Bytes of a command that List shows. */
#define LIST_COMMAND_MAX 256

/* Who may call a method, and whether it is about one sandbox. */
enum access {
	ACCESS_ANY,   /* whoever reaches the socket */
	ACCESS_ROOT,  /* root alone */
	ACCESS_OWNER, /* the owner of the sandbox named by the first parameter, or root */
	ACCESS_LOGS,  /* the same, also when nothing but the logs of it is left */
};

/* in: the parsed parameters; sandbox: for ACCESS_OWNER, and ACCESS_LOGS if it is there, else NULL.
 */
typedef void (*method_fn)(struct manager *m, struct call *call, void *in, struct sandbox *s);

struct method {
	const char *name; /* of message_methods */
	enum access access;
	method_fn fn;
	bool decides;   /* fn says itself, to the audit log, whether the call is allowed */
	bool by_policy; /* it needs to know whom the policy is about */
};

static void reply_error(struct call *call, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);

	log_debug("pid %d (uid %u): %s refused: %s", conn_peer(call_conn(call))->pid,
		  conn_peer(call_conn(call))->uid, call_method(call), text);
	call_error(call, e);
}

static void refuse(struct manager *m, struct call *call, struct sandbox *s, const struct err *e)
{
	audit_call(m, call,
		   s                          ? sandbox_id(s)
		   : e->kind == ERR_NOT_FOUND ? e->subject
					      : NULL,
		   s, e, NULL);
	reply_error(call, e);
}

static void reply_empty(struct call *call)
{
	call_reply(call, &empty_table, &(struct empty_message){ 0 });
}

/* --- A call that waits for a sandbox -----------------------------------------------------------
 */

struct waiting {
	struct call *call;
	struct sandbox_watch *watch;
	struct sandbox_attach *attach;
	struct docker_call *engine;
	bool tty;
};

static void waiting_free(struct waiting *w)
{
	call_on_gone(w->call, NULL, NULL);
	sandbox_unwatch(w->watch);
	free(w);
}

static void waiting_gone(void *userdata)
{
	struct waiting *w = userdata;

	sandbox_attach_cancel(w->attach);
	docker_call_cancel(w->engine);
	sandbox_unwatch(w->watch);
	free(w);
}

static struct waiting *waiting_new(struct call *call, struct sandbox *s, sandbox_watch_fn fn)
{
	struct waiting *w = xnew(struct waiting);

	w->call = call;
	if (fn)
		w->watch = sandbox_watch(s, fn, w);
	call_on_gone(call, waiting_gone, w);
	return w;
}

/* --- Start -------------------------------------------------------------------------------------
 */

static void tell_phase(struct call *call, const struct sandbox_news *news)
{
	struct start_reply reply = { .phase = xstrdup(news->phase),
				     .elapsed_us = news->elapsed_us };

	if (call_wants_more(call))
		call_reply_continues(call, &start_reply_table, &reply);
	fields_clear(&start_reply_table, &reply);
}

static void tell_waiting(struct call *call, const struct sandbox_news *news)
{
	struct start_reply reply = { .waiting_for = err_text(news->error) };

	if (call_wants_more(call))
		call_reply_continues(call, &start_reply_table, &reply);
	fields_clear(&start_reply_table, &reply);
}

static void tell_started(struct call *call, const struct sandbox *s)
{
	struct start_reply reply = { .id = xstrdup(sandbox_id(s)) };

	reply.dropped_environment = strv_copy(sandbox_dropped_environment(s));
	reply.no_workspace = sandbox_no_workspace(s);
	call_reply(call, &start_reply_table, &reply);
	fields_clear(&start_reply_table, &reply);
}

static void on_start_event(struct sandbox *s, enum sandbox_event event,
			   const struct sandbox_news *news, void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;

	switch (event) {
	case SANDBOX_PHASE:
		tell_phase(call, news);
		break;
	case SANDBOX_WAITING:
		tell_waiting(call, news);
		break;
	case SANDBOX_STARTED:
		waiting_free(w);
		tell_started(call, s);
		break;
	case SANDBOX_DENIED:
	case SANDBOX_KEPT:
	case SANDBOX_OVER:
		break;
	case SANDBOX_ENDED:
		waiting_free(w);
		reply_error(call, news->error);
		break;
	}
}

/* Nobody knows the id of what is being started. */
static void start_gone(void *userdata)
{
	struct waiting *w = userdata;
	struct sandbox *s = sandbox_watched(w->watch);

	waiting_gone(w);
	if (s)
		sandbox_give_up(s, "client gone");
}

static void method_start(struct manager *m, struct call *call, void *in,
			 struct sandbox *none _unused_)
{
	struct start_request *request = in;
	_cleanup_err_ struct err e = { 0 };
	struct sandbox *s;
	bool lease = request->lease;

	if (m->stopping) {
		(void)err_set(&e, -ECANCELED, ERR_CANCELLED, "awfd is stopping");
		refuse(m, call, NULL, &e);
		return;
	}
	if (sandbox_new(m, conn_peer(call_conn(call)), request, &s, &e) < 0) {
		refuse(m, call, NULL, &e);
		return;
	}
	audit_call(m, call, sandbox_id(s), s, NULL, sandbox_grants(s));
	call_on_gone(call, start_gone, waiting_new(call, s, on_start_event));
	sandbox_create(s, lease ? call_conn(call) : NULL);
}

/* --- Check -------------------------------------------------------------------------------------
 */

static struct decision_info *describe_decision(const struct policy_decision *d)
{
	struct decision_info *info = xnew(struct decision_info);

	*info = (struct decision_info){ .what = xstrdup(d->field),
					.value = xstrdup(d->value),
					.allowed = d->allowed,
					.where = policy_decision_where(d) };
	return info;
}

static void reply_decisions(struct call *call, const struct policy_decisions *d)
{
	struct check_reply reply = { .decisions = xcalloc(d->count + 1, sizeof(*reply.decisions)) };

	for (size_t i = 0; i < d->count; i++)
		reply.decisions[i] = describe_decision(&d->items[i]);
	call_reply(call, &check_reply_table, &reply);
	fields_clear(&check_reply_table, &reply);
}

static void method_check(struct manager *m, struct call *call, void *in,
			 struct sandbox *none _unused_)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (sandbox_check(m, conn_peer(call_conn(call)), in, &decisions, &e) < 0)
		reply_error(call, &e);
	else
		reply_decisions(call, &decisions);
}

/* --- Attach ------------------------------------------------------------------------------------
 */

static void on_attached(int fd, const struct err *e, void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;
	struct attach_reply reply = { .stream = 0, .tty = w->tty };

	waiting_free(w);
	if (e)
		reply_error(call, e);
	else
		call_reply_fd(call, &attach_reply_table, &reply, fd);
}

static void method_attach(struct manager *m _unused_, struct call *call, void *in _unused_,
			  struct sandbox *s)
{
	struct waiting *w = waiting_new(call, s, NULL);

	w->tty = sandbox_tty(s);
	w->attach = sandbox_attach(s, call_conn(call), on_attached, w);
}

/* --- Resize ------------------------------------------------------------------------------------
 */

static void on_resized(int status _unused_, struct json_object *body _unused_, const struct err *e,
		       void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;

	waiting_free(w);
	if (e)
		reply_error(call, e);
	else
		reply_empty(call);
}

static int check_size(const char *field, int64_t size, struct err *e)
{
	_cleanup_free_ char *value = xasprintf("%ld", size);

	if (size >= 1 && size <= TERMINAL_SIZE_MAX)
		return 0;
	return err_invalid(e, field, value, "is not between 1 and %d", TERMINAL_SIZE_MAX);
}

static int check_resize(const struct sandbox *s, const struct resize_request *r, struct err *e)
{
	int error = check_size("width", r->width, e);

	if (error == 0)
		error = check_size("height", r->height, e);
	if (error < 0)
		return error;
	if (!sandbox_tty(s))
		return err_invalid(e, "id", sandbox_id(s), "its command has no terminal");
	if (sandbox_state(s) != SANDBOX_RUNNING || sandbox_is_kept(s))
		return err_invalid(e, "id", sandbox_id(s), "its command does not run");
	return 0;
}

/* A window that is being drawn larger makes many of these, which are not worth a record. */
static void method_resize(struct manager *m, struct call *call, void *in, struct sandbox *s)
{
	const struct resize_request *request = in;
	_cleanup_err_ struct err e = { 0 };
	struct waiting *w;

	if (check_resize(s, request, &e) < 0) {
		refuse(m, call, s, &e);
		return;
	}
	w = waiting_new(call, s, NULL);
	w->engine = sandbox_resize(s, (unsigned)request->width, (unsigned)request->height,
				   on_resized, w);
}

/* --- Wait --------------------------------------------------------------------------------------
 */

static void reply_result(struct call *call, const struct sandbox *s)
{
	struct wait_reply reply;

	sandbox_result(s, &reply);
	call_reply(call, &wait_reply_table, &reply);
	fields_clear(&wait_reply_table, &reply);
}

static void on_wait_event(struct sandbox *s, enum sandbox_event event,
			  const struct sandbox_news *news, void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;

	if (event != SANDBOX_ENDED && event != SANDBOX_KEPT && event != SANDBOX_OVER)
		return;
	waiting_free(w);
	if (news->error)
		reply_error(call, news->error);
	else
		reply_result(call, s);
}

static void method_wait(struct manager *m _unused_, struct call *call, void *in, struct sandbox *s)
{
	const struct wait_request *request = in;
	_cleanup_err_ struct err e = { 0 };

	if (sandbox_is_kept(s)) {
		reply_result(call, s);
		return;
	}
	if (request->lease && sandbox_lease_renew(s, call_conn(call), &e) < 0) {
		reply_error(call, &e);
		return;
	}
	if (sandbox_is_over(s))
		reply_result(call, s);
	else
		(void)waiting_new(call, s, on_wait_event);
}

/* --- Stop --------------------------------------------------------------------------------------
 */

/* "SIGTERM", "TERM" or nothing (SIGTERM) to the full name, which the engine takes; NULL: no signal.
 */
static char *signal_name(const char *text)
{
	const char *name = !text ? "TERM" : strncmp(text, "SIG", 3) == 0 ? text + 3 : text;

	for (int n = 1; n < SIGRTMIN; n++) {
		const char *known = sigabbrev_np(n);

		if (known && strcmp(known, name) == 0)
			return xasprintf("SIG%s", known);
	}
	return NULL;
}

/* awfd goes on trying to remove what is left, but the caller must not believe that it is gone. */
static void reply_left(struct call *call, const struct err *left)
{
	_cleanup_err_ struct err e = { 0 };

	err_copy(&e, left);
	(void)err_wrap(&e, "not everything could be removed");
	reply_error(call, &e);
}

static void on_stop_event(struct sandbox *s _unused_, enum sandbox_event event,
			  const struct sandbox_news *news, void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;

	if (event != SANDBOX_ENDED)
		return;
	waiting_free(w);
	if (news->left)
		reply_left(call, news->left);
	else
		reply_empty(call);
}

static void method_stop(struct manager *m, struct call *call, void *in, struct sandbox *s)
{
	const struct stop_request *request = in;
	_cleanup_free_ char *name = signal_name(request->signal);
	_cleanup_free_ char *grace = xasprintf("%ld", request->grace_ms);
	_cleanup_err_ struct err e = { 0 };

	if (!name)
		(void)err_invalid(&e, "signal", request->signal, "is no signal");
	else if (request->grace_ms < 0 || request->grace_ms > GRACE_MS_MAX)
		(void)err_invalid(&e, "graceMs", grace, "is not between 0 and %d", GRACE_MS_MAX);
	if (e.error != 0) {
		refuse(m, call, s, &e);
		return;
	}
	audit_call(m, call, sandbox_id(s), s, NULL, NULL);
	if (sandbox_state(s) == SANDBOX_EXITED)
		reply_empty(call);
	else
		(void)waiting_new(call, s, on_stop_event);
	sandbox_stop(s, name, request->grace_ms);
}

/* --- List and Inspect --------------------------------------------------------------------------
 */

static bool may_see(const struct call *call, const struct sandbox *s)
{
	uid_t uid = conn_peer(call_conn(call))->uid;

	return uid == 0 || uid == sandbox_owner(s);
}

/* Of every sandbox's command the beginning: a few long ones would be more than a message holds. */
static void shorten_command(char **command)
{
	size_t left = LIST_COMMAND_MAX;
	char *last;

	for (; *command && left > 0 && strlen(*command) <= left; command++)
		left -= MIN(left, strlen(*command) + 1);
	if (!*command)
		return;
	last = xasprintf("%.*s…", (int)utf8_cut(*command, left), *command);
	for (char **rest = command; *rest; rest++)
		free(*rest);
	command[0] = last;
	command[1] = NULL;
}

static void method_list(struct manager *m, struct call *call, void *in _unused_,
			struct sandbox *none _unused_)
{
	struct list_reply reply = { 0 };
	size_t n = 0;

	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		n++;
	reply.sandboxes = xcalloc(n + 1, sizeof(*reply.sandboxes));
	n = 0;
	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s)) {
		if (!may_see(call, s))
			continue;
		reply.sandboxes[n] = xnew(struct sandbox_info);
		sandbox_describe(s, reply.sandboxes[n]);
		shorten_command(reply.sandboxes[n++]->command);
	}
	call_reply(call, &list_reply_table, &reply);
	fields_clear(&list_reply_table, &reply);
}

static void method_inspect(struct manager *m _unused_, struct call *call, void *in _unused_,
			   struct sandbox *s)
{
	struct inspect_reply reply = { .sandbox = xnew(struct sandbox_info) };

	sandbox_describe(s, reply.sandbox);
	reply.sandbox->mounts = sandbox_mounts_asked(s);
	reply.sandbox->masked = sandbox_masked(s);
	reply.sandbox->steps = sandbox_describe_steps(s);
	reply.sandbox->log_directory = sandbox_log_directory(s);
	call_reply(call, &inspect_reply_table, &reply);
	fields_clear(&inspect_reply_table, &reply);
}

/* --- Denials -----------------------------------------------------------------------------------
 */

static struct denial_info *describe_denial(const struct denial *d)
{
	struct denial_info *info = xnew(struct denial_info);

	*info = (struct denial_info){
		.time = timestamp_of_ms(d->time_ms),
		.source = xstrdup(denial_source_name(d->source)),
		.from = xstrdup(d->from),
		.protocol = xstrdup(d->protocol),
		.host = xstrdup(d->host),
		.port = d->port,
		.sni = xstrdup(d->sni),
		.reason = xstrdup(d->reason),
		.count = (int64_t)d->count,
		.grant = denial_grant(d),
	};
	return info;
}

static void reply_denials(struct call *call, struct sandbox *s, bool more)
{
	const struct denials *d = sandbox_denials(s);
	struct denials_reply reply = { 0 };
	size_t n = denials_count(d);

	reply.denials = xcalloc(n + 1, sizeof(*reply.denials));
	for (size_t i = 0; i < n; i++)
		reply.denials[i] = describe_denial(denials_get(d, i));
	if (more)
		call_reply_continues(call, &denials_reply_table, &reply);
	else
		call_reply(call, &denials_reply_table, &reply);
	fields_clear(&denials_reply_table, &reply);
}

static void reply_denial(struct call *call, const struct denial *denial)
{
	struct denials_reply reply = { .denials = xcalloc(2, sizeof(*reply.denials)) };

	reply.denials[0] = describe_denial(denial);
	call_reply_continues(call, &denials_reply_table, &reply);
	fields_clear(&denials_reply_table, &reply);
}

static void reply_no_more_denials(struct call *call)
{
	struct denials_reply reply = { .denials = xcalloc(1, sizeof(*reply.denials)) };

	call_reply(call, &denials_reply_table, &reply);
	fields_clear(&denials_reply_table, &reply);
}

static void on_denials_event(struct sandbox *s _unused_, enum sandbox_event event,
			     const struct sandbox_news *news, void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;

	if (event == SANDBOX_DENIED)
		reply_denial(call, news->denial);
	if (event != SANDBOX_ENDED && event != SANDBOX_OVER)
		return;
	waiting_free(w);
	reply_no_more_denials(call);
}

static void method_denials(struct manager *m _unused_, struct call *call, void *in _unused_,
			   struct sandbox *s)
{
	bool more = call_wants_more(call) && !sandbox_is_over(s);

	if (more)
		(void)waiting_new(call, s, on_denials_event);
	reply_denials(call, s, more);
}

/* --- Logs --------------------------------------------------------------------------------------
 */

static void on_logs_event(struct sandbox *s, enum sandbox_event event,
			  const struct sandbox_news *news _unused_, void *userdata)
{
	struct waiting *w = userdata;
	struct call *call = w->call;
	struct logs_reply reply = { 0 };

	if (event != SANDBOX_ENDED)
		return;
	waiting_free(w);
	reply.directory = sandbox_log_directory(s);
	call_reply(call, &logs_reply_table, &reply);
	fields_clear(&logs_reply_table, &reply);
}

static void method_logs(struct manager *m, struct call *call, void *in, struct sandbox *s)
{
	const struct id_request *request = in;
	uid_t uid = conn_peer(call_conn(call))->uid;
	struct logs_reply reply = {
		.directory = s ? sandbox_log_directory(s)
			       : sandbox_log_directory_of_gone(m, request->id, uid),
	};

	if (s && call_wants_more(call) && sandbox_state(s) != SANDBOX_EXITED) {
		(void)waiting_new(call, s, on_logs_event);
		call_reply_continues(call, &logs_reply_table, &reply);
	} else {
		call_reply(call, &logs_reply_table, &reply);
	}
	fields_clear(&logs_reply_table, &reply);
}

/* --- Stats -------------------------------------------------------------------------------------
 */

static void method_stats(struct manager *m, struct call *call, void *in _unused_,
			 struct sandbox *none _unused_)
{
	stats_answer(m, call, may_see);
}

/* --- Metrics -----------------------------------------------------------------------------------
 */

static void method_metrics(struct manager *m, struct call *call, void *in _unused_,
			   struct sandbox *none _unused_)
{
	struct metrics_reply reply = { .text = manager_metrics(m, true) };

	call_reply(call, &metrics_reply_table, &reply);
	fields_clear(&metrics_reply_table, &reply);
}

/* --- Reload ------------------------------------------------------------------------------------
 */

static void method_reload(struct manager *m, struct call *call, void *in _unused_,
			  struct sandbox *none _unused_)
{
	struct reload_reply reply = { 0 };
	_cleanup_err_ struct err e = { 0 }, told = { 0 };

	if (manager_reload(m, &reply.kept, &e) < 0) {
		log_error("%s", e.message);
		(void)err_set(&told, e.error, ERR_SYSTEM, "%s", e.message);
		reply_error(call, &told);
		return;
	}
	if (!reply.kept)
		reply.kept = xcalloc(1, sizeof(*reply.kept));
	call_reply(call, &reload_reply_table, &reply);
	fields_clear(&reload_reply_table, &reply);
}

/* --- Diagnose ----------------------------------------------------------------------------------
 */

static void method_diagnose(struct manager *m, struct call *call, void *in,
			    struct sandbox *none _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	if (diagnosis_start(m, call, in, &e) < 0)
		refuse(m, call, NULL, &e);
}

/* --- Predownload -------------------------------------------------------------------------------
 */

static void method_predownload(struct manager *m, struct call *call, void *in,
			       struct sandbox *none _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	if (predownload_start(m, call, in, &e) < 0)
		refuse(m, call, NULL, &e);
}

static void method_load_images(struct manager *m, struct call *call, void *in,
			       struct sandbox *none _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	if (predownload_load(m, call, in, &e) < 0)
		refuse(m, call, NULL, &e);
}

/* --- Dispatch ----------------------------------------------------------------------------------
 */

/* Rows in the order of message_methods; a test compares the two and the interface file. */
static const struct method methods[] = {
	{ "Start", ACCESS_ANY, method_start, true, true },
	{ "Attach", ACCESS_OWNER, method_attach, false, false },
	{ "Resize", ACCESS_OWNER, method_resize, true, false },
	{ "Wait", ACCESS_OWNER, method_wait, false, false },
	{ "Stop", ACCESS_OWNER, method_stop, true, false },
	{ "List", ACCESS_ANY, method_list, false, false },
	{ "Inspect", ACCESS_OWNER, method_inspect, false, false },
	{ "Denials", ACCESS_OWNER, method_denials, false, false },
	{ "Logs", ACCESS_LOGS, method_logs, false, false },
	{ "Stats", ACCESS_ANY, method_stats, false, false },
	{ "Metrics", ACCESS_ROOT, method_metrics, false, false },
	{ "Check", ACCESS_ANY, method_check, false, true },
	{ "Diagnose", ACCESS_ANY, method_diagnose, true, true },
	{ "Reload", ACCESS_ROOT, method_reload, false, false },
	{ "Predownload", ACCESS_ANY, method_predownload, true, true },
	{ "LoadImages", ACCESS_ROOT, method_load_images, true, false },
};

const char *methods_name(size_t i)
{
	return i < ARRAY_SIZE(methods) ? methods[i].name : NULL;
}

/* The sandbox that the first parameter names, if the peer may know of it. */
static int find_own(struct manager *m, const struct call *call, const void *in,
		    struct sandbox **ret, struct err *e)
{
	return sandbox_lookup(m, conn_peer(call_conn(call))->uid, *(char *const *)in, ret, e);
}

/* The same, or NULL for one that is gone and whose logs are the peer's. */
static int find_own_logs(struct manager *m, const struct call *call, const void *in,
			 struct sandbox **ret, struct err *e)
{
	const char *id = *(char *const *)in;
	uid_t uid = conn_peer(call_conn(call))->uid;
	_cleanup_free_ char *directory =
		sandbox_find(m, id) ? NULL : sandbox_log_directory_of_gone(m, id, uid);

	return directory ? 0 : find_own(m, call, in, ret, e);
}

static int require_root(const struct call *call, struct err *e)
{
	const struct peer *peer = conn_peer(call_conn(call));

	if (peer->uid == 0)
		return 0;
	return err_set(e, -EPERM, ERR_PERMISSION_DENIED,
		       "%s is for root only, and you are uid %u: use sudo",
		       call_method(call) + strlen(AWF_INTERFACE "."), peer->uid);
}

/* Whether the peer may call the method with these parameters; *ret is the sandbox they are about.
 */
static int authorize(struct manager *m, const struct call *call, enum access access, const void *in,
		     struct sandbox **ret, struct err *e)
{
	switch (access) {
	case ACCESS_ANY:
		return 0;
	case ACCESS_ROOT:
		return require_root(call, e);
	case ACCESS_OWNER:
		return find_own(m, call, in, ret, e);
	case ACCESS_LOGS:
		return find_own_logs(m, call, in, ret, e);
	}
	return err_set(e, -EPERM, ERR_PERMISSION_DENIED, "nobody may call this");
}

static void run_method(struct manager *m, struct call *call, const struct method *method,
		       const struct message_method *message)
{
	_cleanup_free_ void *in = xcalloc(1, message->in->size);
	_cleanup_err_ struct err e = { 0 };
	struct sandbox *s = NULL;

	if (fields_parse(message->in, call_parameters(call), in, &e) < 0) {
		refuse(m, call, NULL, &e);
		return;
	}
	if (authorize(m, call, method->access, in, &s, &e) < 0) {
		refuse(m, call, NULL, &e);
	} else {
		if (!method->decides)
			audit_call(m, call, s ? sandbox_id(s) : NULL, s, NULL, NULL);
		method->fn(m, call, in, s);
	}
	fields_clear(message->in, in);
}

static void reply_service_error(struct call *call, const char *name, const char *key,
				const char *value)
{
	struct json_object *parameters = json_object_new_object();

	json_object_object_add(parameters, key, json_object_new_string(value));
	call_error_json(call, name, parameters);
}

static void service_info(struct call *call)
{
	struct json_object *info = json_object_new_object();
	struct json_object *interfaces = json_object_new_array();

	json_object_array_add(interfaces, json_object_new_string(SERVICE));
	json_object_array_add(interfaces, json_object_new_string(AWF_INTERFACE));
	json_object_object_add(info, "vendor", json_object_new_string("awf"));
	json_object_object_add(info, "product", json_object_new_string("awfd"));
	json_object_object_add(info, "version", json_object_new_string(AWF_VERSION));
	json_object_object_add(info, "url", json_object_new_string(""));
	json_object_object_add(info, "interfaces", interfaces);
	call_reply_json(call, info);
}

static void service_description(struct call *call)
{
	struct json_object *name = NULL, *reply;
	const char *text;

	if (!json_object_object_get_ex(call_parameters(call), "interface", &name) ||
	    !json_object_is_type(name, json_type_string)) {
		reply_service_error(call, SERVICE ".InvalidParameter", "parameter", "interface");
		return;
	}
	text = interface_description(json_object_get_string(name));
	if (!text) {
		reply_service_error(call, SERVICE ".InterfaceNotFound", "interface",
				    json_object_get_string(name));
		return;
	}
	reply = json_object_new_object();
	json_object_object_add(reply, "description", json_object_new_string(text));
	call_reply_json(call, reply);
}

static const struct {
	const char *name;
	void (*fn)(struct call *call);
} service_methods[] = {
	{ SERVICE ".GetInfo", service_info },
	{ SERVICE ".GetInterfaceDescription", service_description },
};

static void refuse_method(struct manager *m, struct call *call, const char *name)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "method", NULL, "there is no such method");
	audit_call(m, call, NULL, NULL, &e, NULL);
	reply_service_error(call, SERVICE ".MethodNotFound", "method", name);
}

/* The row of a method of ours, or NULL. */
static const struct method *find_method(const char *name)
{
	size_t prefix = strlen(AWF_INTERFACE ".");

	if (strncmp(name, AWF_INTERFACE ".", prefix) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].name, name + prefix) == 0)
			return &methods[i];
	return NULL;
}

static void answer(struct manager *m, struct call *call)
{
	const char *name = call_method(call);
	const struct method *method = find_method(name);

	for (size_t i = 0; i < ARRAY_SIZE(service_methods); i++) {
		if (strcmp(service_methods[i].name, name) == 0) {
			audit_call(m, call, NULL, NULL, NULL, NULL);
			service_methods[i].fn(call);
			return;
		}
	}
	if (method)
		run_method(m, call, method, &message_methods[method - methods]);
	else
		refuse_method(m, call, name);
}

void methods_dispatch(struct manager *m, struct call *call)
{
	const struct method *method = find_method(call_method(call));

	caller_await(m, call, method && method->by_policy, answer);
}
