/* Reads HTTP/1 requests from a buffer, piece by piece: as much of a head or a body as there is.
 * Knows Content-Length and chunked bodies, and nothing about connections. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct evbuffer;

enum http_state {
	HTTP_HEAD, /* the next byte begins a request */
	HTTP_LENGTH,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_COMPLETE, /* the whole request has been read; http_reader_next() goes on */
};

struct http_reader {
	enum http_state state;
	uint64_t remaining; /* bytes of the body or of the chunk */
};

struct http_head {
	char *method;
	char *uri;
	char **headers; /* "Name: value" */
	bool keep_alive;
	bool upgrade;
};

#define _cleanup_http_head_ _cleanup_(http_head_clear)

void http_head_clear(struct http_head *h);

/* The value of the first header of that name, case ignored, or NULL. Borrowed from h. */
const char *http_head_get(const struct http_head *h, const char *name);

/* 1 with the head in ret when `in` holds all of it; 0 when more has to come; -EBADMSG when it is
 * not HTTP. The wire bytes of the head go to `wire`, or away when that is NULL. */
int http_read_head(struct http_reader *r, struct evbuffer *in, struct evbuffer *wire,
		   struct http_head *ret) _must_check_;

/* Moves what there is of the body: as it came to `wire`, or decoded to `body`; the one that is NULL
 * gets nothing. 1 when the request is complete, 0 when more has to come, -EBADMSG. */
int http_read_body(struct http_reader *r, struct evbuffer *in, struct evbuffer *wire,
		   struct evbuffer *body) _must_check_;

void http_reader_next(struct http_reader *r);
