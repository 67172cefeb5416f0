/* A call that would keep awfd's loop waiting, done by a child process (fork(2)) and told once. */
#pragma once

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

struct background;

/* What the child does: it has none of awfd's descriptors but stderr, blocks every signal, and
 * returns 0 or -errno. */
typedef int (*background_work_fn)(const void *data);

/* Called once, from the loop, with what the work returned; -EIO when the child was killed. The
 * handle is still to be freed. */
typedef void (*background_done_fn)(int result, void *userdata);

int background_start(struct event_base *base, background_work_fn work, const void *data,
		     background_done_fn done, void *userdata, struct background **ret,
		     struct err *e) _must_check_;

/* Kills the child if it runs, reaps it, and frees the handle; `done` is not called any more. NULL
 * is allowed. */
void background_free(struct background *b);
