#include "awfctl/log-set.h"

#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/fd.h"

#define EVENTS_SIZE (16 * (sizeof(struct inotify_event) + NAME_MAX + 1))

struct log_set {
	char *directory;
	struct log_span span;
	struct log_reader *readers[LOG_SOURCE_COUNT]; /* NULL: not there, or not wanted */
	struct log_record heads[LOG_SOURCE_COUNT];    /* the next ones; no object: none yet */
	int watch;
};

/* Some may be missing, as in a directory of copies; one that cannot be read is an error. */
static int open_readers(struct log_set *s, struct err *e)
{
	size_t count = 0;
	int r = -ENOENT;

	for (size_t i = 0; i < LOG_SOURCE_COUNT; i++) {
		if (!s->span.sources[i])
			continue;
		err_clear(e);
		r = log_reader_open(s->directory, (enum log_source)i, &s->readers[i], e);
		if (r < 0 && r != -ENOENT)
			return r;
		count += r == 0;
	}
	if (count == 0)
		return r;
	err_clear(e);
	return 0;
}

int log_set_open(const char *directory, const struct log_span *span, struct log_set **ret,
		 struct err *e)
{
	_cleanup_log_set_ struct log_set *s = xnew(struct log_set);
	int r;

	s->directory = xstrdup(directory);
	s->span = *span;
	s->watch = -EBADF;
	r = open_readers(s, e);
	if (r == 0)
		*ret = TAKE_PTR(s);
	return r;
}

void log_set_free(struct log_set *s)
{
	for (size_t i = 0; s && i < LOG_SOURCE_COUNT; i++) {
		log_reader_free(s->readers[i]);
		log_record_clear(&s->heads[i]);
	}
	if (s) {
		fd_close(s->watch);
		free(s->directory);
	}
	free(s);
}

/* The next record of one log that is in the span. */
static int fill_head(struct log_set *s, size_t i, struct err *e)
{
	struct log_record *head = &s->heads[i];
	int r = 1;

	while (s->readers[i] && !head->object && r > 0) {
		r = log_reader_next(s->readers[i], head, e);
		if (r > 0 && !log_span_has(&s->span, head->time_ms))
			log_record_clear(head);
	}
	return r;
}

int log_set_next(struct log_set *s, struct log_record *ret, struct err *e)
{
	struct log_record *first = NULL;

	for (size_t i = 0; i < LOG_SOURCE_COUNT; i++) {
		int r = fill_head(s, i, e);

		if (r < 0)
			return r;
		if (s->heads[i].object && (!first || s->heads[i].time_ms < first->time_ms))
			first = &s->heads[i];
	}
	if (!first)
		return 0;
	*ret = *first;
	*first = (struct log_record){ 0 };
	return 1;
}

/* --- Following --- */

static int add_watch(const struct log_set *s, enum log_source source, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", s->directory, log_source_file(source));

	if (inotify_add_watch(s->watch, path, IN_MODIFY) < 0)
		return err_system(e, -errno, "cannot follow the log %s", path);
	return 0;
}

int log_set_watch(struct log_set *s, int *fd, struct err *e)
{
	int r = 0;

	s->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->watch < 0)
		return err_system(e, -errno,
				  "cannot follow logs "
				  "(sysctl fs.inotify.max_user_instances)");
	for (size_t i = 0; i < LOG_SOURCE_COUNT && r == 0; i++)
		if (s->readers[i])
			r = add_watch(s, (enum log_source)i, e);
	if (r == 0)
		*fd = s->watch;
	return r;
}

void log_set_clear(struct log_set *s)
{
	_Alignas(struct inotify_event) char events[EVENTS_SIZE];

	while (read(s->watch, events, sizeof(events)) > 0)
		;
}
