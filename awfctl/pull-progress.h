/* How far images have come, on standard error: bars on a terminal, lines where it is none. */
#pragma once

#include <stdbool.h>

#include "common/strbuf.h"
#include "proto/messages.h"

struct pull_progress;

#define _cleanup_pull_progress_ _cleanup_(pull_progress_freep)

/* bars: of `width` columns, at most `height` lines at a time; without, one line for each thing that
 * happens. */
struct pull_progress *pull_progress_new(bool bars, unsigned width, unsigned height) _must_check_;
void pull_progress_free(struct pull_progress *p);
DEFINE_CLEANUP(struct pull_progress, pull_progress_free)

/* What standard error is: a terminal that can move its cursor, and how large. */
struct pull_progress *pull_progress_of_stderr(void) _must_check_;

/* Appends what is to be written when this reply has come. */
void pull_progress_take(struct pull_progress *p, const struct predownload_reply *news,
			struct strbuf *to);

/* Appends what takes the bars away again. */
void pull_progress_end(struct pull_progress *p, struct strbuf *to);
