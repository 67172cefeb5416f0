/* What the audit log says of a request and of a sandbox's end, as JSON. Texts are escaped and cut;
 * values of variables, contents of files and passwords are never in it. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "awfd/job-limits.h"
#include "awfd/peer.h"
#include "common/err.h"
#include "proto/messages.h"

struct audit_request {
	const char *event; /* "request", or of what never became one "connection", "message" */
	int64_t time_ms;
	const struct peer *peer;
	const char *user;          /* the peer's name */
	const char *program;       /* what its process calls itself, or NULL */
	const char *method;        /* "Start"; or NULL */
	const char *sandbox;       /* its id, as given; or NULL */
	const struct err *refusal; /* NULL: allowed */
	uint64_t omitted;          /* records of this user that were left out before this one */
};

/* What Start grants. */
struct audit_grants {
	const struct start_request *request;
	const struct job_limits *limits;
	const char *image;
	const char *workspace;  /* or NULL */
	const char *difc_proxy; /* or NULL */
};

struct audit_end {
	int64_t time_ms;
	const char *sandbox;
	bool has_owner; /* not known of what an earlier awfd left */
	uid_t uid;
	const char *user;
	const struct err *error; /* why it never ran, or NULL */
	int exit_code;
	bool oom_killed;
	const char *reason; /* or NULL */
	uint64_t duration_ms;
};

/* Credentials in a sandbox's mounts; the lists are NULL where there are none. */
struct audit_masks {
	int64_t time_ms;
	const char *sandbox;
	uid_t uid;
	const char *user;
	char *const *masked; /* out of its reach */
	char *const *named;  /* mounted, because its user named them */
};

/* The caller owns the objects. */
struct json_object *audit_grants(const struct audit_grants *g) _must_check_;

/* grants: of audit_grants(), taken over; or NULL. */
struct json_object *audit_record_of_request(const struct audit_request *r,
					    struct json_object *grants) _must_check_;
struct json_object *audit_record_of_masks(const struct audit_masks *m) _must_check_;
struct json_object *audit_record_of_end(const struct audit_end *end) _must_check_;

/* The word for a refusal of this kind: "invalid", "not-found", ... */
const char *audit_reason(enum err_kind kind);
