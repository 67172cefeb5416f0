/* Whether the kernel has killed a process of a container because that used more memory than it may,
 * as its control group counts it: "oom_kill" of memory.events, or of memory.oom_control in version
 * 1 (cgroup-v2.rst and cgroup-v1/memory.rst of Linux's Documentation/admin-guide). A kill for want
 * of the host's memory counts there, too, but not as "oom"; version 1 does not tell the two apart.
 * The engine has it from there as well, but misses a kill that the end of the container follows at
 * once: it hears of the two on two ways. */
#pragma once

#include <stdbool.h>

#include <event2/event.h>

#include "common/cleanup.h"

struct oom_watch;

/* Of the group of that directory, in which the container's first process is: the first one of a
 * process namespace right below awfd's (NSpid of proc_pid_status(5)). NULL when there is none, or
 * no count. The caller owns it. */
struct oom_watch *oom_watch_new(struct event_base *base, const char *group) _must_check_;

/* Whether it has until now; when the container has ended, until then. */
bool oom_watch_saw(struct oom_watch *w);

void oom_watch_free(struct oom_watch *w);
