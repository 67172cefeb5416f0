#include "awfd/relay/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* A peer that answers nothing is given up after IDLE + COUNT * INTERVAL seconds. */
#define KEEPALIVE_IDLE     60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_COUNT    4

/* Of the bytes on their way to or from a peer on this machine. */
#define LOCAL_BUFFER (256 * 1024)

struct socket_option {
	int level;
	int name;
	int value;
};

static const struct socket_option common_options[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL },
	{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT },
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
};

static const struct socket_option local_options[] = {
	{ SOL_SOCKET, SO_SNDBUF, LOCAL_BUFFER },
	{ SOL_SOCKET, SO_RCVBUF, LOCAL_BUFFER },
};

/* An option that can't be set makes a connection worse, not wrong. */
static void set_options(int fd, const struct socket_option *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)setsockopt(fd, list[i].level, list[i].name, &list[i].value,
				 sizeof(list[i].value));
}

void socket_prepare(int fd, bool local)
{
	set_options(fd, common_options, ARRAY_SIZE(common_options));
	if (local)
		set_options(fd, local_options, ARRAY_SIZE(local_options));
}

int socket_error(int fd)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

void socket_reset(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}
