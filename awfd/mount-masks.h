/* Covers the credentials in staged mounts, so that they are out of the sandbox's reach:
 * awf-mount-masks finds them, as the user, and what it found is mounted over with an empty file or
 * directory, before the engine takes the mounts. */
#pragma once

#include <event2/event.h>

#include "awfd/masks/reply.h"
#include "awfd/mount-spec.h"
#include "awfd/peer.h"
#include "common/err.h"

struct mount_masks;

struct mount_mask {
	int fd; /* O_PATH, of what is covered, in its mount */
	size_t mount;
	char *path; /* as the user's process told it: to be shown only */
};

struct mount_masks_found {
	int roots[MOUNT_LIST_MAX]; /* of the staged mounts; -EBADF: of one that is none */
	struct mount_mask list[MASKS_MAX];
	size_t count;
	char *named[MOUNT_LIST_MAX]; /* by mount: NULL, or the credential that its source is, or is
				      * in
				      */
};

/* Called once, from the loop: with what was found (lent), or the error. */
typedef void (*mount_masks_fn)(const struct mount_masks_found *found, const struct err *e,
			       void *userdata);

struct mount_masks_ask {
	const char *path;                /* of awf-mount-masks */
	const struct peer *user;         /* lent, like the rest */
	int mounts;                      /* pidfd of a process in the mount namespace, or -EBADF */
	const struct mount_specs *specs; /* at least one; lent until the end */
	const int *fds;                  /* descriptors of their sources */
	const int *roots; /* and of what was staged of them, or -EBADF: taken over, always */
};

int mount_masks_start(struct event_base *base, const struct mount_masks_ask *ask, mount_masks_fn fn,
		      void *userdata, struct mount_masks **ret, struct err *e) _must_check_;

/* Gives it up; fn is not called any more. NULL is allowed. */
void mount_masks_cancel(struct mount_masks *m);

struct mount_masks_cover {
	const char *directory; /* the stage */
	int mounts;            /* as above */
	const struct mount_masks_found *found;
};

/* Mounts over all of them, or fails. */
int mount_masks_cover(const struct mount_masks_cover *c, struct err *e) _must_check_;
