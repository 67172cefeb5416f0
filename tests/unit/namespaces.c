#include "tests/unit/namespaces.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "awfd/netns-enter.h"
#include "common/alloc.h"

static void die(const char *what)
{
	perror(what);
	abort();
}

bool namespaces_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root: it makes network namespaces\n");
		return false;
	}
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	if (shell(OWN, "ip link set lo up") != 0)
		die("ip link set lo up");
	return true;
}

static void be_place(int ready)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNET) < 0)
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

struct place place_new(void)
{
	struct place p;
	int ready[2];
	char byte;

	if (pipe(ready) < 0)
		die("pipe");
	p.pid = fork();
	if (p.pid == 0)
		be_place(ready[1]);
	close(ready[1]);
	if (p.pid < 0 || read(ready[0], &byte, 1) != 1)
		die("new namespace");
	close(ready[0]);
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	if (p.pidfd < 0)
		die("pidfd_open");
	return p;
}

void place_end(struct place *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	close(TAKE_FD(p->pidfd));
}

int in_child(int (*fn)(void *userdata), void *userdata)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(userdata));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("child");
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

struct command {
	int pidfd;
	const char *text;
};

static int exec_shell(void *userdata)
{
	const struct command *c = userdata;

	if (c->pidfd != OWN && setns(c->pidfd, CLONE_NEWNET) < 0)
		return 126;
	execl("/bin/sh", "sh", "-c", c->text, (char *)NULL);
	return 127;
}

int shell(int pidfd, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	struct command c = { .pidfd = pidfd };
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	c.text = text;
	return in_child(exec_shell, &c);
}

struct in_addr ipv4(const char *host)
{
	return (struct in_addr){ .s_addr = inet_addr(host) };
}

struct sockaddr_storage address_of(const char *host, uint16_t port)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *in = (void *)&a;
	struct sockaddr_in6 *in6 = (void *)&a;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	} else {
		die(host);
	}
	return a;
}

socklen_t address_length(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int make_socket(int pidfd, int domain, int type, int protocol)
{
	if (pidfd != OWN)
		return netns_enter_socket(pidfd, domain, type, protocol, NULL);
	return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static int bound(int pidfd, int type, const struct sockaddr_storage *a)
{
	const int on = 1;
	int fd = make_socket(pidfd, a->ss_family, type, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const void *)a, address_length(a)) < 0)
		die("bind");
	return fd;
}

int tcp_listen(int pidfd, const char *host, uint16_t port)
{
	struct sockaddr_storage a = address_of(host, port);
	int fd = bound(pidfd, SOCK_STREAM, &a);

	if (listen(fd, SOMAXCONN) < 0)
		die("listen");
	return fd;
}

int udp_bind(int pidfd, const char *host, uint16_t port)
{
	struct sockaddr_storage a = address_of(host, port);

	return bound(pidfd, SOCK_DGRAM, &a);
}

static bool wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* What came of connect(2) on a non-blocking socket. */
static int connect_result(int fd)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (!wait_for(fd, POLLOUT))
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return -error;
}

int tcp_connect(int pidfd, const struct sockaddr_storage *from, const char *host, uint16_t port)
{
	struct sockaddr_storage to = address_of(host, port);
	_cleanup_close_ int fd = from ? bound(pidfd, SOCK_STREAM, from)
				      : make_socket(pidfd, to.ss_family, SOCK_STREAM, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const void *)&to, address_length(&to)) < 0)
		r = errno == EINPROGRESS ? connect_result(fd) : -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

bool tcp_reaches_from(int pidfd, const struct sockaddr_storage *from, const char *host,
		      uint16_t port)
{
	_cleanup_close_ int fd = tcp_connect(pidfd, from, host, port);
	const struct linger reset = { .l_onoff = 1 };

	/* No TIME_WAIT: the next call may want the same ports. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd >= 0;
}

bool tcp_reaches(int pidfd, const char *host, uint16_t port)
{
	return tcp_reaches_from(pidfd, NULL, host, port);
}

bool tcp_reaches_in_time(int pidfd, const char *host, uint16_t port)
{
	bool reached = false;

	for (int tries = 0; tries < 40 && !reached; tries++)
		reached = tcp_reaches(pidfd, host, port);
	return reached;
}

bool udp_reaches(int pidfd, const char *host, uint16_t port, int to)
{
	struct sockaddr_storage a = address_of(host, port);
	_cleanup_close_ int fd = make_socket(pidfd, a.ss_family, SOCK_DGRAM, 0);
	char byte = 'x';

	(void)!sendto(fd, &byte, 1, 0, (const void *)&a, address_length(&a));
	return wait_for(to, POLLIN) && recv(to, &byte, 1, 0) == 1;
}

bool icmp_reaches(int pidfd, const char *host)
{
	struct icmphdr echo = { .type = ICMP_ECHO };
	struct sockaddr_storage a = address_of(host, 0);
	_cleanup_close_ int fd = make_socket(pidfd, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (fd < 0)
		die("ping socket");
	if (sendto(fd, &echo, sizeof(echo), 0, (const void *)&a, address_length(&a)) < 0)
		return false;
	return wait_for(fd, POLLIN) && recv(fd, &echo, sizeof(echo), 0) == sizeof(echo) &&
	       echo.type == ICMP_ECHOREPLY;
}

int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	if (!dir)
		die("/proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}
