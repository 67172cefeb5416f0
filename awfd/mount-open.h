/* Opens the sources of mounts as the user who asks for them: awf-mount-open does it, in the
 * engine's mount namespace. */
#pragma once

#include <event2/event.h>

#include "awfd/mount-spec.h"
#include "awfd/peer.h"
#include "common/err.h"

struct mount_open;

/* Called once, from the loop: with a descriptor (O_PATH, lent) for each spec, or the error. One
 * that is optional and could not be opened has none (-EBADF), and the reason as `missing`; what
 * awfd makes itself has none either. */
typedef void (*mount_open_fn)(const int *fds, const struct err *e, void *userdata);

struct mount_open_ask {
	const char *path;          /* of awf-mount-open */
	const struct peer *user;   /* lent, like the rest */
	int mounts;                /* pidfd of a process in the mount namespace, or -EBADF */
	struct mount_specs *specs; /* at least one to open; lent until the end */
};

int mount_open_start(struct event_base *base, const struct mount_open_ask *ask, mount_open_fn fn,
		     void *userdata, struct mount_open **ret, struct err *e) _must_check_;

/* Gives it up; fn is not called any more. NULL is allowed. */
void mount_open_cancel(struct mount_open *m);
