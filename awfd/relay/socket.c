#include "awfd/relay/socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/tcp.h> /* its struct tcp_info is newer than that of netinet/tcp.h */

/* A peer that answers nothing is given up after IDLE + COUNT * INTERVAL seconds. */
#define KEEPALIVE_IDLE     60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_COUNT    4

/* Of the bytes on their way to or from a peer on this machine. */
#define LOCAL_BUFFER (256 * 1024)

static const struct {
	int level;
	int name;
	int value;
	enum socket_kind kinds;
} options[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1, SOCKET_LOCAL | SOCKET_REMOTE },
	{ SOL_SOCKET, SO_SNDBUF, LOCAL_BUFFER, SOCKET_LOCAL_BULK },
	{ SOL_SOCKET, SO_RCVBUF, LOCAL_BUFFER, SOCKET_LOCAL_BULK },
	{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE, SOCKET_REMOTE },
	{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL, SOCKET_REMOTE },
	{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT, SOCKET_REMOTE },
	{ SOL_SOCKET, SO_KEEPALIVE, 1, SOCKET_REMOTE },
};

/* An option that can't be set makes a connection worse, not wrong. */
void socket_prepare(int fd, enum socket_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].kinds & kind)
			(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
					 sizeof(options[i].value));
}

int socket_error(int fd)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

bool socket_got_end(int fd, uint64_t taken)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_bytes_received > taken;
}

void socket_reset(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}
