#include "containers/agent/http-response.h"

#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"

/* A line between chunks: a size in hexadecimal with extensions, or a trailer. */
#define LINE_LIMIT 4096

char *http_response_header(const struct http_response *r, const char *name)
{
	const char *line = r->head.data;
	size_t length = strlen(name);

	while (line && (line = strstr(line, "\r\n"))) {
		line += 2;
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		return xstrndup(line, strcspn(line, "\r\n"));
	}
	return NULL;
}

/* HTTP/1.x, a space, three digits, a space or the end. */
static int parse_status(const char *line, int *status)
{
	_cleanup_free_ char *digits = NULL;
	uint64_t value;

	if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || line[8] != ' ')
		return -EBADMSG;
	digits = xstrndup(line + 9, 3);
	if (parse_uint(digits, 100, 599, &value) < 0 || !strchr(" \r", line[12]))
		return -EBADMSG;
	*status = (int)value;
	return 0;
}

/* How the body is delimited (RFC 9112, 6.3). */
static int begin_body(struct http_response *r)
{
	_cleanup_free_ char *coding = http_response_header(r, "Transfer-Encoding");
	_cleanup_free_ char *length = http_response_header(r, "Content-Length");

	if (r->status == 204 || r->status == 304) {
		r->state = HTTP_RESPONSE_DONE;
	} else if (coding) {
		if (strcasecmp(coding, "chunked") != 0)
			return -EBADMSG;
		r->state = HTTP_RESPONSE_CHUNK_SIZE;
	} else if (length) {
		if (parse_uint(length, 0, UINT64_MAX, &r->remaining) < 0)
			return -EBADMSG;
		r->state = r->remaining > 0 ? HTTP_RESPONSE_BODY : HTTP_RESPONSE_DONE;
	} else {
		r->state = HTTP_RESPONSE_BODY_TO_END;
	}
	return 0;
}

/* Collects up to and with `end`; 1 when it has come. *used is how much of data was taken. */
static int collect(struct strbuf *to, const char *data, size_t length, const char *end,
		   size_t limit, size_t *used)
{
	for (*used = 0; *used < length;) {
		strbuf_append(to, data + (*used)++, 1);
		if (to->length >= strlen(end) &&
		    memcmp(to->data + to->length - strlen(end), end, strlen(end)) == 0)
			return 1;
		if (to->length >= limit)
			return -EMSGSIZE;
	}
	return 0;
}

static int feed_head(struct http_response *r, const char *data, size_t length, size_t *used)
{
	int n = collect(&r->head, data, length, "\r\n\r\n", HTTP_RESPONSE_HEAD_LIMIT, used);

	if (n <= 0)
		return n;
	if (memchr(r->head.data, '\0', r->head.length))
		return -EBADMSG;
	n = parse_status(r->head.data, &r->status);
	if (n < 0)
		return n;
	if (r->status >= 200)
		return begin_body(r);
	strbuf_clear(&r->head); /* an interim response: the real one follows */
	return 0;
}

static int parse_chunk_size(struct http_response *r)
{
	size_t digits = strspn(r->line.data, "0123456789abcdefABCDEF");
	char *end;

	if (digits == 0 || digits > 15)
		return -EBADMSG;
	r->remaining = strtoull(r->line.data, &end, 16);
	if (!strchr(";\r", *end))
		return -EBADMSG;
	r->state = r->remaining > 0 ? HTTP_RESPONSE_CHUNK : HTTP_RESPONSE_TRAILER;
	return 0;
}

/* The line's content; "\r\n" alone is an empty one. */
static int finish_line(struct http_response *r)
{
	bool empty = r->line.length == 2;

	if (r->state == HTTP_RESPONSE_CHUNK_SIZE)
		return parse_chunk_size(r);
	if (r->state == HTTP_RESPONSE_TRAILER) {
		r->state = empty ? HTTP_RESPONSE_DONE : HTTP_RESPONSE_TRAILER;
		return 0;
	}
	r->state = HTTP_RESPONSE_CHUNK_SIZE;
	return empty ? 0 : -EBADMSG;
}

static int feed_line(struct http_response *r, const char *data, size_t length, size_t *used)
{
	int n = collect(&r->line, data, length, "\r\n", LINE_LIMIT, used);

	if (n <= 0)
		return n;
	n = finish_line(r);
	strbuf_clear(&r->line);
	return n;
}

static int feed_body(struct http_response *r, const char *data, size_t length, size_t *used,
		     http_response_fn fn, void *userdata)
{
	bool bounded = r->state != HTTP_RESPONSE_BODY_TO_END;

	*used = bounded ? MIN(length, r->remaining) : length;
	if (bounded) {
		r->remaining -= *used;
		if (r->remaining == 0)
			r->state = r->state == HTTP_RESPONSE_CHUNK ? HTTP_RESPONSE_CHUNK_END
								   : HTTP_RESPONSE_DONE;
	}
	return fn(data, *used, userdata);
}

/* Feeds what the present state can take. */
static int feed_some(struct http_response *r, const char *data, size_t length, size_t *used,
		     http_response_fn fn, void *userdata)
{
	switch (r->state) {
	case HTTP_RESPONSE_HEAD:
		return feed_head(r, data, length, used);
	case HTTP_RESPONSE_BODY:
	case HTTP_RESPONSE_BODY_TO_END:
	case HTTP_RESPONSE_CHUNK:
		return feed_body(r, data, length, used, fn, userdata);
	case HTTP_RESPONSE_CHUNK_SIZE:
	case HTTP_RESPONSE_CHUNK_END:
	case HTTP_RESPONSE_TRAILER:
		return feed_line(r, data, length, used);
	case HTTP_RESPONSE_DONE:
		break;
	}
	*used = length;
	return 0;
}

int http_response_feed(struct http_response *r, const void *data, size_t length,
		       http_response_fn fn, void *userdata)
{
	const char *p = data;

	while (length > 0) {
		size_t used = 0;
		int error = feed_some(r, p, length, &used, fn, userdata);

		if (error != 0)
			return error;
		p += used;
		length -= used;
	}
	return 0;
}

bool http_response_ended(const struct http_response *r)
{
	return r->state == HTTP_RESPONSE_DONE || r->state == HTTP_RESPONSE_BODY_TO_END;
}

void http_response_clear(struct http_response *r)
{
	strbuf_clear(&r->line);
	strbuf_clear(&r->head);
	*r = (struct http_response){ 0 };
}
