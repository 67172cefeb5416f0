/* The clocks. */
#pragma once

#include <stdint.h>

/* Milliseconds since some point in the past: for spans and deadlines. */
uint64_t clock_ms(void);

/* The same in microseconds: for the time that work takes. */
uint64_t clock_us(void);

/* Milliseconds since the epoch, of the wall clock: for people to read. */
uint64_t clock_wall_ms(void);
