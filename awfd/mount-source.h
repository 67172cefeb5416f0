/* What of the host is never mounted into a sandbox, whatever rights the user has to it. Pure. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

struct mount_source {
	const char *path;     /* where it is, with every link followed */
	int mount_id;         /* of the mount that it is on (proc(5), fdinfo) */
	bool inner_is_hidden; /* other mounts in it are no reason: they will be covered */
};

/* Why it is not mounted (the caller owns the text), or NULL. mountinfo: the text of
 * /proc/self/mountinfo; kept: awfd's own directories and sockets, like path. */
char *mount_source_refusal(const struct mount_source *source, const char *mountinfo,
			   char *const *kept) _must_check_;

/* Where other mounts are inside of a path like that: strv, NULL when there is none. The caller owns
 * it. */
char **mount_source_inner(const char *path, const char *mountinfo) _must_check_;
