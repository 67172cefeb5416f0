/* Allocation that never fails: small allocations abort on out of memory. Sizes that a peer controls
 * are checked against a named limit before they come here. */
#pragma once

#include <stddef.h>
#include <stdarg.h>

#include "common/cleanup.h"

/* Zeroed memory of n bytes; the caller owns it. Aborts when there is none. */
void *xcalloc(size_t count, size_t size) _must_check_;
void *xrealloc(void *p, size_t count, size_t size) _must_check_;

/* A copy of s; NULL stays NULL. The caller owns it. */
char *xstrdup(const char *s) _must_check_;
char *xstrndup(const char *s, size_t n) _must_check_;
char *xasprintf(const char *fmt, ...) _must_check_ _printf_(1, 2);
char *xvasprintf(const char *fmt, va_list ap) _must_check_ _printf_(1, 0);

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))
