/* HTTP/1.1 over a Unix socket: libcurl's multi interface driven by libevent. Every transfer has a
 * connection of its own that is made once, so nothing is ever sent twice, no idle connection goes
 * stale, and any number of long polls may be open. Knows nothing of the Docker Engine API. */
#pragma once

#include <stdint.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

#define DOCKER_HTTP_ANSWER_MAX (8u << 20) /* bytes of one answer, its head included */

struct docker_http;
struct docker_transfer;

/* What came of a transfer. All borrowed. */
struct docker_http_answer {
	int error;          /* negative errno when there is no whole answer; reason says why */
	const char *reason; /* for people */
	int status;         /* of HTTP, when error is 0 */
	const char *body;   /* NUL-terminated, never NULL when error is 0 */
	size_t length;
};

/* Called once, from the loop and never from inside docker_http_start(). The handle is no longer
 * valid when it is called. */
typedef void (*docker_http_fn)(const struct docker_http_answer *answer, void *userdata);

int docker_http_new(struct event_base *base, const char *socket_path, struct docker_http **ret,
		    struct err *e) _must_check_;
void docker_http_free(struct docker_http *h); /* cancels what is under way */

const char *docker_http_socket_path(const struct docker_http *h);

/* A regular file, read from its beginning to that size, wherever the descriptor stands. */
struct docker_http_file {
	int fd;
	uint64_t size;
};

/* Takes the next piece of an answer. Must not cancel the transfer. */
typedef void (*docker_http_data_fn)(const char *data, size_t length, void *userdata);

/* All borrowed until fn is called or the transfer is cancelled. */
struct docker_http_request {
	const char *method;
	const char *path;                    /* encoded */
	const char *body;                    /* JSON, or NULL */
	const struct docker_http_file *file; /* a tar archive in place of it, or NULL */
	docker_http_data_fn data;            /* gets the body of a 2xx answer, of any length, in
					      * place of fn; or NULL */
};

/* Starts a transfer. There is no time limit: the caller cancels. */
struct docker_transfer *docker_http_start(struct docker_http *h,
					  const struct docker_http_request *request,
					  docker_http_fn fn, void *userdata) _must_check_;

/* Closes the connection; fn is not called any more. NULL is allowed. */
void docker_http_cancel(struct docker_transfer *t);

/* Connects to the engine's socket without waiting: a non-blocking, close-on-exec descriptor, or
 * -errno. -EAGAIN: the engine's queue of connections is full, try again after DOCKER_DIAL_AGAIN_MS.
 */
int docker_http_dial(const struct docker_http *h) _must_check_;

#define DOCKER_DIAL_AGAIN_MS 10

/* Why docker_http_dial() failed, for people: names the socket and what to do. The caller owns it.
 */
char *docker_http_dial_reason(const struct docker_http *h, int error) _must_check_;

/* Percent-encodes a path segment or query value. The caller owns it. */
char *docker_http_encode(const char *text) _must_check_;
