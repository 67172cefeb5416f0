#include "awfd/conn.h"

#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "proto/errors.h"
#include "proto/frame.h"

#define READ_SIZE 16384

struct call {
	struct conn *conn;
	struct json_object *message;
	struct json_object *parameters;
	const char *method;
	bool more;
	bool oneway;
	void (*on_gone)(void *userdata);
	void *gone_userdata;
};

struct conn_watch {
	void (*fn)(void *userdata);
	void *userdata;
	struct conn *conn;
	LIST_ENTRY(conn_watch) entry;
};

/* Bytes to send; a descriptor goes with their first one. */
struct outgoing {
	struct strbuf bytes;
	size_t sent;
	int fd;
	STAILQ_ENTRY(outgoing) entry;
};

struct conn {
	int fd;
	struct peer peer;
	const struct conn_events *events;
	void *userdata;
	struct event *readable;
	struct event *writable;
	struct event *closed;  /* watched instead while reading is paused */
	struct event *process; /* made active when a next message may be taken */
	struct frame_reader reader;
	struct call *call; /* the one under way */
	bool closing;      /* no more calls; ends when everything is sent */
	STAILQ_HEAD(, outgoing) outgoing;
	LIST_HEAD(, conn_watch) watches;
};

static void call_free(struct call *call)
{
	json_object_put(call->message);
	free(call);
}

static void outgoing_free(struct outgoing *o)
{
	fd_close(o->fd);
	strbuf_clear(&o->bytes);
	free(o);
}

static void tell_gone(struct conn *c)
{
	struct conn_watch *w;
	struct call *call = TAKE_PTR(c->call);

	if (call && call->on_gone)
		call->on_gone(call->gone_userdata);
	if (call)
		call_free(call);
	while ((w = LIST_FIRST(&c->watches))) {
		LIST_REMOVE(w, entry);
		w->conn = NULL;
		w->fn(w->userdata);
	}
}

void conn_free(struct conn *c)
{
	struct outgoing *o;

	tell_gone(c);
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->closed);
	event_free(c->process);
	while ((o = STAILQ_FIRST(&c->outgoing))) {
		STAILQ_REMOVE_HEAD(&c->outgoing, entry);
		outgoing_free(o);
	}
	frame_reader_clear(&c->reader);
	fd_close(c->fd);
	free(c);
}

static void lose(struct conn *c)
{
	c->events->gone(c, c->userdata);
	conn_free(c);
}

/* Sends what it can; false when the connection is lost. */
static bool flush(struct conn *c)
{
	struct outgoing *o;

	while ((o = STAILQ_FIRST(&c->outgoing))) {
		ssize_t n = fd_send(c->fd, o->bytes.data + o->sent, o->bytes.length - o->sent,
				    o->sent == 0 ? o->fd : -EBADF);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			return false;
		o->sent += (size_t)n;
		if (o->sent < o->bytes.length)
			continue;
		STAILQ_REMOVE_HEAD(&c->outgoing, entry);
		outgoing_free(o);
	}
	if (o)
		event_add(c->writable, NULL);
	else
		event_active(c->process, EV_TIMEOUT, 0);
	return o || !c->closing;
}

static void on_writable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct conn *c = userdata;

	if (!flush(c))
		lose(c);
}

/* Queues a message; it is sent from the loop, so that no caller loses its connection under it. */
static void enqueue(struct conn *c, struct json_object *message, int fd)
{
	struct outgoing *o = xnew(struct outgoing);

	o->fd = fd;
	if (frame_append(&o->bytes, message) < 0) {
		log_warning("a reply to pid %d is larger than %d bytes", c->peer.pid, FRAME_SIZE_MAX);
		c->closing = true;
		outgoing_free(o);
	} else {
		STAILQ_INSERT_TAIL(&c->outgoing, o, entry);
	}
	event_active(c->writable, EV_WRITE, 0);
}

static void end_call(struct call *call)
{
	struct conn *c = call->conn;

	c->call = NULL;
	call_free(call);
	event_active(c->process, EV_TIMEOUT, 0);
}

static void send_reply(struct call *call, const char *error, struct json_object *parameters,
		       bool continues, int fd)
{
	_cleanup_json_ struct json_object *message = json_object_new_object();

	if (error)
		json_object_object_add(message, "error", json_object_new_string(error));
	json_object_object_add(message, "parameters", parameters);
	if (continues)
		json_object_object_add(message, "continues", json_object_new_boolean(true));
	if (call->oneway)
		fd_close(fd);
	else
		enqueue(call->conn, message, fd);
	if (!continues)
		end_call(call);
}

void call_reply_json(struct call *call, struct json_object *parameters)
{
	send_reply(call, NULL, parameters, false, -EBADF);
}

void call_reply(struct call *call, const struct field_table *table, const void *parameters)
{
	send_reply(call, NULL, fields_build(table, parameters), false, -EBADF);
}

void call_reply_fd(struct call *call, const struct field_table *table, const void *parameters, int fd)
{
	send_reply(call, NULL, fields_build(table, parameters), false, fd);
}

void call_reply_continues(struct call *call, const struct field_table *table, const void *parameters)
{
	send_reply(call, NULL, fields_build(table, parameters), true, -EBADF);
}

void call_error_json(struct call *call, const char *name, struct json_object *parameters)
{
	send_reply(call, name, parameters, false, -EBADF);
}

void call_error(struct call *call, const struct err *e)
{
	send_reply(call, error_name(e->kind), error_parameters(e), false, -EBADF);
}

struct conn *call_conn(const struct call *call)
{
	return call->conn;
}

const char *call_method(const struct call *call)
{
	return call->method;
}

bool call_wants_more(const struct call *call)
{
	return call->more;
}

struct json_object *call_parameters(const struct call *call)
{
	return call->parameters;
}

void call_on_gone(struct call *call, void (*fn)(void *userdata), void *userdata)
{
	call->on_gone = fn;
	call->gone_userdata = userdata;
}

static bool get_flag(struct json_object *message, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(message, name, &value) && json_object_get_boolean(value);
}

/* Makes the call of a message (taken over); NULL when it is none. */
static struct call *call_new(struct conn *c, struct json_object *message)
{
	struct json_object *method = NULL, *parameters = NULL;
	struct call *call;

	if (!json_object_object_get_ex(message, "method", &method) ||
	    !json_object_is_type(method, json_type_string)) {
		json_object_put(message);
		return NULL;
	}
	if (!json_object_object_get_ex(message, "parameters", &parameters) || !parameters) {
		parameters = json_object_new_object();
		json_object_object_add(message, "parameters", parameters);
	}
	call = xnew(struct call);
	*call = (struct call){ .conn = c, .message = message, .parameters = parameters,
			       .method = json_object_get_string(method),
			       .more = get_flag(message, "more"),
			       .oneway = get_flag(message, "oneway") };
	return call;
}

/* Says why the peer is cut off, then ends the connection. */
static void refuse(struct conn *c, const struct err *e)
{
	_cleanup_json_ struct json_object *message = json_object_new_object();

	log_debug("pid %d (uid %u): %s", c->peer.pid, c->peer.uid, e->message);
	json_object_object_add(message, "error", json_object_new_string(error_name(e->kind)));
	json_object_object_add(message, "parameters", error_parameters(e));
	c->closing = true;
	event_del(c->readable);
	enqueue(c, message, -EBADF);
}

static void refuse_message(struct conn *c, struct err *e)
{
	if (!e->subject)
		e->subject = xstrdup("message");
	refuse(c, e);
}

/* Takes the next call unless one is under way, or its answer has not been read: a peer that never reads
 * costs one answer. */
static void process(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct conn *c = userdata;
	_cleanup_err_ struct err e = { 0 };
	struct json_object *message = NULL;
	int r;

	if (c->call || c->closing || !STAILQ_EMPTY(&c->outgoing))
		return;
	event_del(c->closed);
	event_add(c->readable, NULL);
	r = frame_next(&c->reader, &message, &e);
	if (r == 0)
		return;
	if (r > 0) {
		c->call = call_new(c, message);
		if (!c->call)
			r = err_invalid(&e, "method", NULL, "is missing or not a string");
	}
	if (r < 0) {
		refuse_message(c, &e);
		return;
	}
	if (!json_object_is_type(c->call->parameters, json_type_object)) {
		(void)err_invalid(&e, "parameters", NULL, "must be an object");
		call_error(c->call, &e);
		return;
	}
	c->events->call(c, c->call, c->userdata);
}

static void on_closed(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	lose(userdata);
}

static void on_readable(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct conn *c = userdata;
	_cleanup_err_ struct err e = { 0 };
	char buffer[READ_SIZE];
	int passed;
	ssize_t n;

	n = fd_receive(fd, buffer, sizeof(buffer), &passed);
	fd_close(passed);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		lose(c);
		return;
	}
	if (frame_feed(&c->reader, buffer, (size_t)n) < 0) {
		(void)err_invalid(&e, "message", NULL, "is larger than %d bytes", FRAME_SIZE_MAX);
		refuse(c, &e);
		return;
	}
	/* What is pipelined behind a call under way waits here, up to one message's size. */
	if (c->reader.buffer.length > FRAME_SIZE_MAX) {
		event_del(c->readable);
		event_add(c->closed, NULL);
	}
	event_active(c->process, EV_TIMEOUT, 0);
}

struct conn *conn_new(struct event_base *base, int fd, const struct peer *peer,
		      const struct conn_events *events, void *userdata)
{
	struct conn *c = xnew(struct conn);

	*c = (struct conn){ .fd = fd, .peer = *peer, .events = events, .userdata = userdata };
	STAILQ_INIT(&c->outgoing);
	LIST_INIT(&c->watches);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE, on_writable, c);
	c->closed = event_new(base, fd, EV_CLOSED, on_closed, c);
	c->process = event_new(base, -1, 0, process, c);
	if (!c->readable || !c->writable || !c->closed || !c->process)
		abort();
	event_add(c->readable, NULL);
	return c;
}

const struct peer *conn_peer(const struct conn *c)
{
	return &c->peer;
}

struct conn_watch *conn_watch(struct conn *c, void (*fn)(void *userdata), void *userdata)
{
	struct conn_watch *w = xnew(struct conn_watch);

	*w = (struct conn_watch){ .fn = fn, .userdata = userdata, .conn = c };
	LIST_INSERT_HEAD(&c->watches, w, entry);
	return w;
}

void conn_unwatch(struct conn_watch *w)
{
	if (!w)
		return;
	if (w->conn)
		LIST_REMOVE(w, entry);
	free(w);
}
