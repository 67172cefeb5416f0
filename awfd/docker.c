#include "awfd/docker.h"

#include <malloc.h>
#include <string.h>
#include <sys/queue.h>

#include "awfd/docker-answer.h"
#include "awfd/docker-http.h"
#include "awfd/docker-internal.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/timestamp.h"

#define NEGOTIATION_TIMEOUT_MS 10000

/* Behind a longer answer (a list of a hundred containers) the heap is given back to the kernel: its
 * JSON takes ten times as much, in small pieces that free(3) would keep for good. */
#define LARGE_ANSWER (64 * 1024)

enum call_state {
	CALL_WAITING, /* for the API version */
	CALL_RUNNING,
	CALL_SETTLED, /* outcome known, completes from the loop */
};

struct docker_call {
	struct docker *docker;
	TAILQ_ENTRY(docker_call) link;
	enum call_state state;
	char *operation;
	char *method; /* NULL: nothing to ask, see docker_negotiate() */
	char *path;
	char *body;
	bool has_file;
	struct docker_http_file file;
	docker_data_fn data; /* or NULL */
	int *accept;         /* ended by 0, or NULL */
	int timeout_ms;
	bool negotiates; /* the question for the version itself */
	bool asked_again;
	struct event *limit;
	struct event *settled;
	struct docker_transfer *transfer;
	char *url_path;
	struct err failure; /* of a settled call; error 0 for success */
	docker_reply_fn fn;
	void *userdata;
};

struct docker {
	struct event_base *base;
	struct docker_http *http;
	char *version;                   /* "1.41", or NULL while unknown */
	struct docker_call *negotiation; /* under way, or NULL; also in calls */
	docker_watch_fn watch;           /* or NULL */
	void *watch_userdata;
	TAILQ_HEAD(, docker_call) calls;
	int64_t away_since_s; /* wall clock, UTC: when it went away, or may have; 0: it answers */
	bool away;            /* nobody listens on its socket */
	uint64_t errors;      /* calls that failed */
};

/* --- The end of a call --- */

static void call_stop(struct docker_call *c)
{
	docker_http_cancel(TAKE_PTR(c->transfer));
	if (c->limit)
		event_free(TAKE_PTR(c->limit));
	if (c->settled)
		event_free(TAKE_PTR(c->settled));
}

static void call_free(struct docker_call *c)
{
	call_stop(c);
	free(c->operation);
	free(c->method);
	free(c->path);
	free(c->url_path);
	free(c->body);
	free(c->accept);
	err_clear(&c->failure);
	free(c);
}

void docker_call_cancel(struct docker_call *c)
{
	if (!c)
		return;
	TAILQ_REMOVE(&c->docker->calls, c, link);
	call_free(c);
}

static void call_end(struct docker_call *c, int status, struct json_object *body,
		     const struct err *e)
{
	TAILQ_REMOVE(&c->docker->calls, c, link);
	c->docker->errors += e != NULL;
	call_stop(c);
	c->fn(status, body, e, c->userdata);
	call_free(c);
}

static void call_fail(struct docker_call *c, int error, int status, const char *message)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_engine(&e, error, c->operation, status, message);
	call_end(c, status, NULL, &e);
}

static void on_settled(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_call *c = userdata;

	call_end(c, c->failure.status, NULL, c->failure.error ? &c->failure : NULL);
}

/* Completes a call from the loop, soon; with the failure of another call when that is not NULL. */
static void call_settle(struct docker_call *c, const struct err *why)
{
	c->state = CALL_SETTLED;
	if (why)
		(void)err_engine(&c->failure, why->error, c->operation, why->status, why->message);
	c->settled = evtimer_new(c->docker->base, on_settled, c);
	if (!c->settled)
		abort(); /* out of memory */
	event_active(c->settled, EV_TIMEOUT, 0);
}

static void on_limit(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	_cleanup_free_ char *message = NULL;
	struct docker_call *c = userdata;

	message = xasprintf("no answer within %d ms", c->timeout_ms);
	call_fail(c, -ETIMEDOUT, 0, message);
}

/* --- A call --- */

static bool call_accepts(const struct docker_call *c, int status)
{
	if (status >= 200 && status < 300)
		return true;
	for (const int *s = c->accept; s && *s; s++) {
		if (*s == status)
			return true;
	}
	return false;
}

static void docker_ask_version(struct docker *d);
static void docker_lost(struct docker *d);
static void docker_answered(struct docker *d);

static void call_wait_for_version(struct docker_call *c)
{
	c->state = CALL_WAITING;
	docker_ask_version(c->docker);
}

static void call_succeed(struct docker_call *c, const struct docker_http_answer *answer)
{
	const size_t length = answer->length;
	struct json_object *body = docker_answer_json(answer->body, length);

	if (!body && length > 0 && answer->status < 300)
		call_fail(c, -EBADMSG, answer->status, "the answer is not JSON");
	else
		call_end(c, answer->status, body, NULL);
	json_object_put(body);
	if (length > LARGE_ANSWER)
		(void)malloc_trim(0);
}

static void on_answer(const struct docker_http_answer *answer, void *userdata)
{
	_cleanup_free_ char *message = NULL;
	struct docker_call *c = userdata;

	c->transfer = NULL;
	if (answer->error < 0) {
		message = docker_broken(c->docker, answer->error, answer->reason);
		call_fail(c, answer->error, 0, message);
		return;
	}
	docker_answered(c->docker);
	if (!c->negotiates && !c->asked_again &&
	    docker_answer_refuses_version(answer->status, answer->body, answer->length)) {
		docker_lost(c->docker);
		c->asked_again = true;
		call_wait_for_version(c);
		return;
	}
	if (call_accepts(c, answer->status)) {
		call_succeed(c, answer);
		return;
	}
	message = docker_answer_message(answer->body, answer->length);
	call_fail(c, docker_answer_errno(answer->status), answer->status, message);
}

static void on_data(const char *data, size_t length, void *userdata)
{
	struct docker_call *c = userdata;

	c->data(data, length, c->userdata);
}

/* Sends a call whose turn it is. Completes nothing. */
static void call_send(struct docker_call *c)
{
	struct docker *d = c->docker;
	struct docker_http_request request = { .method = c->method,
					       .body = c->body,
					       .file = c->has_file ? &c->file : NULL,
					       .data = c->data ? on_data : NULL };

	if (!c->method) {
		call_settle(c, NULL);
		return;
	}
	c->state = CALL_RUNNING;
	free(c->url_path);
	c->url_path = c->negotiates ? xstrdup(c->path) : xasprintf("/v%s%s", d->version, c->path);
	request.path = c->url_path;
	c->transfer = docker_http_start(d->http, &request, on_answer, c);
}

static int *copy_statuses(const int *statuses)
{
	size_t n = 0;
	int *ret;

	if (!statuses)
		return NULL;
	while (statuses[n])
		n++;
	ret = xcalloc(n + 1, sizeof(*ret));
	memcpy(ret, statuses, n * sizeof(*ret));
	return ret;
}

static void call_set_limit(struct docker_call *c, int timeout_ms)
{
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	if (timeout_ms <= 0)
		return;
	c->timeout_ms = timeout_ms;
	c->limit = evtimer_new(c->docker->base, on_limit, c);
	if (!c->limit || event_add(c->limit, &tv) < 0)
		abort(); /* out of memory */
}

static struct docker_call *call_new(struct docker *d, const struct docker_request *request,
				    docker_reply_fn fn, void *userdata)
{
	struct docker_call *c = xnew(struct docker_call);

	c->docker = d;
	c->operation = xstrdup(request->operation);
	c->method = xstrdup(request->method);
	c->path = xstrdup(request->path);
	c->accept = copy_statuses(request->accept);
	if (request->body)
		c->body = xstrdup(json_object_to_json_string_ext(
			request->body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	c->has_file = request->file;
	if (request->file)
		c->file = *request->file;
	c->data = request->data;
	c->fn = fn;
	c->userdata = userdata;
	TAILQ_INSERT_TAIL(&d->calls, c, link);
	call_set_limit(c, request->timeout_ms);
	return c;
}

struct docker_call *docker_call_start(struct docker *d, const struct docker_request *request,
				      docker_reply_fn fn, void *userdata)
{
	struct docker_call *c = call_new(d, request, fn, userdata);

	if (d->version)
		call_send(c);
	else
		call_wait_for_version(c);
	return c;
}

struct docker_call *docker_negotiate(struct docker *d, const char *operation, docker_reply_fn fn,
				     void *userdata)
{
	return docker_call_start(d, &(struct docker_request){ .operation = operation }, fn,
				 userdata);
}

/* --- The API version --- */

/* Lets every waiting call go on, or settles it with the reason why it can't. */
static void docker_release(struct docker *d, const struct err *e)
{
	struct docker_call *c;

	TAILQ_FOREACH (c, &d->calls, link) {
		if (c->state != CALL_WAITING)
			continue;
		if (e)
			call_settle(c, e);
		else
			call_send(c);
	}
}

static void on_version(_unused_ int status, struct json_object *body, const struct err *failure,
		       void *userdata)
{
	_cleanup_err_ struct err e = { 0 };
	struct docker *d = userdata;
	int r = -EIO;

	d->negotiation = NULL;
	if (failure)
		err_copy(&e, failure);
	else
		r = docker_answer_version(body, &d->version, &e);
	docker_release(d, r < 0 ? &e : NULL);
	if (d->watch)
		d->watch(r < 0 ? &e : NULL, d->watch_userdata);
}

static void docker_ask_version(struct docker *d)
{
	if (d->negotiation)
		return;
	d->negotiation = call_new(d,
				  &(struct docker_request){
					  .operation = "ask for the API version",
					  .method = "GET",
					  .path = "/version",
					  .timeout_ms = NEGOTIATION_TIMEOUT_MS,
				  },
				  on_version, d);
	d->negotiation->negotiates = true;
	call_send(d->negotiation);
}

static void docker_lost(struct docker *d)
{
	free(TAKE_PTR(d->version));
}

/* --- Whether it is there --- */

static void note_absence(struct docker *d, const char *since, const char *reason)
{
	if (!d->away)
		log_warning("Docker Engine unavailable since %s: %s", since, reason);
	d->away = true;
}

/* A connection that ends early is the beginning of an absence if nothing is answered before the
 * next attempt finds nobody there. */
char *docker_broken(struct docker *d, int error, const char *reason)
{
	const bool absent = error == -ENOENT || error == -ECONNREFUSED;
	_cleanup_free_ char *since = NULL;

	docker_lost(d);
	if ((absent || error == -ECONNRESET) && d->away_since_s == 0)
		d->away_since_s = (int64_t)(clock_wall_ms() / 1000);
	if (!absent)
		return xstrdup(reason);
	since = timestamp_of_seconds(d->away_since_s);
	note_absence(d, since, reason);
	return xasprintf("Docker Engine unavailable since %s: %s", since, reason);
}

static void docker_answered(struct docker *d)
{
	_cleanup_free_ char *since = NULL;

	if (d->away) {
		since = timestamp_of_seconds(d->away_since_s);
		log_info("the Docker Engine answers again; it was unavailable since %s", since);
	}
	d->away = false;
	d->away_since_s = 0;
}

int64_t docker_away_since(const struct docker *d)
{
	return d->away ? d->away_since_s : 0;
}

/* --- The client --- */

const char *docker_api_version(const struct docker *d)
{
	return d->version;
}

uint64_t docker_error_count(const struct docker *d)
{
	return d->errors;
}

const char *docker_socket_path(const struct docker *d)
{
	return docker_http_socket_path(d->http);
}

void docker_watch(struct docker *d, docker_watch_fn fn, void *userdata)
{
	d->watch = fn;
	d->watch_userdata = userdata;
}

struct docker_http *docker_transport(const struct docker *d)
{
	return d->http;
}

struct event_base *docker_event_base(const struct docker *d)
{
	return d->base;
}

void docker_free(struct docker *d)
{
	if (!d)
		return;
	while (!TAILQ_EMPTY(&d->calls))
		docker_call_cancel(TAILQ_FIRST(&d->calls));
	docker_http_free(d->http);
	free(d->version);
	free(d);
}

int docker_new(struct event_base *base, const char *socket_path, struct docker **ret, struct err *e)
{
	struct docker_http *http = NULL;
	struct docker *d;
	int r;

	r = docker_http_new(base, socket_path, &http, e);
	if (r < 0)
		return r;
	d = xnew(struct docker);
	d->base = base;
	d->http = http;
	TAILQ_INIT(&d->calls);
	*ret = d;
	return 0;
}
