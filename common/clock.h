/* The monotonic clock. */
#pragma once

#include <stdint.h>

/* Milliseconds since some point in the past: for spans and deadlines. */
uint64_t clock_ms(void);
