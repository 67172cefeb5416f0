/* The access log: one JSON object a line, for every call that was refused, started or done. In what
 * it quotes, secrets are redacted (redact.h), control characters and bytes that are not UTF-8 are
 * escaped, and what is long is cut, with a mark: a line has at most ACCESS_LOG_LINE_MAX bytes. */
#pragma once

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"

#define ACCESS_LOG_LINE_MAX 16384

struct access_log;

/* Appends to the file at path, or writes to stdout when it is NULL. */
int access_log_open(const char *path, struct access_log **ret, struct err *e) _must_check_;
void access_log_close(struct access_log *log);
DEFINE_CLEANUP(struct access_log, access_log_close)

/* Writes one event; takes the fields over. */
void access_log_write(struct access_log *log, const char *event, struct json_object *fields);

/* Adds a text of that length. */
void access_log_add_text(struct json_object *fields, const char *key, const char *text,
			 size_t length);

/* Adds gh's arguments: command, subcommand (where there is one) and all of them, `args`. */
void access_log_add_args(struct json_object *fields, char *const *args);

/* Writes that a call was refused; args may be NULL. */
void access_log_denied(struct access_log *log, char *const *args, const char *reason);
