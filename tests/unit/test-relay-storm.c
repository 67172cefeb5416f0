/* awf-relay under many connections at once, of random lengths, ends and resets. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/relay.h"

#define PAIRS     100
#define THREADS   10
#define BYTES_MAX (4 * 1024 * 1024) /* in each direction of each */
#define STEP      (64 * 1024)

struct side {
	int fd;
	size_t to_send, sent;
	size_t to_receive, received;
	bool ended; /* the other side's stream */
};

struct storm_pair {
	struct side sides[2];
	size_t reset_at; /* bytes that side 0 sends before it breaks off; 0: never */
	uint64_t random;
	const char *complaint;
};

static uint64_t storm_random(struct storm_pair *p, uint64_t below)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random % below;
}

/* The bytes of the stream from any offset on: room for `length` and a word. */
static const char *stream_at(char *buffer, size_t offset, size_t length)
{
	size_t shift = offset % sizeof(uint64_t);

	relay_fill(buffer, offset - shift, length + shift);
	return buffer + shift;
}

static void storm_send(struct storm_pair *p, struct side *s)
{
	static _Thread_local char buffer[STEP + 2 * sizeof(uint64_t)];
	size_t length = MIN(s->to_send - s->sent, 1 + storm_random(p, STEP));
	ssize_t n = send(s->fd, stream_at(buffer, s->sent, length), length,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		p->complaint = "a connection broke while sending";
	s->sent += n > 0 ? (size_t)n : 0;
	if (s->sent == s->to_send)
		(void)shutdown(s->fd, SHUT_WR);
}

static void storm_receive(struct storm_pair *p, struct side *s)
{
	static _Thread_local char got[STEP], wanted[STEP + 2 * sizeof(uint64_t)];
	ssize_t n = recv(s->fd, got, 1 + storm_random(p, STEP), MSG_DONTWAIT);

	if (n < 0) {
		p->complaint = errno == EAGAIN ? NULL : "a connection broke while receiving";
		return;
	}
	s->ended = n == 0;
	if (s->ended && s->received != s->to_receive)
		p->complaint = "a stream ended early";
	else if (memcmp(got, stream_at(wanted, s->received, (size_t)n), (size_t)n) != 0)
		p->complaint = "a stream changed";
	s->received += (size_t)n;
}

static bool side_is_done(const struct side *s)
{
	return s->ended && s->sent == s->to_send;
}

/* The other side of a connection that was broken off sees that, whatever it had received. */
static void storm_reset(struct storm_pair *p)
{
	char buffer[STEP];
	ssize_t n;

	loopback_reset(p->sides[0].fd);
	p->sides[0].fd = -EBADF;
	while ((n = recv(p->sides[1].fd, buffer, sizeof(buffer), 0)) > 0)
		;
	p->complaint = n < 0 && errno == ECONNRESET ? NULL : "a reset was not passed on";
}

/* Serves whatever a side is ready for. */
static void storm_serve(struct storm_pair *p, struct side *s, short ready)
{
	if (ready & POLLOUT)
		storm_send(p, s);
	if (!p->complaint && ready & (POLLIN | POLLHUP | POLLERR))
		storm_receive(p, s);
}

static struct pollfd storm_wish(const struct side *s)
{
	short events = (short)((s->ended ? 0 : POLLIN) | (s->sent < s->to_send ? POLLOUT : 0));

	return (struct pollfd){ .fd = side_is_done(s) ? -1 : s->fd, .events = events };
}

static void storm_run(struct storm_pair *p)
{
	struct side *a = &p->sides[0], *b = &p->sides[1];

	while (!p->complaint && !(side_is_done(a) && side_is_done(b))) {
		struct pollfd fds[] = { storm_wish(a), storm_wish(b) };

		if (poll(fds, 2, RELAY_EXIT_MS) <= 0)
			p->complaint = "a connection stands still";
		else
			storm_serve(p, a, fds[0].revents);
		if (!p->complaint)
			storm_serve(p, b, fds[1].revents);
		if (!p->complaint && p->reset_at > 0 && a->sent >= p->reset_at) {
			storm_reset(p);
			return;
		}
	}
}

static void *storm_thread(void *argument)
{
	struct storm_pair *pairs = argument;

	for (size_t i = 0; i < PAIRS / THREADS; i++)
		storm_run(&pairs[i]);
	return NULL;
}

static void storm_open(const struct relay *r, struct storm_pair *p, size_t number)
{
	struct side *a = &p->sides[0], *b = &p->sides[1];

	*p = (struct storm_pair){ .random = number + 1 };
	for (int i = 0; i < 10; i++)
		(void)storm_random(p, 2);
	if (number % 2)
		relay_connect(r, &a->fd, &b->fd);
	else
		relay_connect(r, &b->fd, &a->fd);
	a->to_send = b->to_receive = 1 + storm_random(p, BYTES_MAX);
	b->to_send = a->to_receive = 1 + storm_random(p, BYTES_MAX);
	p->reset_at = number % 5 == 0 ? 1 + storm_random(p, a->to_send / 2) : 0;
}

static void test_storm(void **state)
{
	struct storm_pair *pairs = xcalloc(PAIRS, sizeof(*pairs));
	pthread_t threads[THREADS];

	for (size_t i = 0; i < PAIRS; i++)
		storm_open(*state, &pairs[i], i);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, storm_thread, &pairs[i * (PAIRS / THREADS)]);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < PAIRS; i++) {
		if (pairs[i].complaint)
			fail_msg("connection %zu: %s", i, pairs[i].complaint);
		(void)fd_close(pairs[i].sides[0].fd);
		(void)fd_close(pairs[i].sides[1].fd);
	}
	free(pairs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_storm, relay_set_up, relay_tear_down),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS("relay-storm", tests);
}
