/* The methods that only tell: what would be allowed, which sandboxes there are, what they were
 * refused. */
#include "awfd/method.h"

#include <string.h>

#include "awfd/stats.h"
#include "common/alloc.h"
#include "common/timestamp.h"
#include "common/utf8.h"

/* Bytes of a command that List shows. */
#define LIST_COMMAND_MAX 256

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

void method_check(struct manager *m, struct call *call, void *in, struct sandbox *none _unused_)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (sandbox_check(m, conn_peer(call_conn(call)), in, &decisions, &e) < 0)
		method_reply_error(call, &e);
	else
		reply_decisions(call, &decisions);
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

void method_list(struct manager *m, struct call *call, void *in _unused_,
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

void method_inspect(struct manager *m _unused_, struct call *call, void *in _unused_,
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
	struct method_waiting *w = userdata;
	struct call *call = w->call;

	if (event == SANDBOX_DENIED)
		reply_denial(call, news->denial);
	if (event != SANDBOX_ENDED && event != SANDBOX_OVER)
		return;
	method_waiting_free(w);
	reply_no_more_denials(call);
}

void method_denials(struct manager *m _unused_, struct call *call, void *in _unused_,
		    struct sandbox *s)
{
	bool more = call_wants_more(call) && !sandbox_is_over(s);

	if (more)
		(void)method_waiting_new(call, s, on_denials_event);
	reply_denials(call, s, more);
}

/* --- Logs --------------------------------------------------------------------------------------
 */

static void on_logs_event(struct sandbox *s, enum sandbox_event event,
			  const struct sandbox_news *news _unused_, void *userdata)
{
	struct method_waiting *w = userdata;
	struct call *call = w->call;
	struct logs_reply reply = { 0 };

	if (event != SANDBOX_ENDED)
		return;
	method_waiting_free(w);
	reply.directory = sandbox_log_directory(s);
	call_reply(call, &logs_reply_table, &reply);
	fields_clear(&logs_reply_table, &reply);
}

void method_logs(struct manager *m, struct call *call, void *in, struct sandbox *s)
{
	const struct id_request *request = in;
	uid_t uid = conn_peer(call_conn(call))->uid;
	struct logs_reply reply = {
		.directory = s ? sandbox_log_directory(s)
			       : sandbox_log_directory_of_gone(m, request->id, uid),
	};

	if (s && call_wants_more(call) && sandbox_state(s) != SANDBOX_EXITED) {
		(void)method_waiting_new(call, s, on_logs_event);
		call_reply_continues(call, &logs_reply_table, &reply);
	} else {
		call_reply(call, &logs_reply_table, &reply);
	}
	fields_clear(&logs_reply_table, &reply);
}

/* --- Stats -------------------------------------------------------------------------------------
 */

void method_stats(struct manager *m, struct call *call, void *in _unused_,
		  struct sandbox *none _unused_)
{
	stats_answer(m, call, may_see);
}
