/* The sockets that were passed to this process (sd_listen_fds_with_names(3)). */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

#define PASSED_FIRST_FD 3 /* SD_LISTEN_FDS_START */

struct passed {
	size_t count;
	char **names; /* as many, or NULL */
};

/* Finds them by $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES; none at all is an error. */
int passed_find(struct passed *ret, struct err *e) _must_check_;

/* The name of the i-th socket. */
const char *passed_name(const struct passed *p, size_t i);

void passed_clear(struct passed *p);
