/* For tests that need root: a process in a mount namespace of its own that listens at a socket, as
 * an engine would. */
#pragma once

#include <sys/types.h>

#include "awfd/mount-spec.h"
#include "common/cleanup.h"
#include "common/err.h"

#define ENGINE_ROOT  "/mnt" /* where that namespace has what is in no other */
#define ENGINE_STAGE ENGINE_ROOT "/stage"

struct engine_mounts {
	pid_t pid;
	int pidfd;
	char *scratch, *socket;
};

struct engine_mounts *engine_mounts_new(void);
void engine_mounts_free(struct engine_mounts *n);

/* Runs a shell command there; its exit code. */
int there(const struct engine_mounts *n, const char *fmt, ...) _printf_(2, 3);

/* A descriptor (O_PATH) of something that only that namespace has. */
int open_there(const struct engine_mounts *n, const char *path);

struct engine_stage {
	const char *mount_roots; /* as MountRoots= of awfd.conf(5) */
	char *const *texts;
	char *const *kept;
};

/* What was staged, with the descriptors of the sources and of the mounts. */
struct engine_staging {
	struct mount_specs specs;
	int fds[MOUNTS_MAX], roots[MOUNTS_MAX];
	bool staged;
};

/* Stages there what the test itself opens. */
int stage_there(const struct engine_mounts *n, const struct engine_stage *stage,
		struct engine_staging *ret, struct err *e);
void engine_staging_clear(struct engine_staging *s);
