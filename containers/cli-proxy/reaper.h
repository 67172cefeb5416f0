/* Collects the children: those that were registered, and as process 1 of the container also those
 * that they left behind. */
#pragma once

#include <event2/event.h>
#include <sys/types.h>

#include "common/cleanup.h"

#include "containers/cli-proxy/gh-limits.h"

struct reaper;
struct reaper_child;

/* The child has ended and is collected. */
typedef void (*reaper_fn)(const struct gh_end *end, void *userdata);

struct reaper *reaper_new(struct event_base *base) _must_check_;
void reaper_free(struct reaper *r);
DEFINE_CLEANUP(struct reaper, reaper_free)

/* Watches the leader of a process group. When it ends, what is left of its group is killed before
 * fn is called. The handle is gone when fn is called. */
struct reaper_child *reaper_watch(struct reaper *r, pid_t pid, reaper_fn fn,
				  void *userdata) _must_check_;

/* Kills the whole group at once; fn follows. */
void reaper_kill(struct reaper_child *c);

/* Kills the whole group and forgets it: fn doesn't follow. NULL is nothing. */
void reaper_forget(struct reaper_child *c);
