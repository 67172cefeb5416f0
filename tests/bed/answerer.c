/* answerer: something alive to attack. Answers on every given TCP and UDP address with a line that
 * says where it was asked, and records who asked, so that a test can first prove a target reachable
 * and then prove that nothing of a sandbox reached it.
 *
 *     answerer [--record FILE] tcp:ADDRESS:PORT udp:[ADDRESS]:PORT... */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <systemd/sd-daemon.h>

#include "common/alloc.h"

struct answerer {
	struct event_base *base;
	int record; /* JSON lines, or -EBADF */
};

/* One address that answers. */
struct place {
	struct answerer *answerer;
	const char *name; /* as given */
	struct event *udp;
	struct evconnlistener *tcp;
};

static void print_address(const struct sockaddr_storage *sa, char *buffer, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(buffer, size, "%s:%u", host, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(buffer, size, "[%s]:%u", host, ntohs(in6->sin6_port));
	}
}

static void record(const struct place *p, const struct sockaddr_storage *peer)
{
	char from[INET6_ADDRSTRLEN + 10];

	print_address(peer, from, sizeof(from));
	if (p->answerer->record >= 0)
		dprintf(p->answerer->record, "{\"time\":%lld,\"at\":\"%s\",\"peer\":\"%s\"}\n",
			(long long)time(NULL), p->name, from);
}

static void on_written(struct bufferevent *bev, void *arg _unused_)
{
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

/* Drops what the peer says: the answer is the same for everybody. */
static void on_read(struct bufferevent *bev, void *arg _unused_)
{
	struct evbuffer *input = bufferevent_get_input(bev);

	evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_end(struct bufferevent *bev, short events _unused_, void *arg _unused_)
{
	bufferevent_free(bev);
}

static void on_tcp(struct evconnlistener *l _unused_, evutil_socket_t fd, struct sockaddr *peer,
		   int length, void *arg)
{
	struct sockaddr_storage from = { 0 };
	struct place *p = arg;
	struct bufferevent *bev =
		bufferevent_socket_new(p->answerer->base, fd, BEV_OPT_CLOSE_ON_FREE);

	memcpy(&from, peer, (size_t)length);
	record(p, &from);
	bufferevent_setcb(bev, on_read, on_written, on_end, NULL);
	evbuffer_add_printf(bufferevent_get_output(bev), "HTTP/1.0 200 OK\r\n\r\nanswer from %s\n",
			    p->name);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void on_udp(evutil_socket_t fd, short events _unused_, void *arg)
{
	struct sockaddr_storage from = { 0 };
	socklen_t length = sizeof(from);
	struct place *p = arg;
	char data[512];

	if (recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length) < 0)
		return;
	record(p, &from);
	(void)snprintf(data, sizeof(data), "answer from %s\n", p->name);
	(void)sendto(fd, data, strlen(data), 0, (struct sockaddr *)&from, length);
}

static int listen_tcp(struct place *p, const struct sockaddr *sa, int length)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC;

	if (sa->sa_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	p->tcp = evconnlistener_new_bind(p->answerer->base, on_tcp, p, flags, 128, sa, length);
	return p->tcp ? 0 : -errno;
}

static int listen_udp(struct place *p, const struct sockaddr *sa, int length)
{
	int one = 1, fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, sa, (socklen_t)length) < 0)
		return -errno;
	p->udp = event_new(p->answerer->base, fd, EV_READ | EV_PERSIST, on_udp, p);
	return event_add(p->udp, NULL);
}

static const struct {
	const char *prefix;
	int (*listen)(struct place *p, const struct sockaddr *sa, int length);
} protocols[] = {
	{ "tcp:", listen_tcp },
	{ "udp:", listen_udp },
};

static int answer_at(struct answerer *a, const char *name)
{
	struct place *p = xnew(struct place); /* lives as long as the program */
	struct sockaddr_storage sa = { 0 };
	int length = sizeof(sa);

	p->answerer = a;
	p->name = name;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		size_t n = strlen(protocols[i].prefix);

		if (strncmp(name, protocols[i].prefix, n) != 0)
			continue;
		if (evutil_parse_sockaddr_port(name + n, (struct sockaddr *)&sa, &length) < 0)
			return -EINVAL;
		return protocols[i].listen(p, (struct sockaddr *)&sa, length);
	}
	return -EINVAL;
}

static int open_record(const char *path, int *ret)
{
	*ret = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return *ret < 0 ? -errno : 0;
}

static int parse(int argc, char **argv, struct answerer *a)
{
	static const struct option options[] = {
		{ "record", required_argument, NULL, 'r' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (c != 'r' || open_record(optarg, &a->record) < 0)
			return -EINVAL;
	return optind < argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct answerer a = { .record = -EBADF };

	if (parse(argc, argv, &a) < 0) {
		fputs("usage: answerer [--record FILE] tcp:ADDRESS:PORT|udp:ADDRESS:PORT...\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	a.base = event_base_new();
	for (int i = optind; i < argc; i++) {
		int r = answer_at(&a, argv[i]);

		if (r < 0) {
			fprintf(stderr, "answerer: %s: %s\n", argv[i], strerror(-r));
			return 1;
		}
	}
	sd_notify(0, "READY=1");
	return event_base_dispatch(a.base) < 0;
}
