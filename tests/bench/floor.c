#include "tests/bench/floor.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64
#define BUFFER_SIZE    (64 * 1024)
#define FDS_MAX        32768

static int other_end[FDS_MAX]; /* of each descriptor's connection */

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		_exit(1);
}

static void open_pair(int epoll, int listener, const struct sockaddr_in *upstream)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), server;

	if (client < 0)
		return;
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server < 0 || server >= FDS_MAX || client >= FDS_MAX ||
	    connect(server, (const struct sockaddr *)upstream, sizeof(*upstream)) < 0)
		_exit(1);
	other_end[client] = server;
	other_end[server] = client;
	watch(epoll, client);
	watch(epoll, server);
}

/* Whatever ends ends both, and what the other end had to say is lost. */
static void move(int fd)
{
	static char buffer[BUFFER_SIZE];
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return; /* told of a descriptor that had this number before */
	if (n > 0 && send(other_end[fd], buffer, (size_t)n, MSG_NOSIGNAL) == n)
		return;
	close(other_end[fd]);
	close(fd);
	other_end[other_end[fd]] = -1;
	other_end[fd] = -1;
}

void floor_run(int listener, uint16_t upstream)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(upstream),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event events[EVENTS_AT_ONCE];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	watch(epoll, listener);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				open_pair(epoll, listener, &address);
			else if (other_end[events[i].data.fd] >= 0)
				move(events[i].data.fd);
		}
	}
}
