#include "tests/bed/http-reader.h"

#include <string.h>
#include <strings.h>

#include <event2/buffer.h>

#include "common/alloc.h"
#include "common/strv.h"

enum { MAX_HEAD = 256 * 1024 };

void http_head_clear(struct http_head *h)
{
	free(h->method);
	free(h->uri);
	strv_free(h->headers);
	*h = (struct http_head){ 0 };
}

const char *http_head_get(const struct http_head *h, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; h->headers && h->headers[i]; i++) {
		const char *line = h->headers[i];

		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}

/* Moves n bytes to `to`, or away. */
static void take(struct evbuffer *in, size_t n, struct evbuffer *to)
{
	if (to)
		evbuffer_remove_buffer(in, to, n);
	else
		evbuffer_drain(in, n);
}

static bool parse_request_line(char *line, struct http_head *h)
{
	char *method = strsep(&line, " ");
	char *uri = strsep(&line, " ");

	if (!uri || !line || strncmp(line, "HTTP/1.", 7) != 0)
		return false;
	h->method = xstrdup(method);
	h->uri = xstrdup(uri);
	h->keep_alive = line[7] == '1';
	return true;
}

static bool has_token(const char *value, const char *token)
{
	return value && strcasestr(value, token);
}

static int parse_head(char *text, struct http_head *h)
{
	char *line = strsep(&text, "\n");

	line[strcspn(line, "\r")] = '\0';
	if (!parse_request_line(line, h))
		return -EBADMSG;
	while ((line = strsep(&text, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (*line)
			strv_append(&h->headers, line);
	}
	if (has_token(http_head_get(h, "Connection"), "close"))
		h->keep_alive = false;
	h->upgrade = http_head_get(h, "Upgrade") != NULL;
	return 0;
}

/* How the body is framed, as far as requests go: without either header there is none. */
static int begin_body(struct http_reader *r, const struct http_head *h)
{
	const char *length = http_head_get(h, "Content-Length");
	char *end;

	if (has_token(http_head_get(h, "Transfer-Encoding"), "chunked")) {
		r->state = HTTP_CHUNK_SIZE;
		return 0;
	}
	r->remaining = 0;
	if (length) {
		errno = 0;
		r->remaining = strtoull(length, &end, 10);
		if (errno || *end || end == length)
			return -EBADMSG;
	}
	r->state = HTTP_LENGTH;
	return 0;
}

int http_read_head(struct http_reader *r, struct evbuffer *in, struct evbuffer *wire,
		   struct http_head *ret)
{
	_cleanup_http_head_ struct http_head h = { 0 };
	_cleanup_free_ char *text = NULL;
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t n;

	if (end.pos < 0)
		return evbuffer_get_length(in) > MAX_HEAD ? -EBADMSG : 0;
	n = (size_t)end.pos + 4;
	text = xcalloc(n + 1, 1);
	evbuffer_copyout(in, text, n);
	if (parse_head(text, &h) < 0 || begin_body(r, &h) < 0)
		return -EBADMSG;
	take(in, n, wire);
	*ret = h;
	h = (struct http_head){ 0 };
	return 1;
}

/* One line up to and with its LF; 1 when it was there. *ret_value is its leading hexadecimal
 * number, *ret_empty whether there was nothing before the line's end. */
static int take_line(struct evbuffer *in, struct evbuffer *wire, uint64_t *ret_value,
		     bool *ret_empty)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\n", 1, NULL);
	char line[64] = "";

	if (end.pos < 0)
		return evbuffer_get_length(in) > MAX_HEAD ? -EBADMSG : 0;
	evbuffer_copyout(in, line, MIN((size_t)end.pos, sizeof(line) - 1));
	*ret_value = strtoull(line, NULL, 16);
	*ret_empty = *line == '\0' || *line == '\r';
	take(in, (size_t)end.pos + 1, wire);
	return 1;
}

/* As much of the counted bytes as there is; 1 when none remain. */
static int take_counted(struct http_reader *r, struct evbuffer *in, struct evbuffer *to)
{
	size_t n = (size_t)MIN(r->remaining, (uint64_t)evbuffer_get_length(in));

	take(in, n, to);
	r->remaining -= n;
	return r->remaining == 0;
}

/* One step of the body: 1 when the state has changed, 0 when more has to come. */
static int step_body(struct http_reader *r, struct evbuffer *in, struct evbuffer *wire,
		     struct evbuffer *data)
{
	uint64_t value = 0;
	bool empty = false;
	int done;

	switch (r->state) {
	case HTTP_LENGTH:
		done = take_counted(r, in, data);
		if (done > 0)
			r->state = HTTP_COMPLETE;
		return done;
	case HTTP_CHUNK_SIZE:
		done = take_line(in, wire, &value, &empty);
		if (done > 0 && empty)
			return -EBADMSG;
		if (done > 0)
			r->state = value > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILER;
		r->remaining = value;
		return done;
	case HTTP_CHUNK_DATA:
		done = take_counted(r, in, data);
		if (done > 0)
			r->state = HTTP_CHUNK_END;
		return done;
	case HTTP_CHUNK_END:
		done = take_line(in, wire, &value, &empty);
		if (done > 0)
			r->state = HTTP_CHUNK_SIZE;
		return done;
	case HTTP_TRAILER:
		done = take_line(in, wire, &value, &empty);
		if (done > 0 && empty)
			r->state = HTTP_COMPLETE;
		return done;
	case HTTP_HEAD:
	case HTTP_COMPLETE:
		break;
	}
	return 0;
}

int http_read_body(struct http_reader *r, struct evbuffer *in, struct evbuffer *wire,
		   struct evbuffer *body)
{
	int done = 1;

	while (done > 0 && r->state != HTTP_COMPLETE)
		done = step_body(r, in, wire, wire ? wire : body);
	return done < 0 ? done : r->state == HTTP_COMPLETE;
}

void http_reader_next(struct http_reader *r)
{
	*r = (struct http_reader){ .state = HTTP_HEAD };
}
