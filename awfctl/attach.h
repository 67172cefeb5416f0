/* Being attached to a sandbox: its stream copied, signals obeyed, its end awaited. */
#pragma once

#include "awfctl/client.h"
#include "awfctl/log-copies.h"
#include "awfctl/options.h"

/* Goes on with a connection on which Start (leased, with attach) was called and not yet answered.
 * The sandbox is the caller's: a signal to awfctl, or nobody reading its output, ends it. Its logs
 * are copied at the end. Returns the exit code, everything reported. */
int attach_started(const struct options *o, struct client *c, const struct log_copies *copies);

/* Attaches to a sandbox that lives on its own: a signal ends awfctl only. */
int attach_existing(const struct options *o, struct client *c, const char *id);

/* Reports how a command ended and returns the exit code. */
int attach_report_end(const struct options *o, const char *id, const struct reply *reply);
