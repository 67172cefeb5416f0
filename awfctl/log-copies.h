/* Copies of a sandbox's logs that options ask for: --proxy-logs-dir, --audit-dir and
 * --diagnostic-logs. awfd writes nothing for a user; awfctl copies with the user's rights. */
#pragma once

#include <stdbool.h>

#include "awfctl/options.h"

struct log_copies;

#define _cleanup_log_copies_ _cleanup_(log_copies_freep)

/* Opens the directories before the command could change them. */
int log_copies_open(const struct options *o, struct log_copies **ret, struct err *e) _must_check_;
void log_copies_free(struct log_copies *c);
DEFINE_CLEANUP(struct log_copies, log_copies_free)

/* Refuses these options: nothing waits for the end of the sandbox to copy its logs. */
int log_copies_refuse(const struct options *o, struct err *e) _must_check_;

/* Whether there is anything to copy. */
bool log_copies_are_due(const struct log_copies *c, bool failed);

/* Copies from the directory `from`; some only when the command failed. What cannot be copied is
 * reported. */
void log_copies_make(const struct log_copies *c, const char *from, bool failed);
