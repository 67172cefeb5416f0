/* What every socket of a relay has in common. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/* Where the peers of a socket are. On this machine small buffers are faster, and bound what a slow
 * reader can pin; elsewhere a peer may go without a word. */
enum socket_kind {
	SOCKET_LOCAL = 1 << 0,
	SOCKET_REMOTE = 1 << 1,
	SOCKET_LOCAL_BULK = 1 << 2, /* what counts only when there are many bytes */
	SOCKET_ANY = SOCKET_LOCAL | SOCKET_REMOTE | SOCKET_LOCAL_BULK,
};

/* Sets the options of a connection, or of a listening socket for the connections it will accept. */
void socket_prepare(int fd, enum socket_kind kind);

/* The error that a socket has met, as -errno; 0 when there is none. */
int socket_error(int fd) _must_check_;

/* Whether the peer of a connection has ended its stream, of which `taken` bytes, all that there
 * were, have been received: the kernel counts that end (FIN) as a byte (TCP_INFO, tcp(7)), and a
 * reset not at all. */
bool socket_got_end(int fd, uint64_t taken) _must_check_;

/* Closes a connection so that its peer sees it reset, not ended. */
void socket_reset(int fd);
