/* Who is at the other end of a Unix socket (SO_PEERCRED, unix(7)). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* The credentials the peer had when it connected. 0 or -errno. */
int peer_of_socket(int fd, struct peer *ret) _must_check_;

/* The user's name, or the number. The caller owns it. */
char *peer_user_name(uid_t uid) _must_check_;
