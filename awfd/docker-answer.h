/* Reading what the engine answers: JSON, error messages, the API version. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"

/* The JSON of a whole text, or NULL when it is none. The caller owns it. */
struct json_object *docker_answer_json(const char *text, size_t length) _must_check_;

/* The member of that name and type, or NULL. Borrowed from o. */
struct json_object *docker_answer_member(struct json_object *o, const char *key,
					 enum json_type type);

/* The message of an error answer, bounded: the engine's {"message"}, else the first line of what it
 * sent. The caller owns it. */
char *docker_answer_message(const char *body, size_t length) _must_check_;

/* A negative errno for an HTTP status that is an error. */
int docker_answer_errno(int status) _must_check_;

/* Whether the engine refuses the API version of the request's path: it was replaced by another one
 * since it was asked. It refuses before it does anything, so the request may be repeated. */
bool docker_answer_refuses_version(int status, const char *body, size_t length);

/* The API version to speak, from the answer to GET /version: "1.41" or newer, safe in a path. The
 * caller owns it. -EPROTONOSUPPORT when the engine is too old, -EBADMSG when it is no engine. */
int docker_answer_version(struct json_object *body, char **ret, struct err *e) _must_check_;
