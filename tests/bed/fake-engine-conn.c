/* One client of the fake engine and its connection to the real one. Requests are read, so that each
 * can be judged; answers are only passed on. After a request to upgrade both ways are plain bytes.
 */
#include "tests/bed/fake-engine.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "common/alloc.h"
#include "tests/bed/http-reader.h"

enum { MAX_QUEUED = 1024 * 1024 }; /* per direction; beyond it the sender has to wait */

struct conn {
	struct fake_engine *engine;
	struct bufferevent *client;
	struct bufferevent *upstream;
	struct http_reader reader;
	struct verdict verdict; /* on the request that is being read */
	bool raw;               /* upgraded: no more requests */
	bool client_ended;
	bool upstream_ended;
};

static void conn_free(struct conn *c)
{
	bufferevent_free(c->client);
	bufferevent_free(c->upstream);
	free(c);
}

static void answer_failure(struct conn *c)
{
	struct json_object *o = json_object_new_object();
	const char *text;

	json_object_object_add(o, "message", json_object_new_string(c->verdict.message));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	evbuffer_add_printf(bufferevent_get_output(c->client),
			    "HTTP/1.1 %u Injected\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\n\r\n%s",
			    c->verdict.status, strlen(text), text);
	json_object_put(o);
}

/* The request has been read whole. */
static int end_request(struct conn *c)
{
	if (c->verdict.action == ACTION_FAIL)
		answer_failure(c);
	http_reader_next(&c->reader);
	return 1;
}

static int begin_request(struct conn *c, struct evbuffer *in)
{
	_cleanup_http_head_ struct http_head head = { 0 };
	struct evbuffer *wire = evbuffer_new();
	int r;

	r = http_read_head(&c->reader, in, wire, &head);
	if (r > 0) {
		c->verdict = fake_engine_judge(c->engine, &head);
		if (c->verdict.action == ACTION_PASS || c->verdict.action == ACTION_LOSE) {
			bufferevent_write_buffer(c->upstream, wire);
			c->raw = head.upgrade;
		}
	}
	evbuffer_free(wire);
	return r > 0 && c->verdict.action == ACTION_CLOSE ? -ECONNRESET : r;
}

static int read_request(struct conn *c, struct evbuffer *in)
{
	bool pass = c->verdict.action == ACTION_PASS || c->verdict.action == ACTION_LOSE;
	int r = 1;

	if (c->reader.state == HTTP_HEAD)
		return begin_request(c, in);
	r = http_read_body(&c->reader, in, pass ? bufferevent_get_output(c->upstream) : NULL, NULL);
	return r > 0 ? end_request(c) : r;
}

/* What the client has sent, as far as it goes: 1 means there may be more to do. */
static int pass_requests(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->client);
	int r = 1;

	while (r > 0 && !c->raw)
		r = read_request(c, in);
	if (r >= 0 && c->raw)
		bufferevent_write_buffer(c->upstream, in);
	return r;
}

/* Stops reading from one side while the other has too much to write yet. */
static void press_back(struct bufferevent *from, struct bufferevent *to)
{
	if (evbuffer_get_length(bufferevent_get_output(to)) > MAX_QUEUED)
		bufferevent_disable(from, EV_READ);
}

static void on_client(struct bufferevent *bev _unused_, void *arg)
{
	struct conn *c = arg;

	if (pass_requests(c) < 0)
		conn_free(c);
	else
		press_back(c->client, c->upstream);
}

static void on_upstream(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->verdict.action == ACTION_LOSE) {
		conn_free(c);
		return;
	}
	bufferevent_write_buffer(c->client, bufferevent_get_input(bev));
	press_back(c->upstream, c->client);
}

/* Passes an end on once everything before it has been written, and ends the whole when both have.
 */
static void settle(struct conn *c)
{
	bool to_client = evbuffer_get_length(bufferevent_get_output(c->client)) > 0;
	bool to_upstream = evbuffer_get_length(bufferevent_get_output(c->upstream)) > 0;

	if (c->client_ended && !to_upstream)
		shutdown(bufferevent_getfd(c->upstream), SHUT_WR);
	if (c->upstream_ended && !to_client)
		shutdown(bufferevent_getfd(c->client), SHUT_WR);
	if (c->client_ended && c->upstream_ended && !to_client && !to_upstream)
		conn_free(c);
}

static void on_client_written(struct bufferevent *bev _unused_, void *arg)
{
	struct conn *c = arg;

	if (!c->upstream_ended)
		bufferevent_enable(c->upstream, EV_READ);
	settle(c);
}

static void on_upstream_written(struct bufferevent *bev _unused_, void *arg)
{
	struct conn *c = arg;

	if (!c->client_ended)
		bufferevent_enable(c->client, EV_READ);
	settle(c);
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
	struct conn *c = arg;

	if (events & BEV_EVENT_CONNECTED)
		return;
	if (events & BEV_EVENT_ERROR) {
		conn_free(c);
		return;
	}
	if (bev == c->client)
		c->client_ended = true;
	else
		c->upstream_ended = true;
	/* Requests end with their client; only an upgraded stream has halves. */
	if (c->client_ended && !c->raw)
		conn_free(c);
	else
		settle(c);
}

void fake_engine_serve(struct fake_engine *e, int fd)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct conn *c = xnew(struct conn);

	c->engine = e;
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", e->upstream);
	c->client = bufferevent_socket_new(e->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->upstream = bufferevent_socket_new(e->base, -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(c->client, on_client, on_client_written, on_event, c);
	bufferevent_setcb(c->upstream, on_upstream, on_upstream_written, on_event, c);
	bufferevent_enable(c->client, EV_READ | EV_WRITE);
	bufferevent_enable(c->upstream, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(c->upstream, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		conn_free(c);
}
