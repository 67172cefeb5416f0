#include "tests/unit/fake-engine.h"

#include <signal.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"

#define FILLER_PIECE 65536
#define PATIENCE_MS  10000

struct client {
	struct fake_engine *engine;
	struct bufferevent *stream;
	const struct fake_line *line; /* being answered, or NULL before the request is complete */
	size_t filled;
	char *answer;
	const char *slow; /* what is left of the answer, one byte at a time */
	struct event *tick;
	LIST_ENTRY(client) link;
};

struct fake_engine {
	struct event_base *base;
	struct evconnlistener *listener;
	char directory[32];
	char *path;
	const struct fake_line *script;
	char **requests; /* first lines */
	struct strbuf last;
	struct strbuf received;
	unsigned connections;
	LIST_HEAD(, client) clients;
};

static const struct fake_line fallbacks[] = {
	{ .request = "GET /version ",
	  .answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: *\r\n\r\n"
		    "{\"ApiVersion\":\"1.41\"}" },
	{ .request = "",
	  .answer = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: *\r\n\r\n"
		    "{\"message\":\"no script\"}" },
	{ 0 },
};

static void client_free(struct client *c)
{
	LIST_REMOVE(c, link);
	c->engine->connections--;
	if (c->tick)
		event_free(c->tick);
	bufferevent_free(c->stream);
	free(c->answer);
	free(c);
}

static void client_tick_after(struct client *c)
{
	struct timeval tv = { 0, c->line->byte_ms * 1000 };

	event_add(c->tick, &tv);
}

/* Goes on with the answer when what was written is gone. */
static void on_written(_unused_ struct bufferevent *stream, void *userdata)
{
	static const char filler[FILLER_PIECE] = { [0 ... FILLER_PIECE - 1] = 'x' };
	struct client *c = userdata;
	size_t n;

	if (!c->line || (c->slow && *c->slow))
		return;
	n = MIN(c->line->filler - c->filled, sizeof(filler));
	c->filled += n;
	if (n > 0)
		bufferevent_write(c->stream, filler, n);
	else if (c->line->then == FAKE_CLOSE)
		client_free(c);
}

static void on_tick(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct client *c = userdata;

	bufferevent_write(c->stream, c->slow++, 1);
	if (*c->slow)
		client_tick_after(c);
}

/* The answer with its length in place of the asterisk. */
static char *compose(const char *text)
{
	static const char name[] = "Content-Length: *";
	const char *field = strstr(text, name);
	const char *body = field ? strstr(field, "\r\n\r\n") : NULL;
	int before;

	if (!body)
		return xstrdup(text);
	before = (int)(field - text + (ptrdiff_t)strlen(name) - 1);
	return xasprintf("%.*s%zu%s", before, text, strlen(body + 4), field + strlen(name));
}

static void client_answer(struct client *c)
{
	c->answer = compose(c->line->answer ? c->line->answer : "");
	if (c->line->byte_ms > 0 && *c->answer) {
		c->slow = c->answer;
		client_tick_after(c);
		return;
	}
	bufferevent_write(c->stream, c->answer, strlen(c->answer));
	if (!*c->answer)
		on_written(c->stream, c);
}

static const struct fake_line *find_line(const struct fake_line *script, const char *request)
{
	for (const struct fake_line *line = script; line && line->request; line++) {
		if (strncmp(request, line->request, strlen(line->request)) == 0)
			return line;
	}
	return NULL;
}

/* The length of a complete request at the beginning of text, or 0. */
static size_t request_length(const char *text)
{
	static const char name[] = "\r\nContent-Length: ";
	const char *end = strstr(text, "\r\n\r\n");
	const char *field = strstr(text, name);
	size_t length;

	if (!end)
		return 0;
	length = (size_t)(end - text) + 4;
	if (field && field < end)
		length += strtoul(field + strlen(name), NULL, 10);
	return strlen(text) >= length ? length : 0;
}

static void client_take_request(struct client *c, const char *text, size_t length)
{
	struct fake_engine *f = c->engine;
	_cleanup_free_ char *line = xstrndup(text, strcspn(text, "\r\n"));

	strv_append(&f->requests, line);
	strbuf_clear(&f->last);
	strbuf_append(&f->last, text, length);
	c->line = find_line(f->script, line);
	if (!c->line)
		c->line = find_line(fallbacks, line);
	client_answer(c);
}

static void on_readable(_unused_ struct bufferevent *stream, void *userdata)
{
	struct client *c = userdata;
	struct evbuffer *in = bufferevent_get_input(c->stream);
	size_t have = evbuffer_get_length(in);
	_cleanup_free_ char *text = NULL;
	size_t length;

	text = xstrndup((const char *)evbuffer_pullup(in, -1), have);
	length = c->line ? 0 : request_length(text);
	if (c->line) {
		strbuf_append(&c->engine->received, text, have);
		evbuffer_drain(in, have);
	} else if (length > 0) {
		evbuffer_drain(in, length);
		client_take_request(c, text, length);
	}
}

static void on_end(_unused_ struct bufferevent *stream, _unused_ short what, void *userdata)
{
	client_free(userdata);
}

static void on_accepted(_unused_ struct evconnlistener *listener, evutil_socket_t fd,
			_unused_ struct sockaddr *address, _unused_ int length, void *userdata)
{
	struct fake_engine *f = userdata;
	struct client *c = xnew(struct client);

	c->engine = f;
	c->stream = bufferevent_socket_new(f->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->tick = evtimer_new(f->base, on_tick, c);
	LIST_INSERT_HEAD(&f->clients, c, link);
	f->connections++;
	bufferevent_setcb(c->stream, on_readable, on_written, on_end, c);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
}

struct fake_engine *fake_engine_new(struct event_base *base, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct fake_engine *f = xnew(struct fake_engine);
	int fd;

	(void)signal(SIGPIPE, SIG_IGN); /* bufferevents write to what is closed */
	f->base = base;
	strcpy(f->directory, "/tmp/fake-engine-XXXXXX");
	if (!mkdtemp(f->directory))
		abort();
	f->path = xasprintf("%s/docker.sock", f->directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, backlog) < 0)
		abort();
	f->listener = evconnlistener_new(base, on_accepted, f,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	LIST_INIT(&f->clients);
	return f;
}

void fake_engine_stop(struct fake_engine *f)
{
	if (f->listener)
		evconnlistener_free(TAKE_PTR(f->listener));
}

void fake_engine_free(struct fake_engine *f)
{
	if (!f)
		return;
	while (!LIST_EMPTY(&f->clients))
		client_free(LIST_FIRST(&f->clients));
	fake_engine_stop(f);
	(void)unlink(f->path);
	(void)rmdir(f->directory);
	free(f->path);
	strv_free(f->requests);
	strbuf_clear(&f->last);
	strbuf_clear(&f->received);
	free(f);
}

const char *fake_engine_path(const struct fake_engine *f)
{
	return f->path;
}

void fake_engine_script(struct fake_engine *f, const struct fake_line *script)
{
	f->script = script;
}

void fake_engine_accept(struct fake_engine *f, bool accept)
{
	if (accept)
		evconnlistener_enable(f->listener);
	else
		evconnlistener_disable(f->listener);
}

unsigned fake_engine_count(const struct fake_engine *f, const char *request)
{
	unsigned n = 0;

	for (char **line = f->requests; line && *line; line++)
		n += strncmp(*line, request, strlen(request)) == 0;
	return n;
}

const char *fake_engine_last(const struct fake_engine *f)
{
	return f->last.data ? f->last.data : "";
}

const char *fake_engine_stream(const struct fake_engine *f)
{
	return f->received.data ? f->received.data : "";
}

static void on_late(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	*(bool *)userdata = true;
}

static bool run(struct fake_engine *f, const unsigned *count, unsigned wanted, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	bool late = false;
	struct event *timer = evtimer_new(f->base, on_late, &late);

	event_add(timer, &tv);
	while (!late && *count < wanted)
		(void)event_base_loop(f->base, EVLOOP_ONCE);
	event_free(timer);
	return *count >= wanted;
}

bool fake_engine_run(struct fake_engine *f, const unsigned *count, unsigned wanted)
{
	return run(f, count, wanted, PATIENCE_MS);
}

bool fake_engine_run_connections(struct fake_engine *f, unsigned wanted)
{
	for (int ms = 0; f->connections != wanted && ms < PATIENCE_MS; ms++)
		fake_engine_run_for(f, 1);
	return f->connections == wanted;
}

void fake_engine_run_for(struct fake_engine *f, int ms)
{
	static const unsigned none = 0;

	(void)run(f, &none, 1, ms);
}
