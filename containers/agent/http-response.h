/* An HTTP/1.1 response, parsed as it comes. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/strbuf.h"

#define HTTP_RESPONSE_HEAD_LIMIT (16 * 1024)

enum http_response_state {
	HTTP_RESPONSE_HEAD,
	HTTP_RESPONSE_BODY,        /* `remaining` bytes */
	HTTP_RESPONSE_BODY_TO_END, /* until the connection ends */
	HTTP_RESPONSE_CHUNK_SIZE,
	HTTP_RESPONSE_CHUNK, /* `remaining` bytes */
	HTTP_RESPONSE_CHUNK_END,
	HTTP_RESPONSE_TRAILER,
	HTTP_RESPONSE_DONE,
};

/* `{ 0 }` is a fresh one. */
struct http_response {
	enum http_response_state state;
	int status; /* known once the state is past the head */
	uint64_t remaining;
	struct strbuf line; /* the head, then each line between chunks */
	struct strbuf head;
};

/* Takes a piece of the body; `data` is borrowed. Non-zero stops http_response_feed(). */
typedef int (*http_response_fn)(const void *data, size_t length, void *userdata);

/* Takes the next bytes of the connection. 0, -EBADMSG for what is no response, -EMSGSIZE for a head
 * beyond the limit, or what fn returned when it was not 0. Bytes behind the response are ignored.
 */
int http_response_feed(struct http_response *r, const void *data, size_t length,
		       http_response_fn fn, void *userdata) _must_check_;

/* The connection has ended: whether the response is whole. */
bool http_response_ended(const struct http_response *r);

/* The value of a header, or NULL. The caller owns it. */
char *http_response_header(const struct http_response *r, const char *name) _must_check_;

void http_response_clear(struct http_response *r);
