/* Copying between awfctl's standard descriptors and the agent's stream.
 *
 * Each direction is a thread that does blocking reads and writes. So neither can hold up the other
 * or the handling of signals, whatever the descriptors are, and O_NONBLOCK never has to be set on
 * what awfctl shares with other processes (it belongs to the open file, not to the descriptor). */
#pragma once

#include <stdbool.h>

#include "awfctl/detach-keys.h"
#include "common/cleanup.h"
#include "common/err.h"

struct pump;

/* What becomes of the stream at the end of standard input. That of a terminal is never half-closed:
 * the engine would then pass on no output either. */
enum pump_end {
	PUMP_END_STREAM,   /* half-closed */
	PUMP_END_TERMINAL, /* the terminal is told, as by Ctrl-D */
	PUMP_END_SILENT,   /* nothing: others type, too */
};

/* Copies standard input to the stream up to its end; or until these keys, if any, were pressed,
 * which ends it without a word to the command. */
int pump_start_input(int stream, const struct detach_keys *keys, enum pump_end end,
		     struct pump **ret, struct err *e) _must_check_;

/* Copies the stream to standard output, or, when the command has no terminal, its frames to
 * standard output and error. */
int pump_start_output(int stream, bool tty, struct pump **ret, struct err *e) _must_check_;

/* For poll(2): readable once the pump has ended. */
int pump_fd(const struct pump *p);

/* Frees a pump that has ended. 0 when it came to the end of what it reads, -EPIPE when nobody reads
 * its output any more, -ECANCELED when the keys were pressed, or another error. */
int pump_end(struct pump *p, struct err *e) _must_check_;

/* Leaves a pump (or NULL) to itself: it may be in a read or write that lasts for ever, which
 * nothing can interrupt without a race, and goes with the process. */
void pump_abandon(struct pump *p);
