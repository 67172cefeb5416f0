/* What the audit logs, the host's and the sandbox's own, have of a sandbox. */
#include "awfd/sandbox-internal.h"

#include "awfd/audit-record.h"
#include "awfd/audit.h"
#include "common/alloc.h"
#include "common/clock.h"

#define DUE_MAX 64 /* records before the log is there; its start is the first */

struct json_object *sandbox_grants(const struct sandbox *s)
{
	_cleanup_free_ char *difc = s->has_difc ? difc_address_format(&s->difc) : NULL;

	return audit_grants(&(struct audit_grants){ .request = &s->request,
						    .workspace = sandbox_workspace(s),
						    .limits = &s->limits,
						    .image = s->image,
						    .difc_proxy = difc });
}

void sandbox_audit(struct sandbox *s, struct json_object *record)
{
	if (s->logs[SANDBOX_LOG_AUDIT].fd >= 0) {
		sandbox_logs_write(s, SANDBOX_LOG_AUDIT, json_object_get(record));
	} else if (s->state == SANDBOX_CREATING && s->audit_due_count < DUE_MAX) {
		if (!s->audit_due)
			s->audit_due = xcalloc(DUE_MAX, sizeof(*s->audit_due));
		s->audit_due[s->audit_due_count++] = json_object_get(record);
	}
}

void sandbox_audit_opened(struct sandbox *s)
{
	for (size_t i = 0; i < s->audit_due_count; i++)
		sandbox_logs_write(s, SANDBOX_LOG_AUDIT, s->audit_due[i]);
	s->audit_due_count = 0;
}

void sandbox_audit_masks(struct sandbox *s, char *const *masked, char *const *named)
{
	struct json_object *record;

	if (!masked && !named)
		return;
	record = audit_record_of_masks(&(struct audit_masks){ .time_ms = (int64_t)clock_wall_ms(),
							      .sandbox = s->id,
							      .uid = s->owner.uid,
							      .user = s->user,
							      .masked = masked,
							      .named = named });
	audit_write(s->manager->audit, record);
	sandbox_audit(s, record);
	json_object_put(record);
}

void sandbox_audit_end(struct sandbox *s)
{
	struct json_object *record = audit_record_of_end(&(struct audit_end){
		.time_ms = (int64_t)clock_wall_ms(),
		.sandbox = s->id,
		.has_owner = !s->leftover,
		.uid = s->owner.uid,
		.user = s->user,
		.error = s->error.error != 0 ? &s->error : NULL,
		.exit_code = s->exit_code,
		.oom_killed = s->oom_killed,
		.reason = s->leftover ? "left by an earlier awfd" : s->reason,
		.duration_ms = clock_ms() - s->created_ms,
	});

	audit_write(s->manager->audit, record);
	sandbox_audit(s, record);
	json_object_put(record);
}

void sandbox_audit_clear(struct sandbox *s)
{
	for (size_t i = 0; i < s->audit_due_count; i++)
		json_object_put(s->audit_due[i]);
	free(TAKE_PTR(s->audit_due));
	s->audit_due_count = 0;
}
