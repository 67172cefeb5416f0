/* One connection to the stand-in: TLS, then requests one after the other. */
#include "tests/bed/stand-in.h"

#include <string.h>
#include <strings.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <json-c/json.h>
#include <openssl/ssl.h>

#include "common/alloc.h"
#include "common/strv.h"

struct conn {
	struct stand_in *stand_in;
	unsigned long number;
	struct bufferevent *bev;
	struct http_reader reader;
	struct request request;
	struct event *delay;
	struct evbuffer *reply; /* what has to be sent yet, when the rate is limited */
	struct event *trickle;
	bool closing; /* after the reply */
};

static void serve_requests(struct conn *c);

static void conn_free(struct conn *c)
{
	http_head_clear(&c->request.head);
	evbuffer_free(c->request.body);
	event_free(c->delay);
	evbuffer_free(c->reply);
	event_free(c->trickle);
	bufferevent_free(c->bev);
	free(c);
}

/* Sends the reply: all of it, or a twentieth of a second's worth and the rest later. */
static void send_some(struct conn *c)
{
	struct timeval tick = { .tv_usec = 50000 };
	unsigned rate = c->stand_in->faults.rate;
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (rate == 0) {
		evbuffer_add_buffer(out, c->reply);
		return;
	}
	evbuffer_remove_buffer(c->reply, out, MAX(rate / 20, 1U));
	if (evbuffer_get_length(c->reply) > 0)
		event_add(c->trickle, &tick);
}

static void on_trickle(evutil_socket_t fd _unused_, short events _unused_, void *arg)
{
	send_some(arg);
}

static void write_reply(struct conn *c, const struct reply *r)
{
	struct evbuffer *out = c->reply;

	evbuffer_add_printf(out, "HTTP/1.1 %u %s\r\n", r->status, r->status < 400 ? "OK" : "Error");
	evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\nX-Stand-In: %s\r\n",
			    r->type, evbuffer_get_length(r->body), c->stand_in->identity);
	for (size_t i = 0; r->headers && r->headers[i]; i++)
		evbuffer_add_printf(out, "%s\r\n", r->headers[i]);
	if (!c->request.head.keep_alive)
		evbuffer_add_printf(out, "Connection: close\r\n");
	evbuffer_add_printf(out, "\r\n");
	if (strcmp(c->request.head.method, "HEAD") != 0)
		evbuffer_add_buffer(out, r->body);
}

static void answer(struct conn *c)
{
	struct reply reply = { .body = evbuffer_new() };

	stand_in_answer(c->stand_in, &c->request, &reply);
	write_reply(c, &reply);
	send_some(c);
	c->closing = !c->request.head.keep_alive;
	strv_free(reply.headers);
	evbuffer_free(reply.body);
	http_head_clear(&c->request.head);
	evbuffer_drain(c->request.body, evbuffer_get_length(c->request.body));
	http_reader_next(&c->reader);
}

static void on_delay_over(evutil_socket_t fd _unused_, short events _unused_, void *arg)
{
	struct conn *c = arg;

	answer(c);
	serve_requests(c);
}

static void on_request(struct conn *c)
{
	const struct faults *f = &c->stand_in->faults;
	struct timeval delay = { .tv_sec = f->delay / 1000, .tv_usec = f->delay % 1000 * 1000 };
	struct json_object *line = record_new(c->number, "request");

	json_object_object_add(line, "request", record_request(&c->request));
	record_write(c->stand_in, line);
	if (f->stall)
		return;
	if (f->delay > 0)
		event_add(c->delay, &delay);
	else
		answer(c);
}

/* Reads the head, if it isn't read yet. */
static int read_head(struct conn *c, struct evbuffer *in)
{
	const char *expect;
	int r;

	if (c->reader.state != HTTP_HEAD)
		return 1;
	r = http_read_head(&c->reader, in, NULL, &c->request.head);
	if (r <= 0)
		return r;
	expect = http_head_get(&c->request.head, "Expect");
	if (expect && strcasecmp(expect, "100-continue") == 0)
		evbuffer_add_printf(bufferevent_get_output(c->bev),
				    "HTTP/1.1 100 Continue\r\n\r\n");
	return r;
}

/* Everything that has come; a request that waits for its answer holds the next one back. */
static void serve_requests(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	int r = 1;

	while (r > 0 && !c->closing && c->reader.state != HTTP_COMPLETE) {
		r = read_head(c, in);
		if (r > 0)
			r = http_read_body(&c->reader, in, NULL, c->request.body);
		if (r > 0)
			on_request(c);
	}
	if (r < 0)
		conn_free(c);
}

static void on_read(struct bufferevent *bev _unused_, void *arg)
{
	serve_requests(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (!c->closing || evbuffer_get_length(c->reply) > 0)
		return;
	SSL_shutdown(bufferevent_openssl_get_ssl(bev));
	conn_free(c);
}

static void record_tls(const struct conn *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	struct json_object *line = record_new(c->number, "tls");
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	json_object_object_add(line, "sni", sni ? json_object_new_string(sni) : NULL);
	json_object_object_add(line, "version", json_object_new_string(SSL_get_version(ssl)));
	record_write(c->stand_in, line);
}

static void on_event(struct bufferevent *bev _unused_, short events, void *arg)
{
	struct conn *c = arg;

	if (events & BEV_EVENT_CONNECTED) {
		record_tls(c);
		return;
	}
	record_write(c->stand_in, record_new(c->number, "end"));
	conn_free(c);
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void serve_tls(struct stand_in *s, int fd, unsigned long number)
{
	struct conn *c = xnew(struct conn);
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* as Go does */
	c->stand_in = s;
	c->number = number;
	c->request.body = evbuffer_new();
	c->reply = evbuffer_new();
	c->delay = evtimer_new(s->base, on_delay_over, c);
	c->trickle = evtimer_new(s->base, on_trickle, c);
	c->bev = bufferevent_openssl_socket_new(s->base, fd, SSL_new(s->context),
						BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

void stand_in_serve(struct stand_in *s, int fd, const char *peer)
{
	unsigned long number = ++s->connections;
	struct json_object *line = record_new(number, "accept");

	json_object_object_add(line, "peer", json_object_new_string(peer));
	record_write(s, line);
	if (s->faults.reset)
		reset(fd);
	else if (!s->faults.hang) /* one that hangs stays open, for ever */
		serve_tls(s, fd, number);
}
