/* Copying between awfctl's standard descriptors and the agent's stream.
 *
 * Each direction is a thread that does blocking reads and writes. So neither can hold up the other
 * or the handling of signals, whatever the descriptors are, and O_NONBLOCK never has to be set on
 * what awfctl shares with other processes (it belongs to the open file, not to the descriptor). */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"

struct pump;

#define _cleanup_pump_ _cleanup_(pump_freep)

/* Copies standard input to the stream and half-closes that at the end. The stream is borrowed. */
int pump_start_input(int stream, struct pump **ret, struct err *e) _must_check_;

/* Copies the stream to standard output, or, when the command has no terminal, its frames to
 * standard output and error. */
int pump_start_output(int stream, bool tty, struct pump **ret, struct err *e) _must_check_;

/* For poll(2): readable once the pump has ended. */
int pump_fd(const struct pump *p);

/* The outcome of a pump that has ended: 0 at the end of what it reads, -EPIPE when nobody reads its
 * output any more, or another error. */
int pump_result(struct pump *p, struct err *e) _must_check_;

/* Stops the pump if it still runs. */
void pump_free(struct pump *p);
DEFINE_CLEANUP(struct pump, pump_free)
