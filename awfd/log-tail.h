/* Files that grow by lines, written by somebody untrusted: followed by inotify(7), read in bounded
 * pieces, and given back to the file system as they are read (fallocate(2), FALLOC_FL_PUNCH_HOLE),
 * so that what a writer can fill is what awfd has not read yet. */
#pragma once

#include <stddef.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

#define LOG_TAIL_LINE_MAX 16384 /* longer lines are passed over */

/* All tails of one loop: they share an inotify instance, of which a user may have few. */
struct log_tails;
struct log_tail;

int log_tails_new(struct event_base *base, struct log_tails **ret, struct err *e) _must_check_;
void log_tails_free(struct log_tails *tails);

/* Called for each line, without its newline and NUL-terminated. It must not free the tail. */
typedef void (*log_tail_fn)(const char *line, size_t length, void *userdata);

/* Follows the file (open for reading and writing; taken over) from its beginning, or from where an
 * earlier awfd had got to: call log_tail_drain() for what it has already. */
int log_tail_open(struct log_tails *tails, int fd, log_tail_fn fn, void *userdata,
		  struct log_tail **ret, struct err *e) _must_check_;

/* Reads what there is now, up to the end. */
void log_tail_drain(struct log_tail *t);

/* NULL is allowed. */
void log_tail_free(struct log_tail *t);
