#include "awfd/relay/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"
#include "awfd/relay/socket.h"

#define FIRST_FD      3 /* SD_LISTEN_FDS_START */
#define LISTENERS_MAX 64
#define ACCEPT_BATCH  16 /* connections that one turn accepts */

/* How long nothing is accepted when the machine is short of something. */
static const struct timeval shortage_pause = { .tv_usec = 100000 };

struct listener {
	int fd;
	struct event *event;
	struct listeners *all;
};

struct listeners {
	struct listeners_config config;
	struct listener list[LISTENERS_MAX];
	size_t count;
	bool paused;
	struct event *retry; /* pending while paused because of a shortage */
};

static void listeners_pause(struct listeners *all)
{
	all->paused = true;
	for (size_t i = 0; i < all->count; i++)
		event_del(all->list[i].event);
}

static void listeners_pause_for_shortage(struct listeners *all, int error)
{
	log_debug("accepting pauses: %s", strerror(-error));
	listeners_pause(all);
	(void)event_add(all->retry, &shortage_pause);
}

void listeners_resume(struct listeners *all)
{
	if (!all || !all->paused || event_pending(all->retry, EV_TIMEOUT, NULL))
		return;
	all->paused = false;
	for (size_t i = 0; i < all->count; i++)
		(void)event_add(all->list[i].event, NULL);
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	listeners_resume(userdata);
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

	if (all->config.full(all->config.userdata)) {
		listeners_pause(all);
		return false;
	}
	fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && concerns_connection(errno))
		return true;
	r = fd < 0 ? -errno : all->config.accepted(fd, all->config.userdata);
	if (r < 0 && r != -EAGAIN)
		listeners_pause_for_shortage(all, r);
	return r == 0;
}

static void on_connection(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	for (size_t n = 0; n < ACCEPT_BATCH; n++)
		if (!accept_one(userdata))
			break;
}

/* The number of sockets that were passed to this process, 0 when there are none. */
static size_t passed_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t number;

	if (!pid || !fds || parse_uint(pid, 1, INT32_MAX, &number) < 0 ||
	    (pid_t)number != getpid() || parse_uint(fds, 1, LISTENERS_MAX, &number) < 0)
		return 0;
	return (size_t)number;
}

static bool is_listening_tcp(int fd)
{
	int listening = 0, protocol = 0;
	socklen_t length = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
	       protocol == IPPROTO_TCP;
}

static int add_listener(struct listeners *all, int fd, struct err *e)
{
	struct listener *l = &all->list[all->count];
	int r;

	if (!is_listening_tcp(fd))
		return err_set(e, -EINVAL, ERR_SYSTEM, "descriptor %d: not a listening TCP socket",
			       fd);
	if ((r = fd_set_cloexec(fd, true)) < 0 || (r = fd_set_nonblock(fd, true)) < 0)
		return err_system(e, r, "descriptor %d", fd);
	socket_prepare(fd, SOCKET_EITHER);
	*l = (struct listener){ .fd = fd, .all = all };
	l->event = event_new(all->config.base, fd, EV_READ | EV_PERSIST, on_connection, l);
	if (!l->event)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "descriptor %d: no event", fd);
	all->count++;
	return 0;
}

int listeners_new(const struct listeners_config *config, struct listeners **ret, struct err *e)
{
	_cleanup_(listeners_freep) struct listeners *all = xnew(struct listeners);
	size_t count = passed_count();
	int r;

	all->config = *config;
	all->paused = true;
	all->retry = evtimer_new(config->base, on_retry, all);
	if (!all->retry)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "no event");
	if (count == 0)
		return err_set(e, -ENOTCONN, ERR_SYSTEM,
			       "no listening sockets were passed: start it by socket activation");
	for (size_t i = 0; i < count; i++) {
		r = add_listener(all, FIRST_FD + (int)i, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(all);
	return 0;
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
	free(all);
}
