/* What the files that build a stage share; all of it runs in the engine's mount namespace. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "awfd/mount-stage.h"

#define MOUNT_BUILD_REASON_MAX 512

/* A stage being built, by a child of the broker. */
struct mount_building {
	const struct mount_stage *stage;
	char *mountinfo;                         /* as it was before */
	char (*reasons)[MOUNT_BUILD_REASON_MAX]; /* shared with the broker: why one was left out */
	int socket;                              /* to the broker, which wants the roots */
};

/* An optional one is left out, with the reason; another one is refused. */
int mount_build_refuse(struct mount_building *g, size_t i, const char *why,
		       struct err *e) _must_check_;

/* A mount of its own of what the descriptor has open; nobody else's changes. */
int mount_build_clone(int fd, bool writable, struct err *e) _must_check_;

/* Gives the broker a descriptor of what was staged. */
int mount_build_pass_root(const struct mount_building *g, size_t i, int root,
			  struct err *e) _must_check_;

/* What is mounted is mounted onto: a directory or a file. */
int mount_build_point(const char *path, mode_t type, struct err *e) _must_check_;

/* mount-view.c: what awfd's own are completed by, once those are staged that are mounted by
 * themselves. */
int mount_view_make_directory(const struct mount_stage *s, size_t i, struct err *e) _must_check_;
int mount_view_complete(struct mount_building *g, struct err *e) _must_check_;
