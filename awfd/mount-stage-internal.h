/* What the files that make a stage share; all of it runs in the engine's mount namespace. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "awfd/mount-stage.h"

#define MOUNT_STAGE_REASON_MAX 512

/* A stage being made, by a child of awfd. */
struct mount_staging {
	const struct mount_stage *stage;
	char *mountinfo;                         /* as it was before */
	char **kept;                             /* with every link followed */
	char (*reasons)[MOUNT_STAGE_REASON_MAX]; /* shared with awfd: why one was left out */
	int socket;                              /* to awfd, which wants the roots; or -EBADF */
};

/* An optional one is left out, with the reason; another one is refused. */
int mount_stage_refuse(struct mount_staging *g, size_t i, const char *why,
		       struct err *e) _must_check_;

/* A mount of its own of what the descriptor has open; nobody else's changes. */
int mount_stage_clone(int fd, bool writable, struct err *e) _must_check_;

/* Gives awfd a descriptor of what was staged, if it wants them. */
int mount_stage_pass_root(const struct mount_staging *g, size_t i, int root,
			  struct err *e) _must_check_;

/* What is mounted is mounted onto: a directory or a file. */
int mount_stage_point(const char *path, mode_t type, struct err *e) _must_check_;

/* Where a descriptor's file is, with every link followed. The caller owns it. */
int mount_stage_real_path(int fd, char **ret, struct err *e) _must_check_;

/* mount-view.c: what awfd's own are completed by, once those are staged that are mounted by
 * themselves. */
int mount_view_make_directory(const struct mount_stage *s, size_t i, struct err *e) _must_check_;
int mount_view_complete(struct mount_staging *g, struct err *e) _must_check_;
