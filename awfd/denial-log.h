/* Denials as a sandbox's logs have them, squid.jsonl and firewall.jsonl: read again by an awfd that
 * goes on with the sandbox. The files are their user's, so their lines are believed for him alone.
 * Pure. */
#pragma once

#include "awfd/denials.h"

/* Of a squid that blocked by one of the user's rules, or for another reason (rule may be NULL
 * then). The caller owns it. */
char *denial_reason_of_squid(const char *decision, const char *rule) _must_check_;

/* What a refusal by a chain of the firewall's means to people. */
const char *denial_reason_of_chain(const char *chain);

/* Parses a line without its newline. 1: a denial, whose texts the caller owns: denial_log_clear().
 * 0: a line about something else. -EINVAL: not a line of that log. */
int denial_log_parse(enum denial_source source, const char *line, struct denial *ret) _must_check_;
void denial_log_clear(struct denial *d);
