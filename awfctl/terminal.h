/* The caller's terminal in raw mode, and back. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

/* If fd is a terminal, puts it into raw mode until terminal_restore(), the end of the process or a
 * fatal signal; call it once. 0 also when fd is none. */
int terminal_make_raw(int fd) _must_check_;

/* Gives the terminal its former mode back; nothing when it has it. Async-signal-safe. */
void terminal_restore(void);

/* After terminal_restore(), and after having been stopped: raw mode again. */
void terminal_resume(void);

/* The size in characters of the terminal that is standard input, output or error: false when none
 * is. */
bool terminal_size(int *width, int *height) _must_check_;

/* Whether a line has to end with "\r\n". */
bool terminal_is_raw(void);
