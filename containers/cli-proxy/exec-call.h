/* One call of gh for a client: from the request's acceptance to the answer's end. */
#pragma once

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>

#include "containers/cli-proxy/access-log.h"
#include "containers/cli-proxy/answer.h"
#include "containers/cli-proxy/exec-request.h"
#include "containers/cli-proxy/gh-confinement.h"
#include "containers/cli-proxy/gh-launch.h"
#include "containers/cli-proxy/reaper.h"
#include "containers/cli-proxy/settings.h"

/* What the calls share. */
struct exec_context {
	struct event_base *base;
	struct reaper *reaper;
	struct access_log *log;
	const struct settings *settings;
	const struct gh_confinement *confinement; /* NULL where there can be none */
	const struct err *unconfined;             /* then: why */
	struct answer_budget budget;
	uint64_t file_bytes; /* that the files of all calls may have together */
};

struct exec_call;

/* The call is over, its answer on its way. The callee frees it. Comes from the event loop, once. */
typedef void (*exec_call_fn)(struct exec_call *c, void *userdata);

/* Takes both requests over; the arguments have to be permitted and the environment selected. The
 * call waits, for a bounded time, to be started. */
struct exec_call *exec_call_new(struct exec_context *context, struct evhttp_request *req,
				struct exec_request *request, bool streams, exec_call_fn done,
				void *userdata) _must_check_;
void exec_call_free(struct exec_call *c);

/* Runs gh; if that fails the call ends with an error. company: the other calls. */
void exec_call_start(struct exec_call *c, enum gh_company company);

bool exec_call_is_running(const struct exec_call *c);
const char *exec_call_id(const struct exec_call *c);

/* POST /exec/ID/stdin: the next piece of the files, as long as they are not whole; then of gh's
 * stdin, or its end when the body is empty. Answered when it has been taken. Takes the request
 * over. */
void exec_call_input(struct exec_call *c, struct evhttp_request *req);
