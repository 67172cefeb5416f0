/* Client of the Docker Engine API over a Unix socket: libcurl's multi interface driven by libevent.
 * https://docs.docker.com/engine/api/, versions 1.41 and up. */
#pragma once

#include <stdint.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"

struct docker;
struct docker_call;
struct docker_http_file;

/* Takes a piece of an answer, from the loop. Must not cancel the call. */
typedef void (*docker_data_fn)(const char *data, size_t length, void *userdata);

struct docker_request {
	const char *operation;    /* for people: "create container awf-…-pause" */
	const char *method;       /* "GET", "HEAD", "POST", "DELETE" */
	const char *path;         /* without the version, already encoded: "/containers/x/start" */
	struct json_object *body; /* borrowed, may be NULL */
	int timeout_ms;           /* 0: none (long polls) */
	const int *accept; /* further statuses than 2xx that are success, ended by 0, or NULL:
			    * { 304, 404, 0 } */
	const struct docker_http_file *file; /* a tar archive in place of body: docker-http.h; its
					      * descriptor is borrowed until the end; or NULL */
	docker_data_fn data; /* gets a successful answer as it comes; NULL: the reply has it */
};

/* Called once, from the loop and never from inside docker_call_start(). On success e is NULL,
 * status is the HTTP status and body the answer's JSON or NULL; on failure e is ERR_ENGINE. All
 * borrowed. The handle is no longer valid when it is called. */
typedef void (*docker_reply_fn)(int status, struct json_object *body, const struct err *e,
				void *userdata);

/* A client; no connection is made yet. The first call negotiates the version: the engine's own, at
 * least 1.41; an older engine is an error of every call. After the engine was away it is asked
 * again. */
int docker_new(struct event_base *base, const char *socket_path, struct docker **ret,
	       struct err *e) _must_check_;
void docker_free(struct docker *d); /* cancels what is under way */

/* "1.41", or NULL before the first answer. */
const char *docker_api_version(const struct docker *d);

/* Since when nobody listens on the engine's socket, in seconds since the epoch, as far as calls
 * have found out; 0 while somebody does. The errors of calls say so, too. */
int64_t docker_away_since(const struct docker *d);

/* How many calls have failed so far. */
uint64_t docker_error_count(const struct docker *d);

const char *docker_socket_path(const struct docker *d);

/* Called from the loop whenever the engine was asked for its version: with e NULL when it answered
 * with one that will do, else with why not. It is asked before the first call and after it was
 * away.
 */
typedef void (*docker_watch_fn)(const struct err *e, void *userdata);
void docker_watch(struct docker *d, docker_watch_fn fn, void *userdata);

/* Starts a request; never fails itself, failures reach fn. The handle is for docker_call_cancel().
 */
struct docker_call *docker_call_start(struct docker *d, const struct docker_request *request,
				      docker_reply_fn fn, void *userdata) _must_check_;

/* Gives a request up; fn is not called any more. NULL is allowed. */
void docker_call_cancel(struct docker_call *c);
