#include "containers/cli-proxy/routes.h"

#include <event2/buffer.h>
#include <string.h>

#include "common/alloc.h"
#include "common/escape.h"
#include "common/strv.h"
#include "containers/cli-proxy/gh-argv.h"
#include "containers/cli-proxy/gh-env.h"
#include "containers/cli-proxy/gh-rules.h"
#include "containers/cli-proxy/reply.h"
#include "containers/gh/refusal.h"

/* libevent answers larger bodies and heads by itself, with a page of its own. The body's limit
 * leaves some room, so that what is just too large is told in JSON. */
#define BODY_LIMIT (EXEC_REQUEST_BODY_LIMIT + 64 * 1024)
#define HEAD_LIMIT (16 * 1024)

/* A client that sends nothing, or takes nothing of a short answer, for this long is given up; one
 * that sends a running gh its stdin is given the time that gh may be idle and this. */
#define STALL_SECONDS 30

#define ALL_METHODS                                                                                \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
	 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

static const struct {
	enum evhttp_cmd_type type;
	const char *name;
} methods[] = {
	{ EVHTTP_REQ_GET, "GET" },       { EVHTTP_REQ_POST, "POST" },
	{ EVHTTP_REQ_HEAD, "HEAD" },     { EVHTTP_REQ_PUT, "PUT" },
	{ EVHTTP_REQ_DELETE, "DELETE" }, { EVHTTP_REQ_OPTIONS, "OPTIONS" },
	{ EVHTTP_REQ_TRACE, "TRACE" },   { EVHTTP_REQ_CONNECT, "CONNECT" },
	{ EVHTTP_REQ_PATCH, "PATCH" },
};

static const char *method_of(struct evhttp_request *req)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].type == evhttp_request_get_command(req))
			return methods[i].name;
	return "?";
}

static void reply_not_found(struct evhttp_request *req)
{
	_cleanup_free_ char *text =
		xasprintf("Not found: %s %s", method_of(req), evhttp_request_get_uri(req));

	reply_error(req, 404, text);
}

static void handle_health(struct routes *r _unused_, struct evhttp_request *req,
			  const char *wildcard _unused_)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "status", json_object_new_string("ok"));
	json_object_object_add(o, "service", json_object_new_string("cli-proxy"));
	reply_json(req, 200, o, NULL);
}

/* What is asked of gh, and what it would need of the agent. */
static int check_call(struct exec_request *r, const struct settings *s, bool streams, struct err *e)
{
	const char *repository = strv_env_get(r->env, "GH_REPO");
	int error = gh_arguments_parse(r->args, &r->arguments, e);

	if (error == 0)
		error = gh_rules_check(&r->arguments, e);
	if (error == 0)
		error = gh_argv_check_repository(&r->arguments,
						 repository ? repository : s->repository, e);
	if (error == 0)
		error = gh_argv_check_files(&r->arguments, r->files, r->file_count, e);
	if (error == 0 && r->files && !streams)
		return refuse(e, 400, "files need Accept: " ANSWER_STREAM_TYPE);
	return error;
}

/* Parses and checks a request; what it wants of the environment is replaced by what it gets. *ret
 * is set as soon as there is one, so that a denied one can be logged. */
static int read_request(const struct settings *s, struct evbuffer *body, bool streams,
			struct exec_request **ret, struct err *e)
{
	size_t length = evbuffer_get_length(body);
	char **selected;
	int error;

	error = exec_request_parse((const char *)evbuffer_pullup(body, -1), length, ret, e);
	if (error < 0)
		return error;
	error = gh_env_select((*ret)->env, &selected, e);
	if (error < 0)
		return error;
	strv_free((*ret)->env);
	(*ret)->env = selected;
	return check_call(*ret, s, streams, e);
}

static void deny(struct routes *r, struct evhttp_request *req, const struct exec_request *request,
		 const struct err *e)
{
	access_log_denied(r->log, request ? request->args : NULL, e->message);
	reply_error(req, e->status, e->message);
}

static bool wants_stream(struct evhttp_request *req)
{
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");

	return accept && strcmp(accept, ANSWER_STREAM_TYPE) == 0;
}

static void handle_exec(struct routes *r, struct evhttp_request *req, const char *wildcard _unused_)
{
	_cleanup_(exec_request_freep) struct exec_request *request = NULL;
	_cleanup_err_ struct err e = { 0 };

	bool streams = wants_stream(req);

	if (read_request(r->settings, evhttp_request_get_input_buffer(req), streams, &request, &e) <
	    0)
		deny(r, req, request, &e);
	else
		calls_submit(r->calls, req, TAKE_PTR(request), streams);
}

static void handle_stdin(struct routes *r, struct evhttp_request *req, const char *wildcard)
{
	struct exec_call *call = calls_find(r->calls, wildcard);

	if (call)
		exec_call_input(call, req);
	else
		reply_error(req, 404, "No such call");
}

/* A path is matched exactly, but for one `*`, which stands for what the handler is given. */
static const struct route {
	enum evhttp_cmd_type method;
	const char *path;
	void (*handle)(struct routes *r, struct evhttp_request *req, const char *wildcard);
} table[] = {
	{ EVHTTP_REQ_GET, "/health", handle_health },
	{ EVHTTP_REQ_POST, "/exec", handle_exec },
	{ EVHTTP_REQ_POST, "/exec/*/stdin", handle_stdin },
};

/* Whether uri matches path; what the `*` stands for is copied to *wildcard, which the caller owns.
 */
static bool path_matches(const char *path, const char *uri, char **wildcard)
{
	const char *star = strchr(path, '*');
	size_t before = star ? (size_t)(star - path) : 0, after, length = strlen(uri);

	if (!star)
		return strcmp(path, uri) == 0;
	after = strlen(star + 1);
	if (length < before + after || strncmp(path, uri, before) != 0 ||
	    strcmp(star + 1, uri + length - after) != 0)
		return false;
	*wildcard = xstrndup(uri + before, length - before - after);
	return true;
}

static void on_request(struct evhttp_request *req, void *userdata)
{
	_cleanup_free_ char *wildcard = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].method == evhttp_request_get_command(req) &&
		    path_matches(table[i].path, evhttp_request_get_uri(req), &wildcard)) {
			table[i].handle(userdata, req, wildcard);
			return;
		}
	}
	reply_not_found(req);
}

void routes_install(struct evhttp *http, struct routes *routes)
{
	evhttp_set_allowed_methods(http, ALL_METHODS);
	evhttp_set_max_body_size(http, BODY_LIMIT);
	evhttp_set_max_headers_size(http, HEAD_LIMIT);
	evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(http, STALL_SECONDS + (int)routes->settings->idle_seconds);
	evhttp_set_gencb(http, on_request, routes);
}
