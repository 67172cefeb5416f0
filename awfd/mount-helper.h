/* Runs a program of awfd's as the user who wants something mounted, in the engine's mount
 * namespace, and takes what it tells: packets on its standard output, a descriptor with each or
 * none. */
#pragma once

#include <event2/event.h>

#include "awfd/peer.h"
#include "common/err.h"

#define MOUNT_HELPER_PACKET_MAX 1024

struct mount_helper;

/* For each packet, from the loop: its bytes, aligned for any integer, and the descriptor (the
 * callee's now) or -EBADF. n is 0, or -errno, when there will be no more. The helper may be freed
 * in it. */
typedef void (*mount_helper_fn)(const void *packet, ssize_t n, int fd, void *userdata);

struct mount_helper_spec {
	const char *path; /* of the program; argv[0] is its name */
	char *const *argv;
	const struct peer *user;
	int mounts;     /* pidfd of a process in the mount namespace, or -EBADF */
	const int *fds; /* passed on as 3, 4, … */
	size_t fd_count;
};

int mount_helper_start(struct event_base *base, const struct mount_helper_spec *spec,
		       mount_helper_fn fn, void *userdata, struct mount_helper **ret,
		       struct err *e) _must_check_;

/* Ends the program if it runs; fn is not called any more. NULL is allowed. */
void mount_helper_free(struct mount_helper *h);
