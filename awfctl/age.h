/* Times as people say them. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"

/* How long before `now`, in seconds since the epoch, a time (RFC 3339, UTC) was: "5 minutes ago".
 * Another text is only escaped. The caller owns it. */
char *age_text(const char *time, int64_t now) _must_check_;
