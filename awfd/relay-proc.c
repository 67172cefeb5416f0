#include "awfd/relay-proc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "awfd/child.h"
#include "common/alloc.h"
#include "common/fd.h"

#define READY_LINE "READY=1\n"

struct relay_proc {
	struct child *child;
	int ready_fd;         /* the end of the pipe that its stdout is */
	struct event *ready;
	const struct relay_proc_events *events;
	void *userdata;
};

/* "127.0.0.1:18443" or "[::1]:18443". */
static char *format_address(const struct sockaddr_storage *address)
{
	char host[INET6_ADDRSTRLEN];

	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		return xasprintf("[%s]:%u", host, ntohs(v6->sin6_port));
	}
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

	inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
	return xasprintf("%s:%u", host, ntohs(v4->sin_port));
}

static void on_ended(struct child *c _unused_, bool well _unused_, const char *how, void *userdata)
{
	struct relay_proc *p = userdata;
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(&e, -ECHILD, ERR_SYSTEM, "awf-relay ended with %s", how);
	p->events->exited(p, &e, p->userdata);
}

static void on_ready(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct relay_proc *p = userdata;
	char line[sizeof(READY_LINE)];
	ssize_t n = read(fd, line, sizeof(line));

	event_del(p->ready);
	p->ready_fd = fd_close(p->ready_fd);
	if (n == sizeof(READY_LINE) - 1 && memcmp(line, READY_LINE, (size_t)n) == 0)
		p->events->ready(p, p->userdata);
	/* Else it ended before it was ready: `exited` tells. */
}

static int start_child(struct event_base *base, const struct relay_proc_spec *spec, int out,
		       struct relay_proc *p, struct err *e)
{
	_cleanup_free_ char *upstream = format_address(spec->upstream);
	char *const argv[] = { (char *)"awf-relay", (char *)"--sandbox", (char *)spec->sandbox,
			       (char *)"--upstream", upstream, (char *)"--ready-fd", (char *)"1",
			       NULL };
	const struct spawn spawn = { .path = spec->path, .argv = argv, .uid = spec->uid,
				     .gid = spec->gid, .in = -EBADF, .out = out,
				     .fds = spec->listeners, .fd_count = spec->listener_count };

	return child_start(base, &spawn, on_ended, p, &p->child, e);
}

int relay_proc_start(struct event_base *base, const struct relay_proc_spec *spec,
		     const struct relay_proc_events *events, void *userdata, struct relay_proc **ret,
		     struct err *e)
{
	struct relay_proc *p;
	int pipe[2], r;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return err_system(e, -errno, "cannot make a pipe for awf-relay");
	p = xnew(struct relay_proc);
	*p = (struct relay_proc){ .ready_fd = pipe[0], .events = events, .userdata = userdata };
	r = start_child(base, spec, pipe[1], p, e);
	fd_close(pipe[1]);
	if (r < 0) {
		relay_proc_free(p);
		return r;
	}
	p->ready = event_new(base, p->ready_fd, EV_READ, on_ready, p);
	if (!p->ready)
		abort();
	event_add(p->ready, NULL);
	*ret = p;
	return 0;
}

pid_t relay_proc_pid(const struct relay_proc *p)
{
	return child_pid(p->child);
}

void relay_proc_free(struct relay_proc *p)
{
	if (!p)
		return;
	child_free(p->child);
	if (p->ready)
		event_free(p->ready);
	fd_close(p->ready_fd);
	free(p);
}
