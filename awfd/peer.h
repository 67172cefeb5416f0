/* Who is at the other end of a Unix socket (SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD; unix(7)). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct peer {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary ones */
	size_t group_count;
	pid_t pid;
	int pidfd; /* of that very process, whatever has its number later; -EBADF: the kernel has no
		      SO_PEERPIDFD, or the process was gone */
};

/* No process: what peer_clear() leaves. */
#define PEER_NONE                                                                                  \
	(struct peer)                                                                              \
	{                                                                                          \
		.pidfd = -EBADF                                                                    \
	}

#define _cleanup_peer_ _cleanup_(peer_clear)

/* The credentials the peer had when it connected: user, group and process. 0 or -errno. */
int peer_of_socket(int fd, struct peer *ret) _must_check_;

/* Adds the rest, of which a connection that is refused anyway is not worth the time. 0 or -errno.
 */
int peer_complete(struct peer *p, int fd) _must_check_;

/* The same user and groups, for what outlives the connection: without the descriptor. */
struct peer peer_copy(const struct peer *p);
void peer_clear(struct peer *p);

/* By its primary group or a supplementary one. */
bool peer_is_in_group(const struct peer *p, gid_t gid);

/* What the process calls itself (comm of proc(5)): NULL when it has ended, or when that cannot be
 * known, since its number may be another's then. The caller owns it. */
char *peer_program(const struct peer *p) _must_check_;
