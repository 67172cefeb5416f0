/* The mount namespace that the engine lives in: where its bind mounts come from, and so where the
 * paths that users name are looked up and staged. It need not be awfd's own. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

/* A pidfd (close-on-exec, the caller owns it) of the process behind the engine's socket. */
int mount_namespace_of_engine(const char *socket, struct err *e) _must_check_;

/* Runs fn in a child of awfd that has entered the process's mount namespace, waits for its end, and
 * returns what fn returned, with its error. fn must not wait for anything but the kernel: awfd
 * waits for it. */
int mount_namespace_call(int pidfd, int (*fn)(void *userdata, struct err *e), void *userdata,
			 struct err *e) _must_check_;
