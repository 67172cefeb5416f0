#include "awfd/relay/report.h"

#include <unistd.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/strbuf.h"

/* In so long there are so many lines of events, and so many of sums. */
#define PERIOD_MS 1000
#define LINES_MAX 16
#define SUMS_MAX  32

struct report {
	int fd;
	struct event *due; /* set while there are sums: the end of the period */
	uint64_t began;    /* the period, by clock_ms() */
	unsigned lines;    /* in it */
	struct relay_event sums[SUMS_MAX];
	size_t sum_count;
	uint64_t untold;
	bool is_cut; /* only a part of the last line could be written */
};

static void append(struct strbuf *text, const struct relay_event *event)
{
	char line[RELAY_EVENT_LINE_MAX];

	strbuf_append(text, line, relay_event_format(event, line));
}

/* What was not told is as soon as there is room again, in a log that is full or that nobody reads.
 */
static void append_untold(struct strbuf *text, const struct report *r)
{
	const struct relay_event untold = { .time_ms = (int64_t)clock_wall_ms(),
					    .kind = RELAY_UNTOLD,
					    .count = r->untold };

	strbuf_puts(text, r->is_cut ? "\n" : "");
	if (r->untold > 0)
		append(text, &untold);
}

static void tell(struct report *r, const struct relay_event *events, size_t count)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	ssize_t n;

	append_untold(&text, r);
	for (size_t i = 0; i < count; i++)
		append(&text, &events[i]);
	n = write(r->fd, text.data, text.length);
	if (n == (ssize_t)text.length) {
		r->untold = 0;
		r->is_cut = false;
		return;
	}
	r->is_cut |= n > 0;
	for (size_t i = 0; i < count; i++)
		r->untold += events[i].count;
}

static void tell_sums(struct report *r)
{
	if (r->sum_count > 0 || r->untold > 0)
		tell(r, r->sums, r->sum_count);
	r->sum_count = 0;
}

static void begin_period(struct report *r, uint64_t now)
{
	tell_sums(r);
	(void)event_del(r->due);
	r->began = now;
	r->lines = 0;
}

static void on_due(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	begin_period(userdata, clock_ms());
}

struct report *report_new(struct event_base *base, int fd)
{
	struct report *r = xnew(struct report);

	r->fd = fd;
	r->due = evtimer_new(base, on_due, r);
	if (!r->due)
		abort();
	return r;
}

static void wait_for_end(struct report *r, uint64_t now)
{
	uint64_t left = PERIOD_MS - MIN(now - r->began, (uint64_t)PERIOD_MS - 1);
	const struct timeval time = { .tv_sec = (time_t)(left / 1000),
				      .tv_usec = (suseconds_t)(left % 1000 * 1000) };

	if (!event_pending(r->due, EV_TIMEOUT, NULL))
		(void)event_add(r->due, &time);
}

static void sum_up(struct report *r, const struct relay_event *event)
{
	for (size_t i = 0; i < r->sum_count; i++) {
		if (relay_event_is_like(&r->sums[i], event)) {
			relay_event_add(&r->sums[i], event);
			return;
		}
	}
	if (r->sum_count == SUMS_MAX)
		r->untold += event->count;
	else
		r->sums[r->sum_count++] = *event;
}

/* Connections over the limit come by the thousand, and one of them is as good as another: they
 * leave the lines to others. */
static bool has_line(const struct report *r, const struct relay_event *event)
{
	return event->kind != RELAY_LIMIT && r->lines < LINES_MAX;
}

void report_add(struct report *r, const struct relay_event *event)
{
	struct relay_event e = *event;
	uint64_t now;

	if (!r)
		return;
	now = clock_ms();
	e.time_ms = (int64_t)clock_wall_ms();
	if (now - r->began >= PERIOD_MS)
		begin_period(r, now);
	if (has_line(r, &e)) {
		r->lines++;
		tell(r, &e, 1);
	} else {
		sum_up(r, &e);
		wait_for_end(r, now);
	}
}

void report_free(struct report *r)
{
	if (!r)
		return;
	tell_sums(r);
	event_free(r->due);
	free(r);
}
