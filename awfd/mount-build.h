/* Building stages, in the engine's mount namespace: what awfd's broker does for it
 * (awfd/mount-stage.h). What may be mounted is decided before. */
#pragma once

#include "awfd/mount-stage.h"

/* A file in memory (close-on-exec; the caller owns it) with these paths as they are there with
 * every link followed, or as they are written where there is no such thing, a NUL behind each, and
 * then the text of /proc/self/mountinfo. */
int mount_build_look(int mounts, char *const *paths, struct err *e) _must_check_;

/* Builds the stage; its `kept` and `policy` do not matter. `roots` get what was staged, unless it
 * is NULL. */
int mount_build(const struct mount_stage *s, struct err *e) _must_check_;

int mount_build_remove(const char *directory, int mounts, struct err *e) _must_check_;
