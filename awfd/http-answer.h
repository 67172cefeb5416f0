/* Reading one HTTP/1.1 answer (RFC 9112) from bytes, where libcurl can't be used because what
 * follows the head is not HTTP. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/strbuf.h"

struct http_answer {
	int status;
	bool chunked;
	bool has_length;
	size_t length; /* of Content-Length */
};

/* The length of the head that data begins with, its empty line included, or 0 while that is not
 * there. */
size_t http_answer_head_length(const char *data, size_t length);

/* Whether these first bytes can be the beginning of an HTTP/1 answer. */
bool http_answer_begins(const char *data, size_t length);

/* Reads a whole head. -EBADMSG when it is none. */
int http_answer_parse(const char *head, size_t length, struct http_answer *ret) _must_check_;

/* Appends to ret what raw holds of the answer's body. 1 when the body is complete, 0 when more is
 * to come, -EBADMSG when it is no such body. Without a length a body ends with the connection: 0.
 */
int http_answer_body(const struct http_answer *a, const char *raw, size_t length,
		     struct strbuf *ret) _must_check_;
