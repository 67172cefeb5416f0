/* Numbers that one process adds to and others read, in a small file of which the former has a
 * mapping: counting is no system call, and what was counted outlives the process. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define COUNTERS_MAX 8 /* numbers in a file */

/* What awf-relay counts. */
enum relay_counter {
	RELAY_CONNECTIONS,        /* that came in, ever */
	RELAY_CONNECTIONS_OPEN,   /* that there are now */
	RELAY_CONNECTIONS_FAILED, /* that found no upstream */
	RELAY_BYTES_SENT,         /* to upstreams */
	RELAY_BYTES_RECEIVED,     /* from upstreams */
};

/* Makes the file, of zeros, and opens it; -EEXIST when it is there. */
int counters_make(const char *path, int *fd, struct err *e) _must_check_;

/* Opens one that is there, to go on with. */
int counters_open(const char *path, int *fd, struct err *e) _must_check_;

/* The numbers of the file behind the descriptor, to be added to; it may be closed then. */
int counters_map(int fd, uint64_t **ret, struct err *e) _must_check_;

/* NULL is allowed. */
void counters_unmap(uint64_t *counters);

/* What the file has now; zeros where there is none. */
void counters_read(const char *path, uint64_t ret[COUNTERS_MAX]);
