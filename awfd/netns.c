#include "awfd/netns.h"

#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"

#define THIS_NAMESPACE "/proc/thread-self/ns/net"

static int open_this(void)
{
	int fd = open(THIS_NAMESPACE, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A descriptor of the namespace that awfd was in when it first asked: the way back. */
static int open_home(void)
{
	static int home = -EBADF;

	if (home < 0)
		home = open_this();
	return home;
}

/* What awfd did in the wrong namespace would hit the host instead of a sandbox, or the reverse. */
static void go_back(int home)
{
	if (setns(home, CLONE_NEWNET) == 0)
		return;
	log_error("cannot return to the host's network namespace: %s", strerror(errno));
	abort();
}

int netns_call(int pidfd, int (*fn)(void *userdata, struct err *e), void *userdata, struct err *e)
{
	static bool inside; /* a nested call would return home too early */
	int home, r, saved;

	if (inside)
		abort();
	home = open_home();
	if (home < 0)
		return err_system(e, home, "cannot open " THIS_NAMESPACE);
	if (setns(pidfd, CLONE_NEWNET) < 0)
		return err_system(e, -errno, "cannot enter the sandbox's network namespace");
	inside = true;
	r = fn(userdata, e);
	saved = errno;
	go_back(home);
	inside = false;
	errno = saved;
	return r;
}

int netns_remember_home(struct err *e)
{
	int home = open_home();

	return home < 0 ? err_system(e, home, "cannot open " THIS_NAMESPACE) : 0;
}

static int open_this_inside(_unused_ void *userdata, struct err *e)
{
	int fd = open_this();

	return fd < 0 ? err_system(e, fd, "cannot open " THIS_NAMESPACE) : fd;
}

int netns_open(int pidfd, struct err *e)
{
	return netns_call(pidfd, open_this_inside, NULL, e);
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

struct socket_call {
	int domain, type, protocol;
};

static int make_socket(void *userdata, struct err *e)
{
	const struct socket_call *call = userdata;
	int fd = socket(call->domain, call->type | SOCK_CLOEXEC | SOCK_NONBLOCK, call->protocol);

	return fd < 0 ? err_system(e, -errno, "cannot make a socket in the sandbox") : fd;
}

int netns_socket(int pidfd, int domain, int type, int protocol, struct err *e)
{
	struct socket_call call = { .domain = domain, .type = type, .protocol = protocol };

	return netns_call(pidfd, make_socket, &call, e);
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
