#include "containers/cli-proxy/listener.h"

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/log.h"

/* More connections than this wait for their handshake to be answered. */
#define BACKLOG 1024

/* The proxy's own descriptors, with room for connections that are no call yet. A call that waits
 * has its connection; one that runs has that of its input, too, and three pipes. */
#define OWN_DESCRIPTORS     20
#define WAITING_DESCRIPTORS 1
#define RUNNING_DESCRIPTORS 5

/* For how long no connection is accepted when the descriptors are full. */
#define PAUSE_USEC 20000

struct listener {
	struct evconnlistener *listener; /* http's */
	uint64_t full; /* with so many descriptors open no connection is accepted: that bounds the
			* memory that half-sent requests take, and leaves some for the calls */
};

/* Descriptors are given out from the lowest free number on. */
static bool descriptors_are_full(const struct listener *l)
{
	_cleanup_close_ int lowest = fcntl(evconnlistener_get_fd(l->listener), F_DUPFD_CLOEXEC, 0);

	return lowest < 0 || (uint64_t)lowest >= l->full;
}

static void pause_accepting(struct evconnlistener *listener, event_callback_fn then, void *userdata)
{
	struct timeval pause = { .tv_usec = PAUSE_USEC };

	evconnlistener_disable(listener);
	event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, then, userdata, &pause);
}

static void on_pause_over(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct listener *l = userdata;

	if (descriptors_are_full(l))
		pause_accepting(l->listener, on_pause_over, l);
	else
		evconnlistener_enable(l->listener);
}

static void on_error_pause_over(evutil_socket_t fd _unused_, short what _unused_, void *listener)
{
	evconnlistener_enable(listener);
}

/* The userdata is evhttp's. */
static void on_error(struct evconnlistener *listener, void *userdata _unused_)
{
	pause_accepting(listener, on_error_pause_over, listener);
}

/* Called by evhttp for every connection it has accepted. */
static struct bufferevent *on_accepted(struct event_base *base, void *userdata)
{
	struct listener *l = userdata;

	if (descriptors_are_full(l))
		pause_accepting(l->listener, on_pause_over, l);
	return bufferevent_socket_new(base, -1, 0);
}

static int bound_socket(int family, const struct sockaddr *address, socklen_t length)
{
	_cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		return -errno;
	if (bind(fd, address, length) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int bound_socket_v6(uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_ANY_INIT,
				    .sin6_port = htons(port) };

	return bound_socket(AF_INET6, (struct sockaddr *)&any, sizeof(any));
}

static int bound_socket_v4(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };

	return bound_socket(AF_INET, (struct sockaddr *)&any, sizeof(any));
}

static struct listener *listener_new(struct evconnlistener *listener, const struct settings *s)
{
	struct listener *l = xnew(struct listener);

	l->listener = listener;
	l->full = OWN_DESCRIPTORS + s->waiting_limit * WAITING_DESCRIPTORS +
		  s->running_limit * RUNNING_DESCRIPTORS;
	return l;
}

int listener_start(struct event_base *base, struct evhttp *http, const struct settings *s,
		   struct listener **ret, struct err *e)
{
	uint16_t port = (uint16_t)s->port;
	_cleanup_close_ int fd = bound_socket_v6(port);
	_cleanup_(listener_freep) struct listener *l = NULL;
	struct evconnlistener *listener;

	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
		log_info("no IPv6 here: serving IPv4 only");
		fd = bound_socket_v4(port);
	}
	if (fd < 0)
		return err_system(e, fd, "cannot listen on port %u", port);
	listener = evconnlistener_new(base, NULL, NULL,
				      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (!listener)
		return err_system(e, -errno, "cannot listen on port %u", port);
	(void)TAKE_FD(fd);
	l = listener_new(listener, s);
	evconnlistener_set_error_cb(listener, on_error);
	evhttp_set_bevcb(http, on_accepted, l);
	if (!evhttp_bind_listener(http, listener)) {
		evconnlistener_free(listener);
		return err_system(e, -ENOMEM, "cannot serve port %u", port);
	}
	*ret = TAKE_PTR(l);
	return 0;
}

void listener_free(struct listener *l)
{
	free(l);
}
