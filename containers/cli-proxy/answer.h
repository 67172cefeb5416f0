/* The answer to one POST /exec: either one JSON object at the end, or the engine's stream framing
 * as the output comes. Also tells when the client is lost. */
#pragma once

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stdcopy.h"

#define ANSWER_STREAM_TYPE "application/vnd.docker.multiplexed-stream"

/* Memory that the answers which don't stream hold together: their collected output, and what their
 * clients have not taken yet. Shared by all answers; outlives them. */
struct answer_budget {
	size_t used;
	size_t limit;
};

struct answer_limits {
	struct answer_budget *budget;
	size_t output;    /* bytes of an answer that doesn't stream */
	uint64_t seconds; /* a client that takes nothing of its answer for so long is given up */
};

struct answer_events {
	void (*lost)(void *userdata);                                   /* the client has gone */
	void (*overflow)(int status, const char *text, void *userdata); /* too much output */
	void (*hold)(bool hold, void *userdata); /* the client is slow: stop or go on */
};

struct answer;

/* Takes the request over. */
struct answer *answer_new(struct event_base *base, struct evhttp_request *req, bool streams,
			  const struct answer_limits *limits, const struct answer_events *events,
			  void *userdata) _must_check_;

/* gh has started; id names the call in a streamed answer's head. */
void answer_begin(struct answer *a, const char *id);

/* A piece of gh's output. */
void answer_output(struct answer *a, enum stdcopy_type type, const void *data, size_t length);

/* Sends what is left and frees the answer; no event follows. */
void answer_exit(struct answer *a, int exit_code);

/* The same for a call that failed: an HTTP error, or when the stream has begun its last frame. */
void answer_error(struct answer *a, int status, const char *text);
