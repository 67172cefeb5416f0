/* awf-relay under many connections at once: 1 GiB in random lengths, half-closes and resets, and
 * readers that are slow. */
#include <float.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/loopback.h"
#include "tests/unit/relay.h"

#define PAIRS          100
#define THREADS        10
#define PAIRS_A_THREAD (PAIRS / THREADS)
#define MIB            (1024 * 1024)
#define GIB            (1024 * (size_t)MIB)
#define PAIR_MIB       12 /* of both directions; an eighth of all is not sent, because of resets */
#define STEP           (64 * 1024)

/* How a connection ends. Either side may be the client, and the first to be done sending. */
enum ending {
	BOTH_END,          /* each side its stream, when it has sent its part */
	BREAKS_OFF,        /* side 0, while it sends */
	BREAKS_OFF_LATE,   /* side 0, when it has sent its part and ended its stream */
	BREAKS_OFF_LISTENS /* side 0, when side 1 has ended its stream */
};

struct side {
	int fd;
	size_t to_send, sent;
	size_t to_receive, received;
	bool finished; /* its own stream */
	bool ended;    /* the other side's stream */
};

struct storm_pair {
	struct side sides[2];
	enum ending ending;
	size_t reset_at; /* bytes that side 0 has sent when it breaks off */
	bool over, was_reset;
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
	if (s->sent == s->to_send && !s->finished) {
		s->finished = true;
		(void)shutdown(s->fd, SHUT_WR);
	}
}

/* Receives what there is, and compares; as recv(2). */
static ssize_t storm_take(struct storm_pair *p, struct side *s, int flags)
{
	static _Thread_local char got[STEP], wanted[STEP + 2 * sizeof(uint64_t)];
	ssize_t n = recv(s->fd, got, 1 + storm_random(p, STEP), flags);

	if (n > 0 && memcmp(got, stream_at(wanted, s->received, (size_t)n), (size_t)n) != 0)
		p->complaint = "a stream changed";
	s->received += n > 0 ? (size_t)n : 0;
	return n;
}

static void storm_receive(struct storm_pair *p, struct side *s)
{
	ssize_t n = storm_take(p, s, MSG_DONTWAIT);

	s->ended = n == 0;
	if (n < 0 && errno != EAGAIN)
		p->complaint = "a connection broke while receiving";
	else if (s->ended && s->received != s->to_receive)
		p->complaint = "a stream ended early";
}

static bool side_is_done(const struct side *s)
{
	return s->ended && s->finished;
}

/* Whether it is time for side 0 to break off. What has ended in both directions cannot break. */
static bool storm_breaks_off(const struct storm_pair *p)
{
	const struct side *a = &p->sides[0], *b = &p->sides[1];

	switch (p->ending) {
	case BOTH_END:
		return false;
	case BREAKS_OFF:
		return a->sent >= p->reset_at && !a->finished;
	case BREAKS_OFF_LATE:
		return a->finished && !b->finished;
	case BREAKS_OFF_LISTENS:
		return a->ended && !a->finished;
	}
	return false;
}

/* The other side of a connection that was broken off sees that, and no end of a stream that had
 * none, whatever it had received. */
static void storm_reset(struct storm_pair *p)
{
	struct side *a = &p->sides[0], *b = &p->sides[1];
	struct pollfd broken = { .fd = b->fd };
	ssize_t n;

	loopback_reset(TAKE_FD(a->fd));
	while ((n = storm_take(p, b, 0)) > 0 && !p->complaint)
		;
	if (n == 0 && !a->finished)
		p->complaint = "a stream that broke off ended";
	else if (n == 0 && (poll(&broken, 1, RELAY_EXIT_MS) != 1 || !(broken.revents & POLLERR)))
		p->complaint = "a reset was not passed on";
	else if (n < 0 && errno != ECONNRESET)
		p->complaint = "a connection that was reset stands still";
	p->was_reset = p->over = true;
}

/* Serves whatever a side is ready for. */
static void storm_serve(struct storm_pair *p, struct side *s, short ready)
{
	if (ready & POLLOUT)
		storm_send(p, s);
	if (!p->complaint && ready & (POLLIN | POLLHUP | POLLERR))
		storm_receive(p, s);
}

static struct pollfd storm_wish(const struct storm_pair *p, const struct side *s)
{
	short events = (short)((s->ended ? 0 : POLLIN) | (s->finished ? 0 : POLLOUT));

	return (struct pollfd){ .fd = p->over || side_is_done(s) ? -1 : s->fd, .events = events };
}

static void storm_step(struct storm_pair *p, const struct pollfd *fds)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->sides); i++)
		if (!p->complaint && fds[i].revents)
			storm_serve(p, &p->sides[i], fds[i].revents);
	if (!p->complaint && storm_breaks_off(p))
		storm_reset(p);
	p->over |= p->complaint || (side_is_done(&p->sides[0]) && side_is_done(&p->sides[1]));
}

static bool storm_is_over(const struct storm_pair *pairs)
{
	for (size_t i = 0; i < PAIRS_A_THREAD; i++)
		if (!pairs[i].over)
			return false;
	return true;
}

static void storm_stands_still(struct storm_pair *pairs)
{
	for (size_t i = 0; i < PAIRS_A_THREAD; i++)
		if (!pairs[i].over)
			pairs[i].complaint = "a connection stands still";
}

/* All pairs of a thread at once. */
static void *storm_thread(void *argument)
{
	struct storm_pair *pairs = argument;
	struct pollfd fds[2 * PAIRS_A_THREAD];

	while (!storm_is_over(pairs)) {
		for (size_t i = 0; i < PAIRS_A_THREAD; i++)
			for (size_t j = 0; j < 2; j++)
				fds[2 * i + j] = storm_wish(&pairs[i], &pairs[i].sides[j]);
		if (poll(fds, 2 * PAIRS_A_THREAD, RELAY_EXIT_MS) <= 0) {
			storm_stands_still(pairs);
			return NULL;
		}
		for (size_t i = 0; i < PAIRS_A_THREAD; i++)
			if (!pairs[i].over)
				storm_step(&pairs[i], &fds[2 * i]);
	}
	return NULL;
}

/* What both send, in random shares, is the same for all. */
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
	a->to_send = b->to_receive = 1 + storm_random(p, PAIR_MIB * MIB - 1);
	b->to_send = a->to_receive = PAIR_MIB * MIB - a->to_send;
	/* Every other connection that breaks off does so from the client's side. */
	p->ending = number / 2 % 5 ? BOTH_END : BREAKS_OFF + (enum ending)(number / 10 % 3);
	p->reset_at = storm_random(p, a->to_send);
}

static size_t storm_close(struct storm_pair *p, size_t number)
{
	size_t received = 0;

	if (p->complaint)
		fail_msg("connection %zu: %s", number, p->complaint);
	for (size_t i = 0; i < ARRAY_SIZE(p->sides); i++) {
		received += p->sides[i].received;
		p->sides[i].fd = fd_close(p->sides[i].fd);
	}
	return received;
}

static void test_storm(void **state)
{
	struct storm_pair *pairs = xcalloc(PAIRS, sizeof(*pairs));
	pthread_t threads[THREADS];
	size_t received = 0, resets = 0;

	for (size_t i = 0; i < PAIRS; i++)
		storm_open(*state, &pairs[i], i);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, storm_thread, &pairs[i * PAIRS_A_THREAD]);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < PAIRS; i++) {
		resets += pairs[i].was_reset;
		received += storm_close(&pairs[i], i);
	}
	assert_true(received >= GIB);
	assert_in_range(resets, PAIRS / 10, PAIRS / 5);
	free(pairs);
}

/* --- Readers that are slow -------------------------------------------------------------------- */

#define SLOW       50
#define OTHERS     4
#define OTHER_MIB  32 /* that each of the others receives in a round */
#define ROUNDS_MIN 9
#define ROUNDS_MAX 60
#define SLOWER_MAX 3.0 /* than without, on a machine with other work */
#define CPU_MAX    1.5
#define SLOW_BYTES 4096 /* that each slow reader takes in a round */
#define QUIET_MS   50   /* without room for more, the way is full */

struct stream {
	int to, from;
	bool good;
};

static void *other_sends(void *argument)
{
	static _Thread_local char buffer[STEP];
	struct stream *s = argument;

	for (size_t sent = 0; sent < (size_t)OTHER_MIB * MIB; sent += STEP) {
		relay_fill(buffer, sent, STEP);
		for (size_t n = 0; n < STEP;) {
			ssize_t r = send(s->from, buffer + n, STEP - n, MSG_NOSIGNAL);

			if (r <= 0)
				return NULL; /* the receiver will miss the rest */
			n += (size_t)r;
		}
	}
	return NULL;
}

static void *other_receives(void *argument)
{
	static _Thread_local char wanted[STEP], got[STEP];
	struct stream *s = argument;

	s->good = true;
	for (size_t have = 0; s->good && have < (size_t)OTHER_MIB * MIB; have += STEP) {
		relay_fill(wanted, have, STEP);
		s->good = recv(s->to, got, STEP, MSG_WAITALL) == STEP &&
			  memcmp(got, wanted, STEP) == 0;
	}
	return NULL;
}

/* Sends to the slow readers until there is no room for more on any way. */
static void fill(const struct stream *slow)
{
	static char buffer[STEP];
	struct pollfd fds[SLOW];

	for (int i = 0; i < SLOW; i++)
		fds[i] = (struct pollfd){ .fd = slow[i].from, .events = POLLOUT };
	while (poll(fds, SLOW, QUIET_MS) > 0)
		for (int i = 0; i < SLOW; i++)
			if (fds[i].revents)
				(void)send(fds[i].fd, buffer, STEP, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Each slow reader takes a little, and gets as much more. */
static void drip(const struct stream *slow)
{
	static char buffer[SLOW_BYTES];

	for (int i = 0; i < SLOW; i++) {
		assert_true(recv(slow[i].to, buffer, SLOW_BYTES, MSG_DONTWAIT) > 0);
		(void)send(slow[i].from, buffer, SLOW_BYTES, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/* What the others' bytes cost. */
struct cost {
	double ms;
	double cpu_ms; /* of the relay */
};

/* The others get their bytes, while the slow ones drip. */
static struct cost others_take(pid_t relay, struct stream *others, const struct stream *slow)
{
	pthread_t senders[OTHERS], receivers[OTHERS];
	double cpu = relay_cpu_ms(relay);
	uint64_t begin = clock_us();

	for (int i = 0; i < OTHERS; i++) {
		pthread_create(&senders[i], NULL, other_sends, &others[i]);
		pthread_create(&receivers[i], NULL, other_receives, &others[i]);
	}
	if (slow)
		drip(slow);
	for (int i = 0; i < OTHERS; i++) {
		pthread_join(senders[i], NULL);
		pthread_join(receivers[i], NULL);
		assert_true(others[i].good);
	}
	return (struct cost){ .ms = (double)(clock_us() - begin) / 1000,
			      .cpu_ms = relay_cpu_ms(relay) - cpu };
}

static void take_best(struct cost *best, struct cost next)
{
	best->ms = MIN(best->ms, next.ms);
	best->cpu_ms = MIN(best->cpu_ms, next.cpu_ms);
}

static bool costs_more(struct cost with, struct cost without)
{
	return with.ms > without.ms * SLOWER_MAX || with.cpu_ms > without.cpu_ms * CPU_MAX;
}

static void open_streams(const struct relay *r, struct stream *streams, size_t count)
{
	for (size_t i = 0; i < count; i++)
		relay_connect(r, &streams[i].to, &streams[i].from);
}

static void close_streams(struct stream *streams, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		streams[i].to = fd_close(streams[i].to);
		streams[i].from = fd_close(streams[i].from);
	}
}

/* Readers that hardly read, each with all the bytes waiting that there is room for, cost the others
 * nothing: they are as fast as through a relay of their own, and cost it as much. What else the
 * machine does only adds to a round, so that each relay's best counts; the rounds alternate, and go
 * on for as long as that may be the reason. */
static void test_slow_readers(void **state)
{
	struct stream beside[OTHERS] = { 0 }, alone[OTHERS] = { 0 }, slow[SLOW] = { 0 };
	struct cost with = { DBL_MAX, DBL_MAX }, without = with;
	const struct relay *r = *state;
	struct relay own = { 0 };
	int rounds = 0;

	relay_start(&own, NULL);
	open_streams(&own, alone, OTHERS);
	open_streams(r, beside, OTHERS);
	open_streams(r, slow, SLOW);
	fill(slow);
	do {
		take_best(&without, others_take(own.pid, alone, NULL));
		take_best(&with, others_take(r->pid, beside, slow));
		rounds++;
	} while (rounds < ROUNDS_MIN || (rounds < ROUNDS_MAX && costs_more(with, without)));
	if (costs_more(with, without))
		fail_msg("%.1f ms beside slow readers, %.1f of them CPU; %.1f and %.1f without",
			 with.ms, with.cpu_ms, without.ms, without.cpu_ms);
	close_streams(slow, SLOW);
	close_streams(beside, OTHERS);
	close_streams(alone, OTHERS);
	relay_stop(&own);
}

int main(void)
{
#define RELAY_TEST(fn) cmocka_unit_test_setup_teardown(fn, relay_set_up, relay_tear_down)
	const struct CMUnitTest tests[] = {
		RELAY_TEST(test_storm),
		RELAY_TEST(test_slow_readers),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS("relay-storm", tests);
}
