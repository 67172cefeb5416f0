#include "containers/cli-proxy/answer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/utf8.h"
#include "containers/cli-proxy/reply.h"

/* Output that the client has not taken yet; beyond it gh has to wait. */
#define BACKLOG_LIMIT (256 * 1024)

struct answer {
	struct evhttp_request *req;
	struct evhttp_connection *connection; /* NULL once it is lost */
	struct event *watch;
	const struct answer_events *events;
	void *userdata;
	struct answer_limits limits;
	bool streams;
	bool begun;
	struct strbuf collected[2]; /* stdout and stderr of an answer that doesn't stream */
	size_t cost;                /* their length as JSON */
};

static void forget_connection(struct answer *a)
{
	if (a->watch)
		event_free(TAKE_PTR(a->watch));
	if (a->connection)
		evhttp_connection_set_closecb(a->connection, NULL, NULL);
	a->connection = NULL;
}

/* evhttp has given the connection up, for an error or because the client takes nothing. */
static void on_closed(struct evhttp_connection *connection _unused_, void *userdata)
{
	struct answer *a = userdata;

	forget_connection(a);
	a->events->lost(a->userdata);
}

/* evhttp doesn't read while it answers, so the end of the connection is looked for here. Bytes that
 * came early are left to it; then the end goes unnoticed until something is sent. */
static void on_watch(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct answer *a = userdata;
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		event_add(a->watch, NULL);
		return;
	}
	a->events->lost(a->userdata);
}

static void watch_connection(struct answer *a, struct event_base *base)
{
	struct bufferevent *b = evhttp_connection_get_bufferevent(a->connection);
	struct timeval write = { .tv_sec = (time_t)a->limits.seconds };

	bufferevent_set_timeouts(b, NULL, &write);
	evhttp_connection_set_closecb(a->connection, on_closed, a);
	a->watch = event_new(base, bufferevent_getfd(b), EV_READ, on_watch, a);
	event_add(a->watch, NULL);
}

struct answer *answer_new(struct event_base *base, struct evhttp_request *req, bool streams,
			  const struct answer_limits *limits, const struct answer_events *events,
			  void *userdata)
{
	struct answer *a = xnew(struct answer);

	a->req = req;
	a->connection = evhttp_request_get_connection(req);
	a->events = events;
	a->userdata = userdata;
	a->streams = streams;
	a->limits = *limits;
	watch_connection(a, base);
	return a;
}

void answer_begin(struct answer *a, const char *id)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(a->req);

	if (!a->streams)
		return;
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Content-Type", ANSWER_STREAM_TYPE);
	evhttp_add_header(headers, "Awf-Exec-Id", id);
	evhttp_send_reply_start(a->req, 200, "OK");
	a->begun = true;
}

static void on_drained(struct evhttp_connection *connection _unused_, void *userdata)
{
	struct answer *a = userdata;

	a->events->hold(false, a->userdata);
}

static void send_frame(struct answer *a, enum stdcopy_type type, const void *data, size_t length)
{
	unsigned char header[STDCOPY_HEADER_SIZE];
	struct evbuffer *frame;
	struct bufferevent *b;

	if (!a->connection)
		return;
	frame = evbuffer_new();
	stdcopy_header(header, type, (uint32_t)length);
	evbuffer_add(frame, header, sizeof(header));
	evbuffer_add(frame, data, length);
	evhttp_send_reply_chunk_with_cb(a->req, frame, on_drained, a);
	evbuffer_free(frame);
	b = evhttp_connection_get_bufferevent(a->connection);
	if (evbuffer_get_length(bufferevent_get_output(b)) > BACKLOG_LIMIT)
		a->events->hold(true, a->userdata);
}

/* The length of data in a JSON string: control characters but the common ones grow sixfold. */
static size_t json_cost(const char *data, size_t length)
{
	size_t cost = length;

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)data[i] < 0x20 && data[i] != '\n' && data[i] != '\t')
			cost += 5;
	return cost;
}

static void overflow(struct answer *a, int status, const char *what, size_t limit)
{
	_cleanup_free_ char *text =
		xasprintf("gh was stopped: %s %zu bytes; ask for " ANSWER_STREAM_TYPE, what, limit);

	a->events->overflow(status, text, a->userdata);
}

static void collect(struct answer *a, enum stdcopy_type type, const void *data, size_t length)
{
	struct answer_budget *budget = a->limits.budget;
	size_t cost = json_cost(data, length);

	if (a->cost + cost > a->limits.output) {
		overflow(a, 500, "its output is larger than", a->limits.output);
		return;
	}
	if (budget->used + cost > budget->limit) {
		overflow(a, 503, "all answers together are larger than", budget->limit);
		return;
	}
	a->cost += cost;
	budget->used += cost;
	strbuf_append(&a->collected[type == STDCOPY_STDERR], data, length);
}

void answer_output(struct answer *a, enum stdcopy_type type, const void *data, size_t length)
{
	if (a->streams)
		send_frame(a, type, data, length);
	else
		collect(a, type, data, length);
}

/* JSON can't carry bytes that are not UTF-8: each is replaced by U+FFFD. */
static struct json_object *json_text(const struct strbuf *b)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	size_t done = 0;

	for (size_t i = 0; i < b->length;) {
		size_t n = utf8_sequence(b->data + i);

		i += n;
		if (n > 0)
			continue;
		strbuf_append(&text, b->data + done, i - done);
		strbuf_puts(&text, "\xef\xbf\xbd");
		done = ++i;
	}
	if (b->length > 0)
		strbuf_append(&text, b->data + done, b->length - done);
	return json_object_new_string_len(text.data ? text.data : "", (int)text.length);
}

static void answer_free(struct answer *a)
{
	a->limits.budget->used -= a->cost;
	for (size_t i = 0; i < ARRAY_SIZE(a->collected); i++)
		strbuf_clear(&a->collected[i]);
	free(a);
}

/* The last frame, {"exitCode", "error"?}; takes o over. */
static void end_stream(struct answer *a, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	send_frame(a, STDCOPY_SYSTEM, text, strlen(text));
	forget_connection(a);
	evhttp_send_reply_end(a->req);
	json_object_put(o);
}

void answer_exit(struct answer *a, int exit_code)
{
	struct json_object *o = json_object_new_object();

	if (!a->streams) {
		json_object_object_add(o, "stdout", json_text(&a->collected[0]));
		json_object_object_add(o, "stderr", json_text(&a->collected[1]));
	}
	json_object_object_add(o, "exitCode", json_object_new_int(exit_code));
	if (a->streams) {
		end_stream(a, o);
	} else {
		forget_connection(a);
		reply_json(a->req, 200, o, &a->limits.budget->used);
	}
	answer_free(a);
}

void answer_error(struct answer *a, int status, const char *text)
{
	if (a->begun) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "exitCode", json_object_new_int(1));
		json_object_object_add(o, "error", json_object_new_string(text));
		end_stream(a, o);
	} else {
		forget_connection(a);
		reply_error(a->req, status, text);
	}
	answer_free(a);
}
