/* The smallest relay that there can be, to tell what of a connection's cost is the kernel's. */
#pragma once

#include <stdint.h>

/* Relays the listener's connections to a port of 127.0.0.1 until it is killed: every system call is
 * one that no relay can be without, there is no limit, no half-close and no back-pressure. Never
 * returns. */
void floor_run(int listener, uint16_t upstream) __attribute__((noreturn));
