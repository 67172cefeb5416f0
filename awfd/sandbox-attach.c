/* The streams of a sandbox's agent: the one opened before it started, and later ones. */
#include "awfd/sandbox-internal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "awfd/docker-container.h"
#include "awfd/fd-store.h"
#include "common/alloc.h"
#include "common/fd.h"

#define ATTACH_TIMEOUT_MS 5000

/* Keeps a duplicate of a stream, so that it can be shut down: an unread one makes the engine's kill
 * and wait hang, and the command's writes too. */
int sandbox_keep_stream(struct sandbox *s, int fd, struct sandbox_stream **ret)
{
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++) {
		struct sandbox_stream *stream = &s->streams[i];

		if (stream->fd >= 0)
			continue;
		stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (stream->fd < 0)
			return -errno;
		*ret = stream;
		return 0;
	}
	return -EBUSY;
}

static char *stored_name(const struct sandbox_stream *stream)
{
	const struct sandbox *s = stream->sandbox;

	return xasprintf("%s-stream-%td", s->id, stream - s->streams);
}

/* The stream of a leased sandbox's client, which the next awfd can shut down then: the client and
 * the sandbox end together. One of another client is not stored, because nobody would shut it down
 * when that client is gone, and the command's writes would wait for ever. */
void sandbox_store_stream(struct sandbox_stream *stream)
{
	_cleanup_free_ char *name = stored_name(stream);

	fd_store_keep(stream->sandbox->manager->fds, name, stream->fd);
	stream->stored = true;
}

void sandbox_load_streams(struct sandbox *s)
{
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++) {
		_cleanup_free_ char *name = stored_name(&s->streams[i]);
		int fd = fd_store_take(s->manager->fds, name);

		if (fd < 0)
			continue;
		s->streams[i].fd = fd;
		s->streams[i].stored = true;
	}
}

static void forget_stored(struct sandbox_stream *stream)
{
	_cleanup_free_ char *name = stored_name(stream);

	if (stream->stored && !stream->sandbox->manager->leaving)
		fd_store_forget(stream->sandbox->manager->fds, name);
	stream->stored = false;
}

void sandbox_drop_stream(struct sandbox_stream *stream)
{
	forget_stored(stream);
	conn_unwatch(TAKE_PTR(stream->client));
	stream->fd = fd_close(stream->fd);
}

static void shut_stream_down(struct sandbox_stream *stream)
{
	if (stream->fd >= 0)
		(void)shutdown(stream->fd, SHUT_RDWR);
	sandbox_drop_stream(stream);
}

/* The client of an awfd that leaves keeps its stream: it is with the engine. */
static void on_client_gone(void *userdata)
{
	struct sandbox_stream *stream = userdata;

	if (!stream->sandbox->manager->leaving)
		shut_stream_down(stream);
}

void sandbox_shutdown_streams(struct sandbox *s)
{
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++)
		shut_stream_down(&s->streams[i]);
}

/* Whether the engine has closed a stream; it does so, too, when the command has ended. */
bool sandbox_stream_is_cut(const struct sandbox *s)
{
	for (unsigned i = 0; i < SANDBOX_STREAMS_MAX; i++) {
		struct pollfd p = { .fd = s->streams[i].fd, .events = POLLRDHUP };

		if (p.fd >= 0 && poll(&p, 1, 0) > 0)
			return true;
	}
	return false;
}

struct sandbox_attach {
	sandbox_attach_fn fn;
	void *userdata;
	struct docker_attach *attach;
	struct sandbox_watch *watch; /* its sandbox is NULL once that is gone */
	struct event *now;           /* to answer from the loop what is known at once */
	struct conn *client;
};

static void attach_free(struct sandbox_attach *a)
{
	docker_attach_cancel(a->attach);
	sandbox_unwatch(a->watch);
	event_free(a->now);
	free(a);
}

static void attach_finish(struct sandbox_attach *a, int fd, const struct err *e)
{
	sandbox_attach_fn fn = a->fn;
	void *userdata = a->userdata;

	attach_free(a);
	fn(fd, e, userdata);
}

/* A stream is shut down when the connection that got it ends: nobody reads it then. */
static void hand_over(struct sandbox_attach *a, int fd, struct sandbox_stream *stream)
{
	if (stream)
		stream->client = conn_watch(a->client, on_client_gone, stream);
	attach_finish(a, fd, NULL);
}

/* Why a stream was opened in vain; takes it over. */
static void refuse_stream(struct sandbox_attach *a, int fd, int error)
{
	const struct sandbox *s = a->watch->sandbox;
	_cleanup_err_ struct err e = { 0 };

	if (error == -ECANCELED) {
		(void)err_set(&e, error, ERR_CANCELLED, "the sandbox ended");
	} else if (error == -EBUSY) {
		(void)err_set(&e, error, ERR_QUOTA_EXCEEDED,
			      "%d clients are attached to %s already", SANDBOX_STREAMS_MAX, s->id);
		e.subject = xstrdup("attached clients");
	} else {
		(void)err_system(&e, error, "cannot keep the agent's stream");
	}
	fd_close(fd);
	attach_finish(a, -EBADF, &e);
}

static void on_stream_opened(int fd, const struct err *e, void *userdata)
{
	struct sandbox_attach *a = userdata;
	struct sandbox *s = a->watch->sandbox;
	struct sandbox_stream *stream = NULL;
	int r;

	a->attach = NULL;
	if (e) {
		attach_finish(a, -EBADF, e);
		return;
	}
	/* The others were shut down already: this one would keep the engine from ending it. */
	r = s->destroying ? -ECANCELED : sandbox_keep_stream(s, fd, &stream);
	if (r < 0)
		refuse_stream(a, fd, r);
	else
		hand_over(a, fd, stream);
}

static void on_attach_now(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct sandbox_attach *a = userdata;
	struct sandbox *s = a->watch->sandbox;
	_cleanup_err_ struct err e = { 0 };

	if (s && s->stream >= 0) {
		hand_over(a, TAKE_FD(s->stream), TAKE_PTR(s->kept_stream));
		return;
	}
	if (!s || s->state != SANDBOX_RUNNING) {
		(void)err_invalid(&e, "id", s ? s->id : NULL,
				  "the sandbox is not running (it is %s)",
				  s ? sandbox_state_name(s->state) : "gone");
		attach_finish(a, -EBADF, &e);
		return;
	}
	a->attach =
		docker_attach_start(s->manager->docker, s->containers[DOCKER_ROLE_AGENT].name,
				    s->request.open_stdin, ATTACH_TIMEOUT_MS, on_stream_opened, a);
}

static void on_attach_event(struct sandbox *s, enum sandbox_event event,
			    const struct sandbox_news *news _unused_, void *userdata)
{
	struct sandbox_attach *a = userdata;
	_cleanup_err_ struct err e = { 0 };

	if (event != SANDBOX_ENDED || s->stream >= 0)
		return; /* a stream that is still held is answered from the loop */
	(void)err_set(&e, -ECANCELED, ERR_CANCELLED, "the sandbox ended");
	attach_finish(a, -EBADF, &e);
}

struct sandbox_attach *sandbox_attach(struct sandbox *s, struct conn *client, sandbox_attach_fn fn,
				      void *userdata)
{
	struct sandbox_attach *a = xnew(struct sandbox_attach);

	*a = (struct sandbox_attach){ .fn = fn, .userdata = userdata, .client = client };
	a->watch = sandbox_watch(s, on_attach_event, a);
	a->now = evtimer_new(s->manager->base, on_attach_now, a);
	if (!a->now)
		abort();
	event_active(a->now, EV_TIMEOUT, 0);
	return a;
}

void sandbox_attach_cancel(struct sandbox_attach *a)
{
	if (a)
		attach_free(a);
}

struct docker_call *sandbox_resize(struct sandbox *s, unsigned width, unsigned height,
				   docker_reply_fn fn, void *userdata)
{
	return docker_container_resize(s->manager->docker, s->containers[DOCKER_ROLE_AGENT].name,
				       width, height, fn, userdata);
}
