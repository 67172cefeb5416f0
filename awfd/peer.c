#include "awfd/peer.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"

#ifndef SO_PEERPIDFD /* since Linux 6.5 */
#define SO_PEERPIDFD 77
#endif

/* More groups than a process can have (NGROUPS_MAX). */
#define GROUPS_MAX 65536

/* More than a process may call itself. */
#define COMM_MAX 64

/* Room that is enough for nearly everybody. */
#define GROUPS_FIRST 32

static int get_groups(int fd, struct peer *p)
{
	socklen_t length = GROUPS_FIRST * sizeof(gid_t);

	p->groups = xcalloc(GROUPS_FIRST, sizeof(gid_t));
	while (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &length) < 0) {
		if (errno != ERANGE || length > GROUPS_MAX * sizeof(gid_t))
			return -errno;
		p->groups = xrealloc(p->groups, length / sizeof(gid_t), sizeof(gid_t));
	}
	p->group_count = length / sizeof(gid_t);
	return 0;
}

/* What is missing is missing: older kernels do without, and a process may end any time. */
static int get_pidfd(int fd)
{
	int pidfd = -EBADF;
	socklen_t length = sizeof(pidfd);

	return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) < 0 ? -EBADF : pidfd;
}

int peer_of_socket(int fd, struct peer *ret)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	*ret = PEER_NONE;
	ret->uid = credentials.uid;
	ret->gid = credentials.gid;
	ret->pid = credentials.pid;
	return 0;
}

int peer_complete(struct peer *p, int fd)
{
	int r = get_groups(fd, p);

	if (r == 0)
		p->pidfd = get_pidfd(fd);
	return r;
}

struct peer peer_copy(const struct peer *p)
{
	struct peer copy = *p;

	copy.pidfd = -EBADF;
	copy.groups = xcalloc(p->group_count + 1, sizeof(gid_t));
	if (p->group_count > 0)
		memcpy(copy.groups, p->groups, p->group_count * sizeof(gid_t));
	return copy;
}

void peer_clear(struct peer *p)
{
	free(p->groups);
	fd_close(p->pidfd);
	*p = PEER_NONE;
}

bool peer_is_in_group(const struct peer *p, gid_t gid)
{
	if (gid == p->gid)
		return true;
	for (size_t i = 0; i < p->group_count; i++)
		if (p->groups[i] == gid)
			return true;
	return false;
}

static bool is_alive(const struct peer *p)
{
	struct pollfd poll_fd = { .fd = p->pidfd, .events = POLLIN };

	return p->pidfd >= 0 && poll(&poll_fd, 1, 0) == 0;
}

char *peer_program(const struct peer *p)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/comm", p->pid);
	_cleanup_free_ char *text = NULL;

	if (p->pidfd < 0 || p->pid <= 0 || file_read(path, COMM_MAX, &text, NULL, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return is_alive(p) ? TAKE_PTR(text) : NULL; /* it had its number all the time */
}
