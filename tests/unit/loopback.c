#include "tests/unit/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/unit/check.h"

#define LIMIT_SECONDS 30
#define BACKLOG       1024
#define ATTEMPTS      20

void loopback_limit(int fd)
{
	const struct timeval limit = { .tv_sec = LIMIT_SECONDS };
	const int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

int loopback_listen(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	loopback_limit(fd);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, BACKLOG), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

int loopback_listen_at(const char *host, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const bool is_v6 = strchr(host, ':');
	const int on = 1;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	loopback_limit(fd);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, host,
				   is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr),
			 1);
	r = is_v6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
		  : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	if (r < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	assert_int_equal(listen(fd, BACKLOG), 0);
	return fd;
}

int loopback_listen_beside(const char *host, int *other)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		uint16_t port;
		int fd = loopback_listen(&port);

		*other = loopback_listen_at(host, port);
		if (*other >= 0)
			return fd;
		close(fd); /* that port is not free there */
	}
	fail_msg("no port is free at both 127.0.0.1 and %s", host);
	return -1;
}

uint16_t loopback_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						   : ((struct sockaddr_in *)&address)->sin_port);
}

int loopback_connect_to(int listener)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	int fd;

	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	loopback_limit(fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
	return fd;
}

int loopback_connect(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	loopback_limit(fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

int loopback_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	loopback_limit(fd);
	return fd;
}

void loopback_send(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssize_t n = send(fd, p, length, MSG_NOSIGNAL);

		if (n <= 0)
			fail_msg("send: %s", strerror(errno));
		p += n;
		length -= (size_t)n;
	}
}

void loopback_receive(int fd, void *data, size_t length)
{
	char *p = data;

	while (length > 0) {
		ssize_t n = recv(fd, p, length, 0);

		if (n <= 0)
			fail_msg("receive: %s", n == 0 ? "end of stream" : strerror(errno));
		p += n;
		length -= (size_t)n;
	}
}

void loopback_pass(int from, int to, const char *text)
{
	_cleanup_free_ char *received = xcalloc(strlen(text) + 1, 1);

	loopback_send(from, text, strlen(text));
	loopback_receive(to, received, strlen(text));
	assert_string_equal(received, text);
}

void loopback_assert_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n != 0)
		fail_msg("no end of stream: %s", n > 0 ? "a byte" : strerror(errno));
}

void loopback_assert_reset(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n >= 0 || errno != ECONNRESET)
		fail_msg("no reset: %s", n > 0 ? "a byte" : n == 0 ? "end" : strerror(errno));
}

void loopback_reset(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(fd);
}
