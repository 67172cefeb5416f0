/* Points in time as people give them, in the forms of docker-logs(1). */
#pragma once

#include <stdint.h>

#include "common/err.h"

/* Milliseconds since the epoch of a text, which option `option` got: "90s" or "1h30m" before
 * now_ms, seconds since the epoch, or a date with or without a time, in local time unless it says
 * which. */
int moment_parse(const char *option, const char *text, int64_t now_ms, int64_t *ret,
		 struct err *e) _must_check_;
