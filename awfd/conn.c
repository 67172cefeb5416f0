#include "awfd/conn.h"

#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/utf8.h"
#include "proto/errors.h"
#include "proto/frame.h"

#define READ_SIZE 16384

/* How long a name that the peer chose may be in an error. */
#define SHOWN_MAX 200

/* Bytes of replies that wait for a peer to read them: a call with many replies goes on meanwhile.
 */
#define QUEUED_MAX (2 * FRAME_SIZE_MAX)

struct call {
	struct conn *conn;
	struct json_object *message;
	struct json_object *parameters;
	struct quota_charge charge;
	const char *method;
	bool more;
	bool oneway;
	bool held;
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
	int passed; /* the descriptor that came last, of root's; or -EBADF */
	struct peer peer;
	const struct conn_events *events;
	void *userdata;
	struct event *readable;
	struct event *writable;
	struct event *closed; /* watched instead while reading is paused */
	struct event *late;   /* a timer: the rest of a message did not come */
	struct timeval patience;
	struct turn *turn;
	bool has_input; /* to be received in a turn */
	bool has_work;  /* a call may be taken in a turn */
	struct quota_account *account;
	struct quota_charge charge;
	struct frame_reader reader;
	struct call *call; /* the one under way */
	bool ended;        /* the peer sends no more */
	bool closing;      /* no more calls; ends when everything is sent */
	size_t queued;     /* bytes in `outgoing` */
	bool overrun;      /* the peer does not read what it asked for: it is cut off */
	STAILQ_HEAD(, outgoing) outgoing;
	LIST_HEAD(, conn_watch) watches;
};

static void call_free(struct call *call)
{
	json_object_put(call->message);
	quota_return(&call->charge);
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
	event_free(c->late);
	turn_free(c->turn);
	while ((o = STAILQ_FIRST(&c->outgoing))) {
		STAILQ_REMOVE_HEAD(&c->outgoing, entry);
		outgoing_free(o);
	}
	frame_reader_clear(&c->reader);
	fd_close(c->fd);
	fd_close(c->passed);
	peer_clear(&c->peer);
	quota_return(&c->charge);
	quota_close(c->account);
	free(c);
}

static void lose(struct conn *c)
{
	tell_gone(c);
	c->events->gone(c, c->userdata);
	conn_free(c);
}

/* Has the next message taken when the user has a turn. */
static void schedule(struct conn *c)
{
	c->has_work = true;
	turn_ask(c->turn);
}

/* While a call is under way, or its answer has not been read, no other is taken. */
static bool is_busy(const struct conn *c)
{
	return c->call || !STAILQ_EMPTY(&c->outgoing);
}

/* Reading pauses while more than one message's size waits, or anything that is not wanted yet. */
static void update_reading(struct conn *c)
{
	bool is_full = frame_pending(&c->reader) > (is_busy(c) ? 0 : FRAME_SIZE_MAX);

	event_del(is_full ? c->readable : c->closed);
	if (!c->ended && !c->has_input)
		event_add(is_full ? c->closed : c->readable, NULL);
}

/* A message that began has to be whole in time, however its bytes are spread over it. */
static void update_late(struct conn *c)
{
	if (!frame_is_partial(&c->reader))
		event_del(c->late);
	else if (!evtimer_pending(c->late, NULL))
		event_add(c->late, &c->patience);
}

/* Charges the room that messages take, whether they fill it or not. */
static int charge_messages(struct conn *c, struct err *e)
{
	return quota_change(&c->charge, c->account, QUOTA_MESSAGES,
			    frame_memory(&c->reader) + c->queued, e);
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
		c->queued -= o->bytes.room;
		outgoing_free(o);
	}
	(void)charge_messages(c, NULL); /* never more than before */
	if (o)
		event_add(c->writable, &c->patience);
	else
		schedule(c);
	return o || !c->closing;
}

void conn_finish(struct conn *c)
{
	(void)flush(c);
}

static void on_writable(evutil_socket_t fd _unused_, short what, void *userdata)
{
	struct conn *c = userdata;

	if (what & EV_TIMEOUT)
		log_debug("pid %d (uid %u) does not read its replies", c->peer.pid, c->peer.uid);
	if (c->overrun || what & EV_TIMEOUT || !flush(c))
		lose(c);
}

/* Queues a message; it is sent from the loop, so that no caller loses its connection under it. */
static void enqueue(struct conn *c, struct json_object *message, int fd)
{
	struct outgoing *o = xnew(struct outgoing);
	_cleanup_err_ struct err e = { 0 };

	o->fd = fd;
	if (frame_append(&o->bytes, message) < 0) {
		log_warning("a reply to pid %d is larger than %d bytes", c->peer.pid,
			    FRAME_SIZE_MAX);
		c->closing = true;
		outgoing_free(o);
	} else if (c->queued > QUEUED_MAX) {
		log_info("pid %d does not read its replies: cutting it off", c->peer.pid);
		c->overrun = true;
		outgoing_free(o);
	} else {
		c->queued += o->bytes.room;
		STAILQ_INSERT_TAIL(&c->outgoing, o, entry);
		if (charge_messages(c, &e) < 0 && !c->closing) { /* a refusal is small */
			log_debug("pid %d (uid %u): %s", c->peer.pid, c->peer.uid, e.message);
			c->overrun = true;
		}
	}
	if (c->overrun || !event_pending(c->writable, EV_WRITE, NULL)) /* else the socket is full */
		event_active(c->writable, EV_WRITE, 0);
}

static void end_call(struct call *call)
{
	struct conn *c = call->conn;

	c->call = NULL;
	call_free(call);
	schedule(c);
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

void call_reply_fd(struct call *call, const struct field_table *table, const void *parameters,
		   int fd)
{
	send_reply(call, NULL, fields_build(table, parameters), false, fd);
}

void call_reply_continues(struct call *call, const struct field_table *table,
			  const void *parameters)
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

int call_take_fd(struct call *call)
{
	return TAKE_FD(call->conn->passed);
}

void call_on_gone(struct call *call, void (*fn)(void *userdata), void *userdata)
{
	call->on_gone = fn;
	call->gone_userdata = userdata;
}

/* What happened to the peer meanwhile counts when the call is let go. */
void call_hold(struct call *call, bool held)
{
	struct conn *c = call->conn;

	call->held = held;
	if (held)
		return;
	update_reading(c);
	if (c->ended)
		schedule(c);
}

/* What a message may have; `upgrade` is not among it. */
static const struct {
	const char *name;
	json_type type;
	const char *reason;
} members[] = {
	{ "method", json_type_string, "must be a string" },
	{ "parameters", json_type_object, "must be an object" },
	{ "more", json_type_boolean, "must be true or false" },
	{ "oneway", json_type_boolean, "must be true or false" },
};

static int check_member(const char *name, struct json_object *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strcmp(members[i].name, name) != 0)
			continue;
		if (value && !json_object_is_type(value, members[i].type))
			return err_invalid(e, members[i].name, NULL, "%s", members[i].reason);
		return 0;
	}
	return err_invalid(e, "message", NULL, "has an unknown member '%.*s'",
			   (int)utf8_cut(name, SHOWN_MAX), name);
}

static int check_members(struct json_object *message, struct err *e)
{
	struct json_object *method = NULL;

	json_object_object_foreach (message, name, value) {
		int r = check_member(name, value, e);

		if (r < 0)
			return r;
	}
	if (!json_object_object_get_ex(message, "method", &method) || !method)
		return err_invalid(e, "method", NULL, "is missing");
	if (strlen(json_object_get_string(method)) != (size_t)json_object_get_string_len(method))
		return err_invalid(e, "method", NULL, "must not contain a NUL character");
	return 0;
}

/* Makes the call of a message (taken over). */
static int call_new(struct conn *c, struct json_object *message, struct call **ret, struct err *e)
{
	struct json_object *parameters = json_object_object_get(message, "parameters");
	struct call *call;
	int r = check_members(message, e);

	if (r < 0) {
		json_object_put(message);
		return r;
	}
	if (!parameters) {
		parameters = json_object_new_object();
		json_object_object_add(message, "parameters", parameters);
	}
	call = xnew(struct call);
	*call = (struct call){
		.conn = c,
		.message = message,
		.parameters = parameters,
		.method = json_object_get_string(json_object_object_get(message, "method")),
		.more = json_object_get_boolean(json_object_object_get(message, "more")),
		.oneway = json_object_get_boolean(json_object_object_get(message, "oneway")),
	};
	*ret = call;
	return 0;
}

static struct json_object *refusal(const struct err *e)
{
	struct json_object *message = json_object_new_object();

	json_object_object_add(message, "error", json_object_new_string(error_name(e->kind)));
	json_object_object_add(message, "parameters", error_parameters(e));
	return message;
}

/* Says why the peer is cut off, then ends the connection. */
static void refuse(struct conn *c, const struct err *e)
{
	_cleanup_json_ struct json_object *message = refusal(e);

	log_debug("pid %d (uid %u): %s", c->peer.pid, c->peer.uid, e->message);
	c->events->refused(c, e, c->userdata);
	c->closing = true;
	event_del(c->readable);
	event_del(c->late);
	frame_reader_clear(&c->reader); /* makes room for the answer */
	enqueue(c, message, -EBADF);
}

static void refuse_message(struct conn *c, struct err *e)
{
	if (!e->subject)
		e->subject = xstrdup("message");
	refuse(c, e);
}

static int charge_call(struct call *call, struct err *e)
{
	const struct quota_amounts amounts = {
		.of[QUOTA_CALLS] = 1,
		.of[QUOTA_MESSAGES] = frame_message_memory(&call->conn->reader),
	};

	return quota_charge(&call->charge, call->conn->account, &amounts, clock_ms(), e);
}

/* A message is being made, which takes more than one turn and more memory with each. */
static void go_on(struct conn *c)
{
	_cleanup_err_ struct err e = { 0 };

	if (charge_messages(c, &e) < 0)
		refuse(c, &e);
	else
		schedule(c);
}

/* Whether a call is under way that the peer waits for. */
static bool is_waited_for(const struct conn *c)
{
	return c->call && (!c->ended || c->call->held);
}

/* Takes the next call unless one is under way, or its answer has not been read: a peer that never
 * reads costs one answer. A peer that sends no more waits for no call that takes its time. */
static void process(struct conn *c)
{
	_cleanup_err_ struct err e = { 0 };
	struct json_object *message = NULL;
	int r;

	if (c->closing || !STAILQ_EMPTY(&c->outgoing) || is_waited_for(c))
		return;
	r = c->call ? 0 : frame_step(&c->reader, &message, &e);
	if (r == FRAME_GO_ON) {
		go_on(c);
		return;
	}
	if (r == 0 && c->ended) {
		lose(c);
		return;
	}
	if (r > 0)
		r = call_new(c, message, &c->call, &e);
	if (r < 0) {
		refuse_message(c, &e);
		return;
	}
	if (frame_pending(&c->reader) == 0)
		frame_reader_clear(&c->reader);
	(void)charge_messages(c, NULL); /* never more than before */
	update_reading(c);
	update_late(c);
	if (!c->call)
		return;
	if (c->ended)
		schedule(c);
	if (charge_call(c->call, &e) < 0) {
		c->events->refused(c, &e, c->userdata);
		call_error(c->call, &e);
	} else {
		c->events->call(c, c->call, c->userdata);
	}
}

/* While reading is paused: what was read is still answered. */
static void on_closed(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct conn *c = userdata;

	if (c->call && !c->call->held)
		lose(c);
}

static void keep_passed(struct conn *c, int passed)
{
	if (passed < 0)
		return;
	fd_close(c->passed);
	c->passed = c->peer.uid == 0 ? passed : fd_close(passed);
}

/* Reads a little of what came; false when the connection is lost. */
static bool receive(struct conn *c)
{
	_cleanup_err_ struct err e = { 0 };
	char buffer[READ_SIZE];
	int passed;
	ssize_t n;

	n = fd_receive(c->fd, buffer, sizeof(buffer), &passed);
	keep_passed(c, passed);
	if (n < 0 && n != -EAGAIN) {
		lose(c);
		return false;
	}
	if (n == 0)
		c->ended = true;
	else if (n > 0 && frame_feed(&c->reader, buffer, (size_t)n) < 0)
		(void)err_invalid(&e, "message", NULL, "is larger than %d bytes", FRAME_SIZE_MAX);
	if (e.error != 0 || charge_messages(c, &e) < 0) {
		refuse(c, &e);
		return true;
	}
	update_reading(c);
	update_late(c);
	return true;
}

static void on_readable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct conn *c = userdata;

	c->has_input = true;
	turn_ask(c->turn);
}

/* What was read is dealt with before there is more of it. */
static void on_turn(void *userdata)
{
	struct conn *c = userdata;

	if (c->has_work) {
		c->has_work = false;
		if (c->has_input)
			turn_ask(c->turn);
		process(c);
	} else if (c->has_input) {
		c->has_input = false;
		if (!c->closing && receive(c))
			process(c);
	}
}

static void on_late(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct conn *c = userdata;
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "message", NULL,
			  "is not whole after %ld s: send it, and the NUL behind it, at once",
			  (long)c->patience.tv_sec);
	refuse(c, &e);
}

/* Tries once, and waits for nothing. */
static void send_refusal(int fd, const struct err *e)
{
	_cleanup_json_ struct json_object *message = refusal(e);
	_cleanup_strbuf_ struct strbuf bytes = { 0 };

	if (frame_append(&bytes, message) == 0 && fd_send(fd, bytes.data, bytes.length, -EBADF) < 0)
		log_debug("a peer was gone before it was refused");
}

static void add_events(struct conn *c, struct event_base *base)
{
	c->readable = event_new(base, c->fd, EV_READ, on_readable, c);
	c->writable = event_new(base, c->fd, EV_WRITE, on_writable, c);
	c->closed = event_new(base, c->fd, EV_CLOSED, on_closed, c);
	c->late = evtimer_new(base, on_late, c);
	if (!c->readable || !c->writable || !c->closed || !c->late)
		abort();
}

static int complete(struct peer *peer, int fd, struct err *e)
{
	int r = peer_complete(peer, fd);

	return r < 0 ? err_system(e, r, "cannot tell whose connection this is") : 0;
}

struct conn *conn_new(const struct conn_setup *setup, int fd, struct peer *peer,
		      const struct conn_events *events, void *userdata, struct err *e)
{
	struct quota_account *account = quota_open(setup->quota, peer->uid, setup->limits);
	const struct quota_amounts one = { .of[QUOTA_CONNECTIONS] = 1 };
	struct quota_charge charge = { 0 };
	struct conn *c;

	if (quota_charge(&charge, account, &one, clock_ms(), e) < 0 || complete(peer, fd, e) < 0) {
		quota_return(&charge);
		quota_close(account);
		if (e)
			send_refusal(fd, e);
		fd_close(fd);
		return NULL;
	}
	c = xnew(struct conn);
	*c = (struct conn){ .fd = fd,
			    .passed = -EBADF,
			    .reader.limits = &frame_limits_request,
			    .peer = *peer,
			    .events = events,
			    .userdata = userdata,
			    .account = account,
			    .charge = charge,
			    .patience = { .tv_sec = (time_t)(setup->patience_ms / 1000),
					  .tv_usec = (suseconds_t)(setup->patience_ms % 1000) *
						     1000 } };
	*peer = PEER_NONE;
	STAILQ_INIT(&c->outgoing);
	LIST_INIT(&c->watches);
	c->turn = turn_new(setup->turns, c->peer.uid, on_turn, c);
	add_events(c, setup->base);
	on_readable(fd, EV_READ, c); /* often the first call is there already */
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
