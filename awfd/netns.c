#include "awfd/netns.h"

#include <netdb.h>
#include <sys/stat.h>

#include "awfd/broker.h"

#define THIS_NAMESPACE "/proc/thread-self/ns/net"

int netns_open(int pidfd, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 };

	broker_put_fd(&request, pidfd);
	return broker_call_fd(BROKER_NETWORK, &request, e);
}

int netns_is_own(int pidfd)
{
	_cleanup_close_ int theirs = netns_open(pidfd, NULL);
	struct stat own, other;

	if (theirs < 0)
		return theirs;
	if (stat(THIS_NAMESPACE, &own) < 0 || fstat(theirs, &other) < 0)
		return -errno;
	return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int netns_socket(int pidfd, int domain, int type, int protocol, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 };

	broker_put_fd(&request, pidfd);
	broker_put_number(&request, domain);
	broker_put_number(&request, type);
	broker_put_number(&request, protocol);
	return broker_call_fd(BROKER_SOCKET, &request, e);
}

int netns_stop_forwarding(int pidfd, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };

	broker_put_fd(&request, pidfd);
	return broker_call(BROKER_STOP_FORWARDING, &request, &answer, e);
}

/* Binds and listens; an IPv6 address is that alone and not IPv4 with it. */
static int start_listening(int fd, const struct sockaddr *address, socklen_t length)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (address->sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, address, length) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

int netns_listen(int pidfd, const struct sockaddr *address, socklen_t length, struct err *e)
{
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
	_cleanup_close_ int fd = netns_socket(pidfd, address->sa_family, SOCK_STREAM, 0, e);
	int r;

	if (fd < 0)
		return fd;
	r = start_listening(fd, address, length);
	if (r == 0)
		return TAKE_FD(fd);
	(void)getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
			  NI_NUMERICHOST | NI_NUMERICSERV);
	return err_system(e, r, "cannot listen on %s port %s in the sandbox", host, port);
}
