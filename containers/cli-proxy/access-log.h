/* The access log: one JSON object a line, for every call that was refused, started or done. */
#pragma once

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"

struct access_log;

/* Appends to the file at path, or writes to stdout when it is NULL. */
int access_log_open(const char *path, struct access_log **ret, struct err *e) _must_check_;
void access_log_close(struct access_log *log);
DEFINE_CLEANUP(struct access_log, access_log_close)

/* Writes one event; takes the fields over. */
void access_log_write(struct access_log *log, const char *event, struct json_object *fields);

/* Adds text, or its first `length` bytes, with every control character and every byte that is not
 * UTF-8 escaped; long text is cut, with a mark. */
void access_log_add_text(struct json_object *fields, const char *key, const char *text,
			 size_t length);

/* Adds arguments, each as above. */
void access_log_add_args(struct json_object *fields, const char *key, char *const *args);
