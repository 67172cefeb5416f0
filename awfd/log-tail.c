#include "awfd/log-tail.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strbuf.h"

#define READ_SIZE   65536
#define TURN_READS  4 /* pieces of one file in one turn of the loop */
#define EVENTS_SIZE (64 * (sizeof(struct inotify_event) + NAME_MAX + 1))

struct log_tails {
	int fd;
	struct event *event;
	LIST_HEAD(, log_tail) list;
};

struct log_tail {
	struct log_tails *all;
	int fd;
	int watch;
	struct event *more; /* there may be more to read than one turn takes */
	off_t offset;
	off_t punched;
	struct strbuf line; /* the beginning of one whose end is not there yet */
	bool too_long;      /* the rest of this line is passed over */
	bool resuming;      /* what an earlier awfd has read is zeros */
	log_tail_fn fn;
	void *userdata;
	LIST_ENTRY(log_tail) entry;
};

/* --- Lines --- */

static void end_line(struct log_tail *t)
{
	if (!t->too_long)
		t->fn(t->line.length ? t->line.data : "", t->line.length, t->userdata);
	t->too_long = false;
	strbuf_consume(&t->line, t->line.length);
}

static void add_piece(struct log_tail *t, const char *data, size_t length)
{
	if (t->too_long || t->line.length + length > LOG_TAIL_LINE_MAX) {
		t->too_long = true;
		strbuf_consume(&t->line, t->line.length);
	} else {
		strbuf_append(&t->line, data, length);
	}
}

static void take(struct log_tail *t, const char *data, size_t length)
{
	while (length > 0) {
		const char *newline = memchr(data, '\n', length);
		size_t piece = newline ? (size_t)(newline - data) : length;

		add_piece(t, data, piece);
		if (!newline)
			return;
		end_line(t);
		data += piece + 1;
		length -= piece + 1;
	}
}

/* What was read becomes zeros, which take no space and tell the next awfd where to go on: not the
 * beginning of a line, though, whose end is still to come. A file system that can't do it keeps the
 * file whole. */
static void give_back(struct log_tail *t)
{
	off_t end = t->offset - (off_t)t->line.length;

	if (end <= t->punched)
		return;
	(void)fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, t->punched,
			end - t->punched);
	t->punched = end;
}

/* Passes over the zeros that the file begins with. */
static size_t skip_zeros(struct log_tail *t, const char *data, size_t length)
{
	size_t n = 0;

	while (t->resuming && n < length && data[n] == '\0')
		n++;
	if (n < length)
		t->resuming = false;
	return n;
}

/* Reads one piece; false at the end of the file. */
static bool read_piece(struct log_tail *t)
{
	char buffer[READ_SIZE];
	ssize_t n = pread(t->fd, buffer, sizeof(buffer), t->offset);
	size_t zeros;

	if (n <= 0)
		return false;
	t->offset += n;
	zeros = skip_zeros(t, buffer, (size_t)n);
	take(t, buffer + zeros, (size_t)n - zeros);
	give_back(t);
	return true;
}

static void read_turn(struct log_tail *t)
{
	for (int i = 0; i < TURN_READS; i++)
		if (!read_piece(t))
			return;
	event_active(t->more, EV_TIMEOUT, 0);
}

static void on_more(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	read_turn(userdata);
}

void log_tail_drain(struct log_tail *t)
{
	while (read_piece(t))
		;
}

/* --- inotify --- */

static struct log_tail *find(struct log_tails *all, int watch)
{
	struct log_tail *t;

	LIST_FOREACH (t, &all->list, entry)
		if (t->watch == watch)
			return t;
	return NULL;
}

/* Events were lost: any file may have grown. */
static void read_all(struct log_tails *all)
{
	struct log_tail *t;

	LIST_FOREACH (t, &all->list, entry)
		event_active(t->more, EV_TIMEOUT, 0);
}

static void on_events(evutil_socket_t fd, short what _unused_, void *userdata)
{
	_Alignas(struct inotify_event) char buffer[EVENTS_SIZE];
	struct log_tails *all = userdata;
	ssize_t n = read(fd, buffer, sizeof(buffer));

	for (ssize_t at = 0; n > 0 && at < n;) {
		const struct inotify_event *event = (const void *)(buffer + at);
		struct log_tail *t = find(all, event->wd);

		if (event->mask & IN_Q_OVERFLOW)
			read_all(all);
		else if (t)
			event_active(t->more, EV_TIMEOUT, 0);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

int log_tails_new(struct event_base *base, struct log_tails **ret, struct err *e)
{
	struct log_tails *all = xnew(struct log_tails);

	LIST_INIT(&all->list);
	all->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (all->fd < 0) {
		int r = -errno;

		free(all);
		return err_system(e, r,
				  "cannot watch files (sysctl fs.inotify.max_user_instances)");
	}
	all->event = event_new(base, all->fd, EV_READ | EV_PERSIST, on_events, all);
	if (!all->event || event_add(all->event, NULL) < 0)
		abort();
	*ret = all;
	return 0;
}

void log_tails_free(struct log_tails *all)
{
	if (!all)
		return;
	event_free(all->event);
	fd_close(all->fd);
	free(all);
}

/* By descriptor: the path is looked up once. */
static int add_watch(struct log_tail *t)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->fd);
	t->watch = inotify_add_watch(t->all->fd, path, IN_MODIFY);
	return t->watch < 0 ? -errno : 0;
}

/* Behind the hole that the file begins with, or at its end when there is nothing else. */
static off_t first_data(int fd)
{
	off_t at = lseek(fd, 0, SEEK_DATA);

	return at >= 0 ? at : errno == ENXIO ? lseek(fd, 0, SEEK_END) : 0;
}

int log_tail_open(struct log_tails *tails, int fd, log_tail_fn fn, void *userdata,
		  struct log_tail **ret, struct err *e)
{
	struct log_tail *t = xnew(struct log_tail);
	int r;

	*t = (struct log_tail){ .all = tails,
				.fd = fd,
				.fn = fn,
				.userdata = userdata,
				.watch = -1,
				.resuming = true };
	t->more = evtimer_new(event_get_base(tails->event), on_more, t);
	if (!t->more)
		abort();
	LIST_INSERT_HEAD(&tails->list, t, entry);
	r = add_watch(t);
	if (r < 0) {
		log_tail_free(t);
		return err_system(e, r, "cannot follow a log");
	}
	t->offset = t->punched = first_data(t->fd);
	*ret = t;
	return 0;
}

void log_tail_free(struct log_tail *t)
{
	if (!t)
		return;
	LIST_REMOVE(t, entry);
	if (t->watch >= 0)
		(void)inotify_rm_watch(t->all->fd, t->watch);
	event_free(t->more);
	fd_close(t->fd);
	strbuf_clear(&t->line);
	free(t);
}
