#include "awfd/docker-attach.h"

#include <sys/socket.h>

#include "awfd/docker-answer.h"
#include "awfd/docker-internal.h"
#include "awfd/http-answer.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"

#define HEAD_MAX (16u << 10)
#define BODY_MAX (16u << 10) /* of an error answer */

/* What is typed on a terminal is the command's alone: the engine takes keys out of it, Ctrl-P and
 * Ctrl-Q when it is not told which. These are bytes that no text has. */
#define NO_DETACH_KEYS "%%FE,%%FF,%%FE,%%FF,%%FE,%%FF,%%FE,%%FF"

struct docker_attach {
	struct docker *docker;
	struct docker_call *negotiation;
	char *operation;
	char *name;
	bool open_stdin;
	int timeout_ms;
	int fd;
	struct event *limit;
	struct event *step; /* what is waited for: another dial, or fd */
	struct strbuf request;
	struct strbuf head;
	struct strbuf body; /* as received */
	struct http_answer answer;
	docker_attach_fn fn;
	void *userdata;
};

/* --- The end --- */

static void attach_free(struct docker_attach *a)
{
	docker_call_cancel(a->negotiation);
	if (a->step)
		event_free(a->step);
	if (a->limit)
		event_free(a->limit);
	(void)fd_close(a->fd);
	strbuf_clear(&a->request);
	strbuf_clear(&a->head);
	strbuf_clear(&a->body);
	free(a->operation);
	free(a->name);
	free(a);
}

void docker_attach_cancel(struct docker_attach *a)
{
	if (a)
		attach_free(a);
}

static void attach_end(struct docker_attach *a, int fd, const struct err *e)
{
	docker_attach_fn fn = a->fn;
	void *userdata = a->userdata;

	attach_free(a);
	fn(fd, e, userdata);
}

static void attach_fail(struct docker_attach *a, int error, int status, const char *message)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_engine(&e, error, a->operation, status, message);
	attach_end(a, -EBADF, &e);
}

/* The connection failed, or ended too early: the engine went away. */
static void attach_lost(struct docker_attach *a, int error, const char *message)
{
	_cleanup_free_ char *told = docker_broken(a->docker, error, message);

	attach_fail(a, error, 0, told);
}

static void on_limit(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	_cleanup_free_ char *message = NULL;
	struct docker_attach *a = userdata;

	message = xasprintf("no answer within %d ms", a->timeout_ms);
	attach_fail(a, -ETIMEDOUT, 0, message);
}

/* Waits for what the next step needs; replaces what was waited for. */
static void attach_await(struct docker_attach *a, short events, const struct timeval *tv,
			 event_callback_fn fn)
{
	if (a->step)
		event_free(a->step);
	a->step = event_new(docker_event_base(a->docker), a->fd >= 0 ? a->fd : -1, events, fn, a);
	if (!a->step || event_add(a->step, tv) < 0)
		abort(); /* out of memory */
}

/* --- The answer --- */

/* Reports an answer other than 101 as far as it came. */
static void attach_refused(struct docker_attach *a, const struct strbuf *body)
{
	_cleanup_free_ char *message = NULL;
	int status = a->answer.status;

	message = docker_answer_message(body->data ? body->data : "", body->length);
	attach_fail(a, docker_answer_errno(status), status, message);
}

static void on_body(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	_cleanup_strbuf_ struct strbuf body = { 0 };
	struct docker_attach *a = userdata;
	char data[4096];
	ssize_t n;

	n = recv(a->fd, data, sizeof(data), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	strbuf_append(&a->body, data, n > 0 ? (size_t)n : 0);
	if (http_answer_body(&a->answer, a->body.data, a->body.length, &body) != 0 || n <= 0 ||
	    a->body.length > BODY_MAX)
		attach_refused(a, &body);
}

static void attach_read_head(struct docker_attach *a)
{
	if (http_answer_parse(a->head.data, a->head.length, &a->answer) < 0)
		attach_fail(a, -EBADMSG, 0, "the answer is not HTTP");
	else if (a->answer.status == 101)
		attach_end(a, TAKE_FD(a->fd), NULL);
	else if (a->answer.status < 300)
		attach_fail(a, -EPROTO, a->answer.status, "the engine did not switch protocols");
	else
		attach_await(a, EV_READ | EV_PERSIST, NULL, on_body);
}

/* Takes bytes from the socket that were seen already: they are there. */
static int discard(int fd, size_t length)
{
	char data[4096];
	ssize_t n;

	for (; length > 0; length -= (size_t)n) {
		n = recv(fd, data, MIN(length, sizeof(data)), 0);
		if (n <= 0)
			return -EIO;
	}
	return 0;
}

/* Looks at what came and takes from the socket only what belongs to the head. Without its end in
 * sight that is everything, so a slow head is never looked at twice. */
static int attach_take(struct docker_attach *a, const char *seen, size_t length)
{
	size_t before = a->head.length;
	size_t head;

	strbuf_append(&a->head, seen, length);
	head = http_answer_head_length(a->head.data, a->head.length);
	if (head == 0)
		return discard(a->fd, length);
	a->head.length = head;
	return discard(a->fd, head - before) < 0 ? -EIO : 1;
}

static void on_head(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_attach *a = userdata;
	char seen[4096];
	ssize_t n;
	int r;

	n = recv(a->fd, seen, sizeof(seen), MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	r = n > 0 ? attach_take(a, seen, (size_t)n) : -EIO;
	if (r < 0)
		attach_lost(a, -ECONNRESET, "the connection broke before the engine's answer");
	else if (!http_answer_begins(a->head.data, a->head.length))
		attach_fail(a, -EBADMSG, 0, "the answer is not HTTP");
	else if (a->head.length > HEAD_MAX)
		attach_fail(a, -EMSGSIZE, 0, "the head of the answer is too long");
	else if (r > 0)
		attach_read_head(a);
}

/* --- The request --- */

static void on_writable(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_attach *a = userdata;
	ssize_t n;

	n = send(a->fd, a->request.data, a->request.length, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		attach_lost(a, -ECONNRESET, "the connection broke while the engine was asked");
		return;
	}
	strbuf_consume(&a->request, (size_t)n);
	if (a->request.length == 0)
		attach_await(a, EV_READ | EV_PERSIST, NULL, on_head);
}

static void attach_compose(struct docker_attach *a)
{
	_cleanup_free_ char *name = docker_http_encode(a->name);

	strbuf_appendf(&a->request,
		       "POST /v%s/containers/%s/attach?stream=1&stdin=%d&stdout=1&stderr=1"
		       "&detachKeys=" NO_DETACH_KEYS " HTTP/1.1\r\n"
		       "Host: docker\r\n"
		       "User-Agent: awfd/" AWF_VERSION "\r\n"
		       "Connection: Upgrade\r\n"
		       "Upgrade: tcp\r\n"
		       "Content-Length: 0\r\n"
		       "\r\n",
		       docker_api_version(a->docker), name, a->open_stdin);
}

static void on_dial(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	static const struct timeval again = { 0, DOCKER_DIAL_AGAIN_MS * 1000 };
	struct docker_http *http;
	_cleanup_free_ char *message = NULL;
	struct docker_attach *a = userdata;

	http = docker_transport(a->docker);
	a->fd = docker_http_dial(http);
	if (a->fd == -EAGAIN) {
		attach_await(a, 0, &again, on_dial);
		return;
	}
	if (a->fd < 0) {
		message = docker_http_dial_reason(http, a->fd);
		attach_lost(a, a->fd, message);
		return;
	}
	attach_compose(a);
	attach_await(a, EV_WRITE | EV_PERSIST, NULL, on_writable);
}

static void on_negotiated(_unused_ int status, _unused_ struct json_object *body,
			  const struct err *e, void *userdata)
{
	struct docker_attach *a = userdata;

	a->negotiation = NULL;
	if (e)
		attach_end(a, -EBADF, e);
	else
		on_dial(-1, EV_TIMEOUT, a);
}

static void attach_set_limit(struct docker_attach *a, int timeout_ms)
{
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	if (timeout_ms <= 0)
		return;
	a->timeout_ms = timeout_ms;
	a->limit = evtimer_new(docker_event_base(a->docker), on_limit, a);
	if (!a->limit || event_add(a->limit, &tv) < 0)
		abort(); /* out of memory */
}

struct docker_attach *docker_attach_start(struct docker *d, const char *name, bool open_stdin,
					  int timeout_ms, docker_attach_fn fn, void *userdata)
{
	struct docker_attach *a = xnew(struct docker_attach);

	a->docker = d;
	a->operation = xasprintf("attach to container %s", name);
	a->name = xstrdup(name);
	a->open_stdin = open_stdin;
	a->fd = -EBADF;
	a->fn = fn;
	a->userdata = userdata;
	attach_set_limit(a, timeout_ms);
	a->negotiation = docker_negotiate(d, a->operation, on_negotiated, a);
	return a;
}
