/* Points in time as text, RFC 3339 in UTC. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"

/* "2026-11-25T20:58:45Z", of seconds since the epoch. The caller owns it. */
char *timestamp_of_seconds(int64_t seconds) _must_check_;

/* "2026-11-25T20:58:45.123Z", of milliseconds since the epoch. The caller owns it. */
char *timestamp_of_ms(int64_t ms) _must_check_;

/* The milliseconds of a text of the second form; -EINVAL for any other. */
int timestamp_parse_ms(const char *text, int64_t *ret) _must_check_;
