/* The Stats call: of several sandboxes at once; the engine is asked where each one's command is. */
#pragma once

#include "awfd/conn.h"
#include "awfd/manager.h"
#include "awfd/sandbox.h"

typedef bool (*stats_wanted_fn)(const struct call *call, const struct sandbox *s);

/* Answers the call with the statistics of the sandboxes that have not ended and that `wanted` is
 * true of, when the engine has told, or has not; with `more`, again each second. */
void stats_answer(struct manager *m, struct call *call, stats_wanted_fn wanted);
