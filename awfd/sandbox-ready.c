/* Sidecars ready: a connection from the agent's own namespace is accepted. Tried again every few
 * milliseconds until then, because they take some tens; the plan's step limits it. */
#include "awfd/sandbox-internal.h"

#include <sys/socket.h>

#include "awfd/config.h"
#include "awfd/netns.h"
#include "common/alloc.h"
#include "common/fd.h"

#define RETRY_MS 4

static void try(struct ready *ready);

static void stop(struct ready *ready)
{
	if (ready->event)
		event_free(TAKE_PTR(ready->event));
	if (ready->retry)
		event_free(TAKE_PTR(ready->retry));
	ready->fd = fd_close(ready->fd);
}

void sandbox_ready_cancel(struct sandbox *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->ready); i++)
		stop(&s->ready[i]);
}

/* Ends the step: one failed, or all answered. */
static void answered(struct ready *ready, const struct err *e)
{
	struct sandbox *s = ready->sandbox;

	stop(ready);
	if (e)
		sandbox_ready_cancel(s);
	if (e || --s->ready_pending == 0)
		sandbox_ready_ended(s, e);
}

static void on_retry(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	try(userdata);
}

static void try_later(struct ready *ready)
{
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };

	stop(ready);
	ready->retry = evtimer_new(ready->sandbox->manager->base, on_retry, ready);
	if (!ready->retry)
		abort();
	event_add(ready->retry, &tv);
}

static void on_connected(evutil_socket_t fd, short what _unused_, void *userdata)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error != 0)
		try_later(userdata);
	else
		answered(userdata, NULL);
}

static int connect_now(struct ready *ready, struct err *e)
{
	struct sandbox *s = ready->sandbox;

	stop(ready);
	ready->fd =
		netns_socket(s->containers[DOCKER_ROLE_PAUSE].pidfd, AF_INET, SOCK_STREAM, 0, e);
	if (ready->fd < 0)
		return ready->fd;
	if (connect(ready->fd, (struct sockaddr *)&ready->address, sizeof(ready->address)) < 0 &&
	    errno != EINPROGRESS)
		return err_system(e, -errno,
				  "cannot connect to a sidecar from the agent's network");
	ready->event = event_new(s->manager->base, ready->fd, EV_WRITE, on_connected, ready);
	if (!ready->event)
		abort();
	event_add(ready->event, NULL);
	return 0;
}

static void try(struct ready *ready)
{
	_cleanup_err_ struct err e = { 0 };

	if (connect_now(ready, &e) < 0)
		answered(ready, &e);
}

static int begin(struct sandbox *s, struct ready *ready, unsigned host, uint16_t port,
		 struct err *e)
{
	*ready = (struct ready){
		.sandbox = s,
		.fd = -EBADF,
		.address = { .sin_family = AF_INET,
			     .sin_port = htons(port),
			     .sin_addr = config_address(s->config, host) },
	};
	s->ready_pending++;
	return connect_now(ready, e);
}

int sandbox_ready_start(struct sandbox *s, struct err *e)
{
	int r = 0;

	s->ready_pending = 0;
	if (s->has_difc)
		r = begin(s, &s->ready[s->ready_pending], SANDBOX_HOST_CLI, SANDBOX_CLI_PORT, e);
	if (r == 0 && s->egress.wanted)
		r = begin(s, &s->ready[s->ready_pending], SANDBOX_HOST_SQUID, SANDBOX_SQUID_PORT,
			  e);
	if (r < 0)
		sandbox_ready_cancel(s);
	return r;
}
