#include "awfd/peer.h"

#include <pwd.h>
#include <sys/socket.h>

#include "common/alloc.h"

int peer_of_socket(int fd, struct peer *ret)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	*ret = (struct peer){ .uid = credentials.uid,
			      .gid = credentials.gid,
			      .pid = credentials.pid };
	return 0;
}

char *peer_user_name(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? xstrdup(entry->pw_name) : xasprintf("%u", uid);
}
