#include "awfd/netns-enter.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/log.h"

#define THIS_NAMESPACE "/proc/thread-self/ns/net"

/* What a new namespace may have inherited from the host. The defaults too: they hold for interfaces
 * that are still to come, and writing 0 over 0 in the file before does not change them. */
static const char *const forwarding_files[] = {
	"/proc/sys/net/ipv4/ip_forward",
	"/proc/sys/net/ipv4/conf/default/forwarding",
	"/proc/sys/net/ipv6/conf/all/forwarding",
	"/proc/sys/net/ipv6/conf/default/forwarding",
};

static int open_this(void)
{
	int fd = open(THIS_NAMESPACE, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The way back. */
static int home = -EBADF;

int netns_enter_remember_home(struct err *e)
{
	home = open_this();
	return home < 0 ? err_system(e, home, "cannot open " THIS_NAMESPACE) : 0;
}

/* What is done in the wrong namespace would hit the host instead of a sandbox, or the reverse. */
static void go_back(void)
{
	if (setns(home, CLONE_NEWNET) == 0)
		return;
	log_error("cannot return to the host's network namespace: %s", strerror(errno));
	abort();
}

int netns_enter(int pidfd, int (*fn)(void *userdata, struct err *e), void *userdata, struct err *e)
{
	static bool inside; /* a nested call would return home too early */
	int r, saved;

	if (inside)
		abort();
	if (home < 0 && (r = netns_enter_remember_home(e)) < 0)
		return r;
	if (setns(pidfd, CLONE_NEWNET) < 0)
		return err_system(e, -errno, "cannot enter the sandbox's network namespace");
	inside = true;
	r = fn(userdata, e);
	saved = errno;
	go_back();
	inside = false;
	errno = saved;
	return r;
}

static int open_this_inside(_unused_ void *userdata, struct err *e)
{
	int fd = open_this();

	return fd < 0 ? err_system(e, fd, "cannot open " THIS_NAMESPACE) : fd;
}

int netns_enter_open(int pidfd, struct err *e)
{
	return netns_enter(pidfd, open_this_inside, NULL, e);
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

int netns_enter_socket(int pidfd, int domain, int type, int protocol, struct err *e)
{
	struct socket_call call = { .domain = domain, .type = type, .protocol = protocol };

	return netns_enter(pidfd, make_socket, &call, e);
}

static int write_zero(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* no IPv6 */
	return fd_write_all(fd, "0\n", 2);
}

/* These files show the namespace of who opens them. */
static int stop_forwarding(_unused_ void *userdata, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(forwarding_files); i++) {
		int r = write_zero(forwarding_files[i]);

		if (r < 0)
			return err_system(e, r, "cannot write %s", forwarding_files[i]);
	}
	return 0;
}

int netns_enter_stop_forwarding(int pidfd, struct err *e)
{
	return netns_enter(pidfd, stop_forwarding, NULL, e);
}
