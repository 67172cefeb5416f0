/* The phases of a start, in one line of the terminal on standard error that is replaced as they
 * end, and gone when the command starts. Where there is none, nothing. */
#pragma once

#include <stdint.h>

/* From now on. */
void progress_begin(void);

/* A phase ended, which took so long. */
void progress_phase(const char *name, int64_t elapsed_us);

/* Takes the line away until progress_show(): something else is written to the terminal. */
void progress_hide(void);
void progress_show(void);

/* Takes the line away for ever; nothing when there is none. */
void progress_end(void);
