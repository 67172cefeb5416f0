/* The limits of each gh's resources, and which of them ended one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct gh_limits {
	uint64_t cpu_seconds;
	uint64_t memory; /* bytes */
	uint64_t file;   /* bytes of each file it writes */
};

enum gh_limit {
	GH_LIMIT_NONE,
	GH_LIMIT_CPU,
	GH_LIMIT_MEMORY,
};

/* How a process ended. */
struct gh_end {
	int exit_code; /* 128 and the signal when one ended it */
	uint64_t cpu_milliseconds;
};

/* For the calling process and what it executes; 0 or -errno. Calls nothing that is not safe after
 * fork(2). */
int gh_limits_set(const struct gh_limits *l) _must_check_;

/* The limit that ended a gh, as far as it can be seen: of a lack of memory only its last words
 * tell. */
enum gh_limit gh_limits_exceeded(const struct gh_limits *l, const struct gh_end *end,
				 const char *error_output, size_t length);
