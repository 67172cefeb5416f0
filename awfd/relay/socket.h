/* What every socket of a relay has in common. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

/* Sets the options of a connection, or of a listening socket for the connections it will accept:
 * nothing waits for more bytes, and a peer that is gone is noticed. With `local`, the peer is on
 * this machine: small buffers are faster then, and they bound what a slow reader can pin. */
void socket_prepare(int fd, bool local);

/* The error that a socket has met, as -errno; 0 when there is none. */
int socket_error(int fd) _must_check_;

/* Closes a connection so that its peer sees it reset, not ended. */
void socket_reset(int fd);
