#include "awfctl/log-reader.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"
#include "common/timestamp.h"
#include "proto/frame.h"

#define READ_SIZE 65536
#define DEPTH_MAX 16

struct log_reader {
	enum log_source source;
	char *path;
	int fd;
	struct strbuf buffer;
	size_t used; /* of the buffer */
	int64_t time_ms;
};

void log_record_clear(struct log_record *r)
{
	json_putp(&r->object);
	*r = (struct log_record){ 0 };
}

/* It waits for nobody: the owner may hold a lease on the file (F_SETLEASE of fcntl(2)). */
int log_reader_open(const char *directory, enum log_source source, struct log_reader **ret,
		    struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, log_source_file(source));
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct log_reader *r;

	if (fd < 0)
		return err_system(e, -errno, "cannot read the log %s", path);
	r = xnew(struct log_reader);
	*r = (struct log_reader){ .source = source, .path = TAKE_PTR(path), .fd = fd };
	*ret = r;
	return 0;
}

void log_reader_free(struct log_reader *r)
{
	if (!r)
		return;
	fd_close(r->fd);
	strbuf_clear(&r->buffer);
	free(r->path);
	free(r);
}

/* --- Lines --- */

static int read_more(struct log_reader *r, struct err *e)
{
	char piece[READ_SIZE];
	ssize_t n;

	do
		n = read(r->fd, piece, sizeof(piece));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_system(e, -errno, "cannot read the log %s", r->path);
	strbuf_consume(&r->buffer, r->used);
	r->used = 0;
	strbuf_append(&r->buffer, piece, (size_t)n);
	return n > 0;
}

/* The length of the line that the buffer begins with, and how much of the buffer that takes; 0 of
 * one whose end is not there. */
static size_t line_length(const struct log_reader *r, size_t *taken)
{
	const char *begin = r->buffer.data + r->used;
	size_t have = r->buffer.length - r->used;
	const char *newline = have ? memchr(begin, '\n', have) : NULL;

	*taken = newline ? (size_t)(newline - begin) + 1 : have >= LOG_READER_LINE_MAX ? have : 0;
	return newline ? (size_t)(newline - begin) : *taken;
}

/* --- Records --- */

static void tokener_freep(struct json_tokener **t)
{
	json_tokener_free(*t);
}

static struct json_object *parse_line(const char *line, size_t length)
{
	_cleanup_(tokener_freep) struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *text;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tokener, line, (int)length);
	if (json_tokener_get_error(tokener) == json_tokener_success &&
	    json_tokener_get_parse_end(tokener) == length &&
	    json_object_is_type(o, json_type_object))
		return TAKE_PTR(o);
	text = json_object_new_object();
	json_object_object_add(text, "text", json_object_new_string_len(line, (int)length));
	return text;
}

/* What awfd says about the log itself has no time: it is about what is lost there. */
static int64_t time_of(struct json_object *object, int64_t before)
{
	struct json_object *time = NULL;
	int64_t ms;

	if (json_object_object_get_ex(object, "time", &time) &&
	    json_object_is_type(time, json_type_string) &&
	    timestamp_parse_ms(json_object_get_string(time), &ms) == 0)
		return ms;
	return before;
}

int log_reader_next(struct log_reader *r, struct log_record *ret, struct err *e)
{
	size_t taken, length;

	while ((length = line_length(r, &taken)), taken == 0) {
		int more = read_more(r, e);

		if (more <= 0)
			return more;
	}
	ret->source = r->source;
	ret->object = parse_line(r->buffer.data + r->used, length);
	ret->time_ms = r->time_ms = time_of(ret->object, r->time_ms);
	r->used += taken;
	return 1;
}
