/* The one place that a relay connects to: one address, or those of one name. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

struct upstream;

/* Parses HOST:PORT or [V6]:PORT and looks a name up, once and for all. */
int upstream_new(const char *text, struct upstream **ret, struct err *e) _must_check_;

/* How many addresses there are to try. */
size_t upstream_count(const struct upstream *u);

/* Begins to connect a new socket, non-blocking and close-on-exec, to the attempt-th address. The
 * socket, or -errno. */
int upstream_connect(const struct upstream *u, size_t attempt) _must_check_;

/* Says that the attempt-th address answered: it is the first one from now on. */
void upstream_prefer(struct upstream *u, size_t attempt);

const char *upstream_text(const struct upstream *u);
void upstream_free(struct upstream *u);

DEFINE_CLEANUP(struct upstream, upstream_free)
