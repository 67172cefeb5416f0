/* Where a user's home is in a sandbox: awfd makes it, and awfctl mounts into it. */
#pragma once

#include <sys/types.h>

#include "common/cleanup.h"

/* A place of its own, whatever it is on the host. The caller owns it. */
char *home_in_sandbox(const char *user, uid_t uid) _must_check_;
