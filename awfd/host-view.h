/* What a sandbox without an image has of the host: its programs and libraries, what of /etc these
 * need, and the operator's directories, all to be read only; and the caller's workspace at its own
 * place. Pure. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "awfd/mount-spec.h"
#include "common/cleanup.h"

/* The directory that is in front of all others in PATH, for programs of awfd's. */
#define HOST_VIEW_PROGRAMS "/run/awf/bin"

/* Whether the operator may name it. */
bool host_view_is_path(const char *path);

/* Adds them to the mounts. Each is left out if the host lacks it or the caller may not have it;
 * /etc itself is one that awfd makes. `names` are those of what is in the host's /etc, `paths` the
 * operator's directories, of which those are left out that would be in the way of what is there
 * already or of the command's home. Tells how many there was no room for. */
size_t host_view_add(struct mount_specs *to, char *const *names, char *const *paths,
		     const char *home);

/* Adds the workspace, after the mounts that are asked for. Why not (the caller owns the text), or
 * NULL. */
char *host_view_add_workspace(struct mount_specs *to, const char *path, const char *home,
			      bool optional) _must_check_;

/* Refuses mounts that are asked for where the host's own would be hidden, or cannot have them. */
int host_view_check(const struct mount_specs *asked, struct err *e) _must_check_;

/* Paths that are hidden in what is mounted, because they configure programs and so may hold
 * secrets: strv, not the caller's. */
char *const *host_view_hidden(void);

/* Paths at which a gh of the host may be: strv, not the caller's. */
char *const *host_view_gh(void);

/* Who the sandbox's command is. */
struct host_view_user {
	const char *name;
	uid_t uid;
	gid_t gid;
	const char *group; /* the gid's name, or NULL */
	const char *home;
};

/* A file of /etc that is made for it: its text, or what it is a link to. */
struct host_view_file {
	const char *name;
	char *(*text)(const struct host_view_user *u); /* the caller owns what it returns */
	const char *link;
};

extern const struct host_view_file host_view_files[];
extern const size_t host_view_file_count;
