/* The methods that start a sandbox, and that act on one. */
#include "awfd/method.h"

#include <signal.h>
#include <string.h>

#include "awfd/audit-call.h"
#include "common/alloc.h"
#include "common/strv.h"

#define GRACE_MS_MAX (10 * 60 * 1000)

/* Characters of a line, and lines. */
#define TERMINAL_SIZE_MAX 10000

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
	struct method_waiting *w = userdata;
	struct call *call = w->call;

	switch (event) {
	case SANDBOX_PHASE:
		tell_phase(call, news);
		break;
	case SANDBOX_WAITING:
		tell_waiting(call, news);
		break;
	case SANDBOX_STARTED:
		method_waiting_free(w);
		tell_started(call, s);
		break;
	case SANDBOX_DENIED:
	case SANDBOX_KEPT:
	case SANDBOX_OVER:
		break;
	case SANDBOX_ENDED:
		method_waiting_free(w);
		method_reply_error(call, news->error);
		break;
	}
}

/* Nobody knows the id of what is being started. */
static void start_gone(void *userdata)
{
	struct method_waiting *w = userdata;
	struct sandbox *s = sandbox_watched(w->watch);

	method_waiting_gone(w);
	if (s)
		sandbox_give_up(s, "client gone");
}

void method_start(struct manager *m, struct call *call, void *in, struct sandbox *none _unused_)
{
	struct start_request *request = in;
	_cleanup_err_ struct err e = { 0 };
	struct sandbox *s;
	bool lease = request->lease;

	if (m->stopping) {
		(void)err_set(&e, -ECANCELED, ERR_CANCELLED, "awfd is stopping");
		method_refuse(m, call, NULL, &e);
		return;
	}
	if (sandbox_new(m, conn_peer(call_conn(call)), request, &s, &e) < 0) {
		method_refuse(m, call, NULL, &e);
		return;
	}
	audit_call(m, call, sandbox_id(s), s, NULL, sandbox_grants(s));
	call_on_gone(call, start_gone, method_waiting_new(call, s, on_start_event));
	sandbox_create(s, lease ? call_conn(call) : NULL);
}

/* --- Attach ------------------------------------------------------------------------------------
 */

static void on_attached(int fd, const struct err *e, void *userdata)
{
	struct method_waiting *w = userdata;
	struct call *call = w->call;
	struct attach_reply reply = { .stream = 0, .tty = w->tty };

	method_waiting_free(w);
	if (e)
		method_reply_error(call, e);
	else
		call_reply_fd(call, &attach_reply_table, &reply, fd);
}

void method_attach(struct manager *m _unused_, struct call *call, void *in _unused_,
		   struct sandbox *s)
{
	struct method_waiting *w = method_waiting_new(call, s, NULL);

	w->tty = sandbox_tty(s);
	w->attach = sandbox_attach(s, call_conn(call), on_attached, w);
}

/* --- Resize ------------------------------------------------------------------------------------
 */

static void on_resized(int status _unused_, struct json_object *body _unused_, const struct err *e,
		       void *userdata)
{
	struct method_waiting *w = userdata;
	struct call *call = w->call;

	method_waiting_free(w);
	if (e)
		method_reply_error(call, e);
	else
		method_reply_empty(call);
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
void method_resize(struct manager *m, struct call *call, void *in, struct sandbox *s)
{
	const struct resize_request *request = in;
	_cleanup_err_ struct err e = { 0 };
	struct method_waiting *w;

	if (check_resize(s, request, &e) < 0) {
		method_refuse(m, call, s, &e);
		return;
	}
	w = method_waiting_new(call, s, NULL);
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
	struct method_waiting *w = userdata;
	struct call *call = w->call;

	if (event != SANDBOX_ENDED && event != SANDBOX_KEPT && event != SANDBOX_OVER)
		return;
	method_waiting_free(w);
	if (news->error)
		method_reply_error(call, news->error);
	else
		reply_result(call, s);
}

void method_wait(struct manager *m _unused_, struct call *call, void *in, struct sandbox *s)
{
	const struct wait_request *request = in;
	_cleanup_err_ struct err e = { 0 };

	if (sandbox_is_kept(s)) {
		reply_result(call, s);
		return;
	}
	if (request->lease && sandbox_lease_renew(s, call_conn(call), &e) < 0) {
		method_reply_error(call, &e);
		return;
	}
	if (sandbox_is_over(s))
		reply_result(call, s);
	else
		(void)method_waiting_new(call, s, on_wait_event);
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
	method_reply_error(call, &e);
}

static void on_stop_event(struct sandbox *s _unused_, enum sandbox_event event,
			  const struct sandbox_news *news, void *userdata)
{
	struct method_waiting *w = userdata;
	struct call *call = w->call;

	if (event != SANDBOX_ENDED)
		return;
	method_waiting_free(w);
	if (news->left)
		reply_left(call, news->left);
	else
		method_reply_empty(call);
}

void method_stop(struct manager *m, struct call *call, void *in, struct sandbox *s)
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
		method_refuse(m, call, s, &e);
		return;
	}
	audit_call(m, call, sandbox_id(s), s, NULL, NULL);
	if (sandbox_state(s) == SANDBOX_EXITED)
		method_reply_empty(call);
	else
		(void)method_waiting_new(call, s, on_stop_event);
	sandbox_stop(s, name, request->grace_ms);
}
