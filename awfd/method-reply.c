#include "awfd/method.h"

#include "awfd/audit-call.h"
#include "awfd/docker.h"
#include "common/alloc.h"
#include "common/log.h"

void method_reply_error(struct call *call, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);

	log_debug("pid %d (uid %u): %s refused: %s", conn_peer(call_conn(call))->pid,
		  conn_peer(call_conn(call))->uid, call_method(call), text);
	call_error(call, e);
}

void method_refuse(struct manager *m, struct call *call, struct sandbox *s, const struct err *e)
{
	audit_call(m, call,
		   s                          ? sandbox_id(s)
		   : e->kind == ERR_NOT_FOUND ? e->subject
					      : NULL,
		   s, e, NULL);
	method_reply_error(call, e);
}

void method_reply_empty(struct call *call)
{
	call_reply(call, &empty_table, &(struct empty_message){ 0 });
}

void method_waiting_free(struct method_waiting *w)
{
	call_on_gone(w->call, NULL, NULL);
	sandbox_unwatch(w->watch);
	free(w);
}

void method_waiting_gone(void *userdata)
{
	struct method_waiting *w = userdata;

	sandbox_attach_cancel(w->attach);
	docker_call_cancel(w->engine);
	sandbox_unwatch(w->watch);
	free(w);
}

struct method_waiting *method_waiting_new(struct call *call, struct sandbox *s, sandbox_watch_fn fn)
{
	struct method_waiting *w = xnew(struct method_waiting);

	w->call = call;
	if (fn)
		w->watch = sandbox_watch(s, fn, w);
	call_on_gone(call, method_waiting_gone, w);
	return w;
}
