#include "awfd/audit-call.h"

#include <string.h>

#include "awfd/audit-record.h"
#include "awfd/audit.h"
#include "awfd/names.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "proto/messages.h"

/* The name without the interface, if that is ours. */
static const char *method_of(const struct call *call)
{
	const char *name = call_method(call);
	size_t n = strlen(AWF_INTERFACE ".");

	return strncmp(name, AWF_INTERFACE ".", n) == 0 ? name + n : name;
}

/* Who asked, and when. */
static void write_record(struct manager *m, struct audit_request *r, struct sandbox *s,
			 struct json_object *grants)
{
	_cleanup_free_ char *user = names_shown(m->names, r->peer->uid);
	_cleanup_free_ char *program = peer_program(r->peer);
	struct json_object *record;

	r->time_ms = (int64_t)clock_wall_ms();
	r->user = user;
	r->program = program;
	record = audit_record_of_request(r, grants);
	audit_write(m->audit, record);
	if (s)
		sandbox_audit(s, record);
	json_object_put(record);
}

void audit_call(struct manager *m, const struct call *call, const char *id, struct sandbox *s,
		const struct err *refusal, struct json_object *grants)
{
	struct audit_request r = { .event = "request",
				   .peer = conn_peer(call_conn(call)),
				   .method = method_of(call),
				   .sandbox = id,
				   .refusal = refusal };

	/* What was granted is always told: there are not many of these. */
	if (audit_admit(m->audit, r.peer->uid, clock_ms(), &r.omitted) || grants)
		write_record(m, &r, s, grants);
}

void audit_refusal(struct manager *m, const struct peer *peer, const char *event,
		   const struct err *e)
{
	struct audit_request r = { .event = event, .peer = peer, .refusal = e };

	if (e->error == 0)
		audit_omit(m->audit, peer->uid, clock_ms());
	else if (audit_admit(m->audit, peer->uid, clock_ms(), &r.omitted))
		write_record(m, &r, NULL, NULL);
}
