/* flood [--once] SOCKET [KIND=COUNT...]: attacks awfd's socket with so many connections of each
 * kind, as fast as they go, each opened again when it ends but for --once. Says "ready" once every
 * one was tried, and, when its stdin says so or ends, what came of them. */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"

#define MESSAGE_MAX (1024 * 1024)
#define EVENTS_MAX  256

/* Fills what a connection sends, in full or again and again. */
typedef void (*fill_fn)(struct strbuf *b);

static void fill_nothing(struct strbuf *b)
{
	strbuf_puts(b, "");
}

static void repeat(struct strbuf *b, const char *text, size_t length)
{
	while (b->length < length)
		strbuf_puts(b, text);
}

static void fill_half(struct strbuf *b)
{
	strbuf_puts(b, "{\"method\":\"io.awf.Sandbox.List\",\"parameters\":{\"");
	repeat(b, "half a message ", MESSAGE_MAX - 100);
}

static void end_message(struct strbuf *b)
{
	strbuf_append(b, "", 1);
}

static void fill_list(struct strbuf *b)
{
	strbuf_puts(b, "{\"method\":\"io.awf.Sandbox.List\"}");
	end_message(b);
}

static void fill_deep(struct strbuf *b)
{
	strbuf_puts(b, "{\"method\":\"io.awf.Sandbox.List\",\"parameters\":");
	repeat(b, "{\"a\":[", MESSAGE_MAX - 10);
	end_message(b);
}

/* As many parts as are allowed, as deep as is allowed, in as many bytes. */
static void fill_costly(struct strbuf *b)
{
	strbuf_puts(b, "{\"method\":\"io.awf.Sandbox.List\",\"parameters\":{\"a\":[[]");
	repeat(b, ",[[],[],[],[[[[[[[[[[]]]]]]]]],{}]]", 35 * 1000);
	strbuf_puts(b, ",\"");
	repeat(b, "filler", MESSAGE_MAX - 100);
	strbuf_puts(b, "\"]}}");
	end_message(b);
}

static void fill_giant(struct strbuf *b)
{
	repeat(b, "no NUL for a long time ", 3 * MESSAGE_MAX);
}

static void fill_start(struct strbuf *b)
{
	strbuf_puts(b, "{\"method\":\"io.awf.Sandbox.Start\",\"parameters\":"
		       "{\"command\":[\"sleep\",\"600\"]}}");
	end_message(b);
}

static const struct kind {
	const char *name;
	fill_fn fill;
	bool repeats;
	bool reads;
} kinds[] = {
	{ "silent", fill_nothing, false, true },     { "half-sent", fill_half, false, true },
	{ "never-reading", fill_list, true, false }, { "list", fill_list, true, true },
	{ "deep", fill_deep, true, true },           { "costly", fill_costly, true, true },
	{ "giant", fill_giant, true, true },         { "start", fill_start, true, true },
};

/* One place of the attack: a connection, or soon one again. */
struct place {
	const struct kind *kind;
	int fd;
	size_t sent;
};

static const char *path;
static struct strbuf payloads[ARRAY_SIZE(kinds)];
static struct place *places;
static size_t place_count;
static int epoll;
static bool once;
static unsigned long opened, refused, ended, received;

static void fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void hang_up(struct place *p)
{
	p->fd = fd_close(p->fd);
	ended++;
}

/* False when awfd's queue is full. */
static bool dial(struct place *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .data.ptr = p };

	memcpy(address.sun_path, path, strlen(path) + 1);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		fail("socket");
	if (connect(p->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		p->fd = fd_close(p->fd);
		if (errno != EAGAIN)
			fail("connect");
		return false;
	}
	p->sent = 0;
	opened++;
	event.events = (p->kind->reads ? EPOLLIN : 0) |
		       (payloads[p->kind - kinds].length > 0 ? EPOLLOUT : 0);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event) < 0)
		fail("epoll_ctl");
	return true;
}

static void stop_sending(struct place *p)
{
	struct epoll_event event = { .events = p->kind->reads ? EPOLLIN : 0, .data.ptr = p };

	if (epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &event) < 0)
		fail("epoll_ctl");
}

static void send_some(struct place *p)
{
	const struct strbuf *b = &payloads[p->kind - kinds];
	ssize_t n = fd_send(p->fd, b->data + p->sent, b->length - p->sent, -EBADF);

	if (n < 0 && n != -EAGAIN) {
		hang_up(p);
		return;
	}
	p->sent += n > 0 ? (size_t)n : 0;
	if (p->sent < b->length)
		return;
	if (p->kind->repeats)
		p->sent = 0;
	else
		stop_sending(p);
}

static void receive_some(struct place *p)
{
	static char buffer[65536];
	ssize_t n = recv(p->fd, buffer, sizeof(buffer), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		hang_up(p);
		return;
	}
	received += n > 0;
	if (n > 0 && memmem(buffer, (size_t)n, "QuotaExceeded", strlen("QuotaExceeded")))
		refused++;
}

static void look_after(struct place *p, uint32_t events)
{
	if (events & EPOLLIN)
		receive_some(p);
	if (p->fd >= 0 && events & EPOLLOUT)
		send_some(p);
	if (p->fd >= 0 && events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
		hang_up(p);
}

/* Opens what is not open: everything has been tried when it comes round. */
static bool open_places(void)
{
	static size_t next;

	for (unsigned i = 0; i < EVENTS_MAX && next < place_count; i++, next++)
		if (places[next].fd < 0 && !dial(&places[next]))
			return false;
	if (next < place_count)
		return false;
	if (!once)
		next = 0;
	return true;
}

static void add_places(const char *argument)
{
	const char *equals = strchr(argument, '=');
	size_t kind, count = equals ? strtoul(equals + 1, NULL, 10) : 0;

	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		if (equals && strlen(kinds[kind].name) == (size_t)(equals - argument) &&
		    strncmp(kinds[kind].name, argument, (size_t)(equals - argument)) == 0)
			break;
	if (kind == ARRAY_SIZE(kinds) || count == 0) {
		fprintf(stderr, "flood: '%s' is no KIND=COUNT\n", argument);
		exit(2);
	}
	places = xrealloc(places, place_count + count, sizeof(*places));
	for (size_t i = 0; i < count; i++)
		places[place_count++] = (struct place){ .kind = &kinds[kind], .fd = -EBADF };
	if (!payloads[kind].data)
		kinds[kind].fill(&payloads[kind]);
}

static void attack(void)
{
	struct epoll_event events[EVENTS_MAX], input = { .events = EPOLLIN };
	bool ready = false;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0)
		fail("epoll_ctl");
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS_MAX, 1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return;
			look_after(events[i].data.ptr, events[i].events);
		}
		if (open_places() && !ready) {
			ready = true;
			puts("ready");
			fflush(stdout);
		}
	}
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("setrlimit");
}

int main(int argc, char **argv)
{
	once = argc > 1 && strcmp(argv[1], "--once") == 0;
	argc -= once;
	argv += once;
	if (argc < 2 || strlen(argv[1]) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		fputs("Usage: flood [--once] SOCKET KIND=COUNT...\n", stderr);
		return 2;
	}
	path = argv[1];
	raise_descriptor_limit();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc; i++)
		add_places(argv[i]);
	attack();
	printf("opened %lu refused %lu ended %lu received %lu\n", opened, refused, ended, received);
	return EXIT_SUCCESS;
}
