/* What the audit log has of calls, and of what never became one. */
#pragma once

#include <json-c/json.h>

#include "awfd/conn.h"
#include "awfd/manager.h"

struct sandbox;

/* Records that the call was allowed, or refused because of an error. id: as it was asked for, or
 * NULL; s: the sandbox that the call is about, if the peer may know of it; grants: what was granted
 * if it has just been made, taken over. */
void audit_call(struct manager *m, const struct call *call, const char *id, struct sandbox *s,
		const struct err *refusal, struct json_object *grants);

/* Records that a peer's connection or message was refused; one of no error is only counted. event:
 * "connection" or "message". */
void audit_refusal(struct manager *m, const struct peer *peer, const char *event,
		   const struct err *e);
