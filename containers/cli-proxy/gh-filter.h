/* The system calls that a gh may make, as filters of seccomp(2). */
#pragma once

#include <linux/filter.h>

#include "common/cleanup.h"
#include "common/err.h"

struct gh_filter;

int gh_filter_new(struct gh_filter **ret, struct err *e) _must_check_;
void gh_filter_free(struct gh_filter *f);
DEFINE_CLEANUP(struct gh_filter, gh_filter_free)

/* For the child that becomes gh, between fork(2) and execveat(2); needs no_new_privs. From here on
 * it signals itself alone; to be called before gh_filter_enter(). 0 or -errno. */
int gh_filter_keep_signals(void) _must_check_;

/* From here on only the calls of a gh at work. execveat(2) waits until whoever has the descriptor
 * that is returned (close-on-exec), a listener, permits it, and is unknown to the kernel once that
 * is closed. */
int gh_filter_enter(const struct gh_filter *f) _must_check_;

/* For the parent: permits one execveat(2), which is on its way; -ESRCH when the child has ended. */
int gh_filter_permit_start(int listener) _must_check_;
