#include "awfd/relay/pair.h"

#include <sys/socket.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/fd.h"
#include "awfd/relay/socket.h"

static void on_client(evutil_socket_t fd, short what, void *userdata);
static void on_upstream(evutil_socket_t fd, short what, void *userdata);

/* Errors of the relay itself: to try another address won't help. */
static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

static int end_watch(struct pair *p, struct end *end, short what, event_callback_fn fn,
		     const struct timeval *timeout)
{
	if (event_assign(&end->event, pairs_config(p->all)->base, end->fd,
			 (short)(what | EV_ET | EV_PERSIST), fn, p) < 0 ||
	    event_add(&end->event, timeout) < 0)
		return -ENOMEM;
	return 0;
}

/* What was accepted has room, and is watched for more only once it had none: most connections never
 * have so much to say, and each turn of the loop has its price. */
static int client_watch(struct pair *p, int fd)
{
	p->client.fd = fd;
	p->client.writable = true;
	return end_watch(p, &p->client, EV_READ, on_client, NULL);
}

static int client_watch_room(struct pair *p)
{
	if (p->client.writable || event_get_events(&p->client.event) & EV_WRITE)
		return 0;
	event_del(&p->client.event);
	return end_watch(p, &p->client, EV_READ | EV_WRITE, on_client, NULL);
}

static int upstream_watch(struct pair *p, int fd)
{
	p->upstream.fd = fd;
	p->upstream.readable = p->upstream.writable = false;
	return end_watch(p, &p->upstream, EV_READ | EV_WRITE, on_upstream,
			 pairs_connect_timeout(p->all));
}

/* An error makes a socket both readable and writable (epoll backend of libevent). */
static bool may_have_failed(short what)
{
	return (what & EV_READ) != 0;
}

static void end_note(struct end *end, short what)
{
	end->readable |= (what & EV_READ) != 0;
	end->writable |= (what & EV_WRITE) != 0;
}

static void end_unwatch(struct end *end)
{
	if (end->fd >= 0)
		event_del(&end->event);
}

static void pair_free(struct pair *p, void (*finish)(int fd))
{
	struct pairs *all = p->all;

	direction_clear(&p->up, pairs_pipes(all));
	direction_clear(&p->down, pairs_pipes(all));
	end_unwatch(&p->client);
	end_unwatch(&p->upstream);
	finish(p->client.fd);
	finish(p->upstream.fd);
	pairs_remove(all, p);
	free(p);
}

static void finish_quietly(int fd)
{
	(void)fd_close(fd);
}

static void pair_report(const struct pair *p, enum relay_event_kind kind, int error)
{
	struct report *report = pairs_config(p->all)->report;
	struct relay_event e;

	if (!report)
		return;
	e = upstream_event(p->target->upstream, p->target->port, kind, error);
	e.sent = p->up.moved;
	e.received = p->down.moved;
	e.duration_ms = clock_ms() - p->opened_ms;
	report_add(report, &e);
}

static void pair_end(struct pair *p, enum relay_event_kind kind)
{
	pair_report(p, kind, 0);
	pair_free(p, kind == RELAY_CLOSED ? finish_quietly : socket_reset);
}

static void pair_fail(struct pair *p, int error)
{
	pair_report(p, RELAY_FAILED, error);
	pair_free(p, socket_reset);
}

void pair_cut_off(struct pair *p)
{
	pair_end(p, RELAY_CUT_OFF);
}

static void pair_complain(const struct pair *p, int error)
{
	upstream_complain(p->target->upstream, p->target->port, pairs_config(p->all)->sandbox,
			  error);
}

/* Begins to connect to the first of the remaining addresses that takes it. 0 or -errno. */
static int pair_connect(struct pair *p)
{
	int fd = p->error, r;

	while (p->attempt < upstream_count(p->target->upstream)) {
		fd = target_connect(p->target, p->attempt, &p->upstream.unfit_for_bulk);
		if (fd >= 0 || is_shortage(fd))
			break;
		p->attempt++;
	}
	if (fd < 0) {
		pairs_config(p->all)->counters[RELAY_CONNECTIONS_FAILED]++;
		if (!is_shortage(fd))
			pair_complain(p, fd);
		return fd;
	}
	r = upstream_watch(p, fd);
	if (r < 0)
		p->upstream.fd = fd_close(fd);
	return r;
}

static void pair_connect_failed(struct pair *p, int error)
{
	end_unwatch(&p->upstream);
	p->upstream.fd = fd_close(p->upstream.fd);
	p->error = error;
	p->attempt++;
	error = pair_connect(p);
	if (error < 0)
		pair_fail(p, error);
}

static void pair_connected(struct pair *p)
{
	p->connected = true;
	event_remove_timer(&p->upstream.event);
	target_prefer(p->target, p->attempt);
	pair_run(p);
}

int pair_open(struct pairs *all, int client, struct target *target)
{
	struct pair *p = xnew(struct pair);
	uint64_t *counters = pairs_config(all)->counters;
	int r;

	p->all = all;
	p->target = target;
	p->opened_ms = clock_ms();
	p->client.fd = p->upstream.fd = -EBADF;
	p->up = (struct direction){ .from = &p->client,
				    .to = &p->upstream,
				    .count = &counters[RELAY_BYTES_SENT] };
	p->down = (struct direction){ .from = &p->upstream,
				      .to = &p->client,
				      .count = &counters[RELAY_BYTES_RECEIVED] };
	pairs_insert(all, p);
	r = client_watch(p, client);
	if (r == 0)
		r = pair_connect(p);
	if (is_shortage(r)) {
		pair_free(p, socket_reset); /* who accepts tells of it */
		return r;
	}
	if (r < 0)
		pair_fail(p, r);
	return 0;
}

/* Who ended a pair whose directions have both ended. */
static enum relay_event_kind pair_ended_by(const struct pair *p)
{
	if (p->down.broken)
		return RELAY_CLIENT_RESET;
	return p->up.broken ? RELAY_UPSTREAM_RESET : RELAY_CLOSED;
}

/* What is needed for either direction to go on. */
static void pair_goes_on(struct pair *p, bool queues)
{
	int r = client_watch_room(p);

	if (r < 0) {
		pair_fail(p, r);
		return;
	}
	direction_tell_end(&p->up);
	direction_tell_end(&p->down);
	if (queues)
		pairs_enqueue(p->all, p);
}

/* Both directions have their turn; the pair ends when neither has anything left to do. */
void pair_run(struct pair *p)
{
	struct pipe_pool *pipes = pairs_pipes(p->all);
	enum move up = direction_move(&p->up, pipes);
	enum move down = direction_move(&p->down, pipes);

	if (up == MOVE_RESET)
		pair_end(p, RELAY_CLIENT_RESET);
	else if (down == MOVE_RESET)
		pair_end(p, RELAY_UPSTREAM_RESET);
	else if (up == MOVE_ENDED && down == MOVE_ENDED)
		pair_end(p, pair_ended_by(p));
	else
		pair_goes_on(p, up == MOVE_QUEUES || down == MOVE_QUEUES);
}

/* The sender of that direction is ready. When the direction has ended it isn't looked at any more,
 * but may still break off. */
static void pair_ready(struct pair *p, const struct direction *d, short what)
{
	if (d->ended && may_have_failed(what) && socket_error(d->from->fd) < 0)
		pair_end(p, d == &p->up ? RELAY_CLIENT_RESET : RELAY_UPSTREAM_RESET);
	else if (!p->queued)
		pair_run(p);
}

static void on_client(evutil_socket_t fd, short what, void *userdata)
{
	struct pair *p = userdata;

	end_note(&p->client, what);
	if (p->connected)
		pair_ready(p, &p->up, what);
	else if (socket_error(fd) < 0)
		pair_end(p, RELAY_CLIENT_RESET);
}

static void on_upstream(evutil_socket_t fd, short what, void *userdata)
{
	struct pair *p = userdata;
	int error;

	end_note(&p->upstream, what);
	if (p->connected) {
		pair_ready(p, &p->down, what);
		return;
	}
	error = what & EV_TIMEOUT ? -ETIMEDOUT : may_have_failed(what) ? socket_error(fd) : 0;
	if (error < 0)
		pair_connect_failed(p, error);
	else
		pair_connected(p);
}
