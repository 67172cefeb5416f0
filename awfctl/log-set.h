/* Several logs of a sandbox as one, in the order of time. */
#pragma once

#include "awfctl/log-reader.h"

struct log_set;

#define _cleanup_log_set_ _cleanup_(log_set_freep)

/* Opens those that the span wants. A directory that has none of them is an error. */
int log_set_open(const char *directory, const struct log_span *span, struct log_set **ret,
		 struct err *e) _must_check_;
void log_set_free(struct log_set *s);
DEFINE_CLEANUP(struct log_set, log_set_free)

/* 1 and the next record of the span, whose object the caller owns; 0 when there is none yet. */
int log_set_next(struct log_set *s, struct log_record *ret, struct err *e) _must_check_;

/* Follows the files: readable (poll(2)) when one has grown. Clearing comes before reading. */
int log_set_watch(struct log_set *s, int *fd, struct err *e) _must_check_;
void log_set_clear(struct log_set *s);
