/* A helper process (awfd/child.h) whose output is wanted as a whole. */
#pragma once

#include <event2/event.h>

#include "awfd/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"

struct child_output;

/* Called once, from the loop, when the output has ended or is longer than was allowed: the text so
 * far. The handle is still to be freed. */
typedef void (*child_output_fn)(const char *text, void *userdata);

/* The spawn's `out` is not used. */
int child_output_start(struct event_base *base, const struct spawn *spawn, size_t max,
		       child_output_fn fn, void *userdata, struct child_output **ret,
		       struct err *e) _must_check_;

/* Kills the process if it runs; fn is not called any more. NULL is allowed. */
void child_output_free(struct child_output *o);
