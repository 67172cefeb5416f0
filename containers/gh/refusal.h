/* A request that is answered with an HTTP error: the error object carries the status and the text.
 */
#pragma once

#include "common/err.h"

/* Sets e's message and HTTP status, if there is an e; returns -EINVAL, so that callers can `return
 * refuse(...)`. */
int refuse(struct err *e, int status, const char *fmt, ...) _printf_(3, 4);
