/* Only one awfd at a time has a runtime directory: a second one would take the first one's
 * sandboxes for its own. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

/* Takes the lock in that file, which is made. It is held until the descriptor is closed, or the
 * process ends, however it does; children do not inherit it. -EBUSY, and who has it, when it is
 * taken. */
int lock_take(const char *path, int *ret, struct err *e) _must_check_;
