/* An attacker's view of the network, for the system tests: tries every target at once and prints
 * for each whether it was reached, and if not, why. Static, so that it runs in any container.
 *
 *     probe [-t MILLISECONDS] [-c FILE] tcp:HOST:PORT udp:HOST:PORT icmp:HOST family:NUMBER
 * syscall:NUMBER ...
 *
 * A TCP target is reached when the connection stands, a UDP or ICMP one when something answers; a
 * socket family when a socket of it can be made, a system call when it is not forbidden or unknown.
 * Exit code 0 when at least one was reached, 1 when none was, 2 for wrong usage.
 *
 * With -c it tries again and again until it is killed: FILE holds how many rounds there were, how
 * many attempts, and how many of these reached their target; what was reached is printed, with the
 * time, and for TCP with both ends of the connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define TARGETS_MAX        256
#define TIMEOUT_DEFAULT_MS 1500

/* Between rounds, so that those who are attacked have some of the processor, too. */
#define PAUSE_MS 20

/* An address with its port, as text. */
#define END_MAX (INET6_ADDRSTRLEN + 8)

enum protocol { TCP, UDP, ICMP, FAMILY, SYSCALL };

struct target {
	const char *text;
	enum protocol protocol;
	struct sockaddr_storage address;
	socklen_t length;
	int fd;
	long number; /* of a socket family or a system call */
	bool reached;
	int error;                   /* 0 while it is open, or reached, or when time ran out */
	char ends[2 * END_MAX + 16]; /* of a connection that stands */
};

static const struct {
	const char *name;
	int type, protocol4, protocol6;
} protocols[] = {
	[TCP] = { "tcp", SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP },
	[UDP] = { "udp", SOCK_DGRAM, IPPROTO_UDP, IPPROTO_UDP },
	[ICMP] = { "icmp", SOCK_DGRAM, IPPROTO_ICMP, IPPROTO_ICMPV6 },
	[FAMILY] = { "family", 0, 0, 0 },
	[SYSCALL] = { "syscall", 0, 0, 0 },
};

static void usage(const char *text)
{
	fprintf(stderr, "probe: '%s': expected tcp:HOST:PORT, udp:HOST:PORT or icmp:HOST\n", text);
	exit(2);
}

/* Splits "[v6]:port" or "v4:port"; ICMP has no port. */
static void parse_address(struct target *t, char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&t->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&t->address;
	char *port = t->protocol == ICMP ? NULL : strrchr(text, ':');
	unsigned short number;

	if (port)
		*port++ = '\0';
	number = htons((unsigned short)atoi(port ? port : "0"));
	if (*text == '[') {
		text[strlen(text) - 1] = '\0';
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = number };
		t->length = sizeof(*v6);
		if (inet_pton(AF_INET6, text + 1, &v6->sin6_addr) != 1)
			usage(t->text);
		return;
	}
	*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = number };
	t->length = sizeof(*v4);
	if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
		usage(t->text);
}

static void parse_target(struct target *t, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *colon = strchr(copy, ':');

	t->text = text;
	if (!colon)
		usage(text);
	*colon = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcmp(protocols[i].name, copy) == 0) {
			t->protocol = (enum protocol)i;
			if (i >= FAMILY)
				t->number = atol(colon + 1);
			else
				parse_address(t, colon + 1);
			return;
		}
	}
	usage(text);
}

/* For the name servers of the root, because a DNS server answers nothing else; others don't look.
 */
static const char dns_query[] = "?\n\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1";

static ssize_t send_question(const struct target *t)
{
	bool v6 = t->address.ss_family == AF_INET6;
	/* The checksum of an IPv4 echo request that is zero otherwise; the kernel makes IPv6's. */
	struct icmphdr echo = { .type = v6 ? 128 : ICMP_ECHO, .checksum = v6 ? 0 : htons(0xf7ff) };

	return t->protocol == UDP ? send(t->fd, dns_query, sizeof(dns_query) - 1, MSG_NOSIGNAL)
				  : send(t->fd, &echo, sizeof(echo), MSG_NOSIGNAL);
}

/* With arguments that no system call can do harm with. */
static void start_syscall(struct target *t)
{
	t->reached =
		syscall(t->number, -1, 0, 0, 0, 0, 0) >= 0 || (errno != EPERM && errno != ENOSYS);
	t->error = t->reached ? 0 : errno;
}

static void start_family(struct target *t)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };

	for (size_t i = 0; i < ARRAY_SIZE(types) && !t->reached; i++) {
		t->fd = socket((int)t->number, types[i], 0);
		t->reached = t->fd >= 0;
		t->error = t->reached ? 0 : errno;
	}
}

static void start_connection(struct target *t)
{
	bool v6 = t->address.ss_family == AF_INET6;
	int one = 1;

	t->fd = socket(t->address.ss_family, protocols[t->protocol].type | SOCK_NONBLOCK,
		       v6 ? protocols[t->protocol].protocol6 : protocols[t->protocol].protocol4);
	if (t->fd < 0 &&
	    t->protocol == ICMP) /* who may not ping may still be allowed raw sockets */
		t->fd = socket(t->address.ss_family, SOCK_RAW | SOCK_NONBLOCK,
			       v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (t->fd < 0) {
		t->error = errno;
		return;
	}
	setsockopt(t->fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	if (connect(t->fd, (struct sockaddr *)&t->address, t->length) < 0 && errno != EINPROGRESS)
		t->error = errno;
	else if (t->protocol != TCP && send_question(t) < 0)
		t->error = errno;
}

static void start(struct target *t)
{
	if (t->protocol == FAMILY)
		start_family(t);
	else if (t->protocol == SYSCALL)
		start_syscall(t);
	else
		start_connection(t);
}

typedef int (*end_fn)(int fd, struct sockaddr *address, socklen_t *length);

static int describe_end(int fd, end_fn get, char text[END_MAX])
{
	struct sockaddr_storage address;
	const struct sockaddr_in *v4 = (const void *)&address; /* its port is sin6_port, too */
	const struct sockaddr_in6 *v6 = (const void *)&address;
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	if (get(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	inet_ntop(address.ss_family,
		  address.ss_family == AF_INET6 ? (const void *)&v6->sin6_addr : &v4->sin_addr,
		  host, sizeof(host));
	snprintf(text, END_MAX, "%s %u", host, ntohs(v4->sin_port));
	return 0;
}

/* That there is no error is not enough: a connection that stands has another end. */
static void finish_tcp(struct target *t)
{
	socklen_t length = sizeof(t->error);
	char own[END_MAX], other[END_MAX];

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &t->error, &length) < 0)
		t->error = errno;
	if (t->error == 0)
		t->error = -describe_end(t->fd, getpeername, other);
	if (t->error == 0)
		t->error = -describe_end(t->fd, getsockname, own);
	t->reached = t->error == 0;
	if (t->reached)
		snprintf(t->ends, sizeof(t->ends), "from %s to %s", own, other);
}

static void finish_datagram(struct target *t)
{
	char answer[512];

	t->reached = recv(t->fd, answer, sizeof(answer), 0) >= 0;
	t->error = t->reached ? 0 : errno;
}

static bool is_open(const struct target *t)
{
	return !t->reached && t->error == 0;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits until every target has answered in some way or the time is over. */
static void wait_for_all(struct target *targets, int count, long deadline)
{
	struct pollfd polled[TARGETS_MAX];
	long left;
	int open;

	do {
		open = 0;
		for (int i = 0; i < count; i++) {
			bool waiting = is_open(&targets[i]);

			polled[i].fd = waiting ? targets[i].fd : -1;
			polled[i].events = targets[i].protocol == TCP ? POLLOUT : POLLIN;
			open += waiting;
		}
		left = deadline - now_ms();
		if (open == 0 || left <= 0 || poll(polled, (nfds_t)count, (int)left) <= 0)
			return;
		for (int i = 0; i < count; i++) {
			if (polled[i].fd < 0 || !polled[i].revents)
				continue;
			if (targets[i].protocol == TCP)
				finish_tcp(&targets[i]);
			else
				finish_datagram(&targets[i]);
		}
	} while (true);
}

/* Tries every target once, anew; tells how many were reached. */
static int try_all(struct target *targets, int count, long timeout)
{
	int reached = 0;

	for (int i = 0; i < count; i++) {
		struct target *t = &targets[i];

		t->reached = false;
		t->error = 0;
		t->ends[0] = '\0';
		t->fd = -1;
		start(t);
	}
	wait_for_all(targets, count, now_ms() + timeout);
	for (int i = 0; i < count; i++) {
		reached += targets[i].reached;
		if (targets[i].fd >= 0)
			close(targets[i].fd);
	}
	return reached;
}

static void print_reached(const struct target *targets, int count)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < count; i++)
		if (targets[i].reached)
			printf("%s reached %s, before %lld.%06ld\n", targets[i].text,
			       targets[i].ends, (long long)now.tv_sec, now.tv_nsec / 1000);
	fflush(stdout);
}

/* In one write of always the same length, so that a reader sees one round or the next. */
static void count_rounds(struct target *targets, int count, long timeout, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	long reached = 0;
	char text[64];

	for (long rounds = 1; fd >= 0; rounds++) {
		reached += try_all(targets, count, timeout);
		print_reached(targets, count);
		snprintf(text, sizeof(text), "%010ld %012ld %012ld\n", rounds, rounds * count,
			 reached);
		if (pwrite(fd, text, strlen(text), 0) < 0)
			break;
		poll(NULL, 0, PAUSE_MS);
	}
	perror(path);
	exit(2);
}

int main(int argc, char **argv)
{
	struct target targets[TARGETS_MAX] = { 0 };
	long timeout = TIMEOUT_DEFAULT_MS;
	const char *path = NULL;
	int option, reached;
	int count = 0;

	while ((option = getopt(argc, argv, "+t:c:")) != -1) {
		if (option == 't')
			timeout = atol(optarg);
		else if (option == 'c')
			path = optarg;
		else
			usage("");
	}
	if (argc - optind < 1 || argc - optind > TARGETS_MAX)
		usage("");
	for (int i = optind; i < argc; i++)
		parse_target(&targets[count++], argv[i]);
	if (path)
		count_rounds(targets, count, timeout, path);
	reached = try_all(targets, count, timeout);
	for (int i = 0; i < count; i++) {
		const struct target *t = &targets[i];

		printf("%s %s\n", t->text,
		       t->reached ? "reached"
		       : t->error ? strerror(t->error)
				  : "timeout");
	}
	return reached == 0;
}
