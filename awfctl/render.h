/* Printing for people: nothing that awfd or a job says reaches the terminal with control
 * characters. */
#pragma once

#include <stdint.h>

#include <json-c/json.h>

#include "awfctl/look.h"
#include "common/strbuf.h"
#include "proto/messages.h"

/* What stands for a value that is not there. */
#define RENDER_NOTHING "-"

/* A table. */
void render_sandboxes(struct strbuf *to, struct sandbox_info *const *sandboxes,
		      const struct look *look);

/* Everything about one sandbox. */
void render_sandbox(struct strbuf *to, const struct sandbox_info *sandbox, const struct look *look);

/* Indented JSON; all control characters are written as JSON escapes. */
void render_json(struct strbuf *to, struct json_object *object);

/* The same in one line. */
void render_json_line(struct strbuf *to, struct json_object *object);

/* An argv as a shell would take it, escaped. The caller owns it. */
char *render_command(char *const *command) _must_check_;

/* "1.5 ms", "2.0 s". The caller owns it. */
char *render_duration(int64_t microseconds) _must_check_;
