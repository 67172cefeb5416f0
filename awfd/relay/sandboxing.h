/* Takes from the process whatever a relay that serves doesn't need. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

/* When started as root, becomes the user awf-relay, or nobody where that doesn't exist: whatever a
 * relay is wanted for, it has no need of privileges. */
int sandboxing_drop_root(struct err *e) _must_check_;

/* From here on: no new privileges, no tracing and no core dumps, and only the system calls of a
 * relay at work, everything else being death by SIGSYS. */
int sandboxing_enter(struct err *e) _must_check_;
