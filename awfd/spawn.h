/* Starts an unprivileged helper program of awfd: own uid and gid, no groups but a caller's, no
 * capabilities, no_new_privs, only the descriptors it was given. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Descriptors beside the standard ones that a program may be given: enough for a relay that serves
 * the DIFC channel and all host ports that a sandbox may have. */
#define SPAWN_FDS_MAX 320

/* What a program has that works for a user, as that user; root may be one. Its stderr is /dev/null,
 * because a user can reach into his processes. */
struct spawn_caller {
	const gid_t *groups; /* supplementary */
	size_t group_count;
	int mounts; /* pidfd of the process whose mount namespace it gets, or -EBADF: awfd's own */
};

struct spawn {
	const char *path;
	char *const *argv; /* argv[0] included */
	uid_t uid;
	gid_t gid;
	int network; /* pidfd of the process whose network it gets, or -EBADF: awfd's own */
	int in;      /* descriptor for stdin, or -EBADF for /dev/null */
	int out;     /* descriptor for stdout, or -EBADF for /dev/null; stderr is awfd's */
	const int
		*fds; /* passed on as 3, 4, …, with LISTEN_FDS and LISTEN_PID (sd_listen_fds(3)) */
	size_t fd_count;
	const char *const *fd_names;       /* as many, for LISTEN_FDNAMES; NULL: no names */
	const struct spawn_caller *caller; /* NULL: an unprivileged user of awfd's own */
};

/* Forks and executes. On success *pid and *pidfd (close-on-exec, the caller owns it) are set and
 * the program has been executed; a failed exec is reported here. */
int spawn_start(const struct spawn *s, pid_t *pid, int *pidfd, struct err *e) _must_check_;

/* fork(2) of awfd, with every signal blocked in the child, so that no handler of awfd's runs there.
 */
pid_t spawn_fork(void) _must_check_;
