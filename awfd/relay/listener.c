#include "awfd/relay/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"
#include "awfd/relay/socket.h"

#define ACCEPT_BATCH 16 /* connections that one turn accepts */

/* How long nothing is accepted when the machine is short of something. */
static const struct timeval shortage_pause = { .tv_usec = 100000 };

struct listener {
	int fd;
	struct event *event;
	struct target target;
	struct listeners *all;
	TAILQ_ENTRY(listener) waiting;
};

struct listeners {
	struct listeners_config config;
	struct listener *list;
	size_t count;
	TAILQ_HEAD(, listener) waiting; /* for room; not watched meanwhile */
	bool shortage;                  /* nothing is accepted until the retry */
	struct event *retry;
};

static bool may_accept(const struct listener *l)
{
	const struct listeners *all = l->all;

	return !all->shortage && !all->config.full(l->target.upstream, all->config.userdata);
}

static void listener_report(const struct listener *l, enum relay_event_kind kind, int error)
{
	const struct relay_event e =
		upstream_event(l->target.upstream, l->target.port, kind, error);

	report_add(l->all->config.report, &e);
}

static void listener_wait(struct listener *l)
{
	if (!l->all->shortage)
		listener_report(l, RELAY_LIMIT, 0);
	event_del(l->event);
	TAILQ_INSERT_TAIL(&l->all->waiting, l, waiting);
}

/* A socket that waited has its turn in any case, also when nobody waits for it any more: the end of
 * that turn is what the next one waits for. */
void listeners_room(struct listeners *all)
{
	struct listener *l;

	if (!all)
		return;
	TAILQ_FOREACH (l, &all->waiting, waiting)
		if (may_accept(l))
			break;
	if (!l)
		return;
	TAILQ_REMOVE(&all->waiting, l, waiting);
	(void)event_add(l->event, NULL);
	event_active(l->event, EV_READ, 0);
}

static void pause_for_shortage(const struct listener *l, int error)
{
	struct listeners *all = l->all;

	log_debug("accepting pauses: %s", strerror(-error));
	listener_report(l, RELAY_SHORTAGE, error);
	all->shortage = true;
	(void)event_add(all->retry, &shortage_pause);
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
	struct listeners *all = userdata;

	(void)fd;
	(void)what;
	all->shortage = false;
	listeners_room(all);
}

/* Whether accept(2) failed because of the one connection, and the next may do better. */
static bool concerns_connection(int error)
{
	static const int errors[] = { EINTR,       ECONNABORTED, EPROTO,     ENETDOWN,
				      ENOPROTOOPT, EHOSTDOWN,    ENONET,     EHOSTUNREACH,
				      EPERM,       EOPNOTSUPP,   ENETUNREACH };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

/* Accepts one connection. False when this turn is over. */
static bool accept_one(struct listener *l)
{
	struct listeners *all = l->all;
	int fd, r;

	if (!may_accept(l)) {
		listener_wait(l);
		return false;
	}
	fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && concerns_connection(errno))
		return true;
	r = fd < 0 ? -errno : all->config.accepted(fd, &l->target, all->config.userdata);
	if (r < 0 && r != -EAGAIN)
		pause_for_shortage(l, r);
	return r == 0;
}

static void on_connection(evutil_socket_t fd, short what, void *userdata)
{
	struct listener *l = userdata;

	(void)fd;
	(void)what;
	for (size_t n = 0; n < ACCEPT_BATCH; n++)
		if (!accept_one(l))
			break;
	listeners_room(l->all);
}

static bool is_listening_tcp(int fd)
{
	int listening = 0, protocol = 0;
	socklen_t length = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
	       protocol == IPPROTO_TCP;
}

/* The port of a socket, 0 when it has none. */
static uint16_t local_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { 0 };
	socklen_t length = sizeof(address);

	if (getsockname(fd, &address.any, &length) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
						       : address.v4.sin_port);
}

static int add_listener(struct listeners *all, int fd, const char *name, struct err *e)
{
	struct listener *l = &all->list[all->count];
	struct upstream *upstream = upstreams_find(all->config.upstreams, name);
	int r;

	if (!is_listening_tcp(fd))
		return err_set(e, -EINVAL, ERR_SYSTEM, "descriptor %d: not a listening TCP socket",
			       fd);
	if (!upstream)
		return err_set(e, -EINVAL, ERR_SYSTEM, "descriptor %d: no upstream for '%s'", fd,
			       name);
	if ((r = fd_set_cloexec(fd, true)) < 0 || (r = fd_set_nonblock(fd, true)) < 0)
		return err_system(e, r, "descriptor %d", fd);
	socket_prepare(fd, SOCKET_ANY);
	*l = (struct listener){ .fd = fd,
				.all = all,
				.target = { .upstream = upstream, .port = local_port(fd) } };
	l->event = event_new(all->config.base, fd, EV_READ | EV_PERSIST, on_connection, l);
	if (!l->event)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "descriptor %d: no event", fd);
	all->count++;
	return 0;
}

int listeners_new(const struct listeners_config *config, struct listeners **ret, struct err *e)
{
	_cleanup_(listeners_freep) struct listeners *all = xnew(struct listeners);
	const struct passed *passed = config->passed;
	int r;

	all->config = *config;
	all->list = xcalloc(passed->count, sizeof(*all->list));
	TAILQ_INIT(&all->waiting);
	all->retry = evtimer_new(config->base, on_retry, all);
	if (!all->retry)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "no event");
	for (size_t i = 0; i < passed->count; i++) {
		int fd = PASSED_FIRST_FD + (int)i;

		r = fd == config->log ? 0 : add_listener(all, fd, passed_name(passed, i), e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(all);
	return 0;
}

void listeners_start(struct listeners *all)
{
	for (size_t i = 0; i < all->count; i++)
		(void)event_add(all->list[i].event, NULL);
}

void listeners_free(struct listeners *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++) {
		event_free(all->list[i].event);
		close(all->list[i].fd);
	}
	if (all->retry)
		event_free(all->retry);
	free(all->list);
	free(all);
}
