/* The stage: a directory that only root can enter, in which a sandbox's mounts wait for the engine
 * to take them, so that nothing that a user can change lies on the way to them. */
#pragma once

#include <sys/types.h>

#include "awfd/host-view.h"
#include "awfd/mount-spec.h"
#include "awfd/policy.h"
#include "common/err.h"

struct mount_stage {
	const char *directory;             /* made by mount_stage_make() */
	int mounts;                        /* pidfd of a process in the mount namespace */
	struct mount_specs *specs;         /* what is staged as <directory>/0, 1, … */
	const int *fds;                    /* their descriptors, opened there by the user */
	char *const *kept;                 /* what is never mounted (mount-source.h) */
	const struct policy *policy;       /* of where what is mounted may be */
	const struct host_view_user *user; /* who awfd's own are for; NULL: there are none */
	const char *gh; /* what is in the place of the host's gh, or NULL: that stays */
	int *roots;     /* NULL, or what gets a descriptor (O_PATH) of each that is staged, for the
			   caller to close, and -EBADF for the others; of a failure, none */
};

/* Refuses what is never mounted and what the policy does not permit, and stages the rest, without
 * what is mounted inside of it, and nosuid, nodev and read-only where that was asked for. Optional
 * ones are left out instead, with the reason as `missing`. What lies in one of awfd's own is staged
 * there; these have nothing in the place of what is mounted inside of them. A failure leaves some
 * of it to remove. */
int mount_stage_make(const struct mount_stage *s, struct err *e) _must_check_;

/* The path of one of them. The caller owns it. */
char *mount_stage_path(const char *directory, size_t i) _must_check_;

/* Takes a stage away; "not there" is success. What the engine took from it stays. */
int mount_stage_remove(const char *directory, int mounts, struct err *e) _must_check_;

/* Of a descriptor: the id of the mount that it is in (proc(5), fdinfo), and the type of what it has
 * open, as the kernel knows it: nothing is asked of the filesystem. */
int mount_stage_read_id(int fd, int *ret, struct err *e) _must_check_;
int mount_stage_read_type(int fd, mode_t *ret, struct err *e) _must_check_;

/* Of one of them, why it is not mounted: left out if it is optional, else refused. */
int mount_stage_refuse(struct mount_specs *specs, size_t i, const char *why,
		       struct err *e) _must_check_;

/* Where a descriptor's file is, with every link followed, in the mount namespace that it is of. The
 * caller owns it. */
int mount_stage_real_path(int fd, char **ret, struct err *e) _must_check_;

/* The text of a file of /proc, or NULL. The caller owns it. */
char *mount_stage_read_proc(const char *path, struct err *e) _must_check_;
