/* All calls of the proxy: how many run at once, which wait, which are told to come back later. */
#pragma once

#include <event2/http.h>

#include "containers/cli-proxy/exec-call.h"

struct calls;

struct calls *calls_new(struct exec_context *context) _must_check_;

/* Ends every call. */
void calls_free(struct calls *calls);
DEFINE_CLEANUP(struct calls, calls_free)

/* Runs a permitted request now or when its turn comes, or answers that the proxy is busy. Takes
 * both over. */
void calls_submit(struct calls *calls, struct evhttp_request *req, struct exec_request *request,
		  bool streams);

/* The call of that id, or NULL. */
struct exec_call *calls_find(struct calls *calls, const char *id);
