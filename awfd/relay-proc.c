#include "awfd/relay-proc.h"

#include <fcntl.h>
#include <string.h>

#include "awfd/child.h"
#include "awfd/host-ports.h"
#include "awfd/socket-address.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"
#include "common/strv.h"

#define NAME     "awf-relay"
#define NAME_LOG "log" /* of the descriptor behind the listeners */

/* How long one has that was asked to end, until it is killed. */
static const struct timeval stop_time = { .tv_sec = 1 };

/* All that a relay ever says on its stdout. */
#define READY "READY=1\n"

/* The port of the host that a connection came in on, as the relay takes it. */

_Static_assert(SPAWN_FDS_MAX >= HOST_PORTS_MAX + 3,
	       "a relay serves the host ports and DIFC, and writes a log");

struct relay_proc {
	struct event_base *base;
	struct relay_proc_events events;
	void *userdata;
	pid_t pid;
	struct child *child; /* NULL once it ended */
	int out;             /* its stdout, until it is ready */
	struct event *out_event;
	struct event *stopping; /* set when it was asked to end */
	struct strbuf said;
};

static void forget_stopping(struct relay_proc *p)
{
	if (p->stopping)
		event_free(TAKE_PTR(p->stopping));
}

static void forget_out(struct relay_proc *p)
{
	if (p->out_event)
		event_free(TAKE_PTR(p->out_event));
	p->out = fd_close(p->out);
}

static void relay_ended(struct relay_proc *p, const char *how)
{
	_cleanup_err_ struct err e = { 0 };

	forget_out(p);
	forget_stopping(p);
	child_free(TAKE_PTR(p->child));
	(void)err_set(&e, -ECHILD, ERR_SYSTEM, NAME " ended with %s", how);
	p->events.exited(p, &e, p->userdata);
}

static void on_ended(struct child *c _unused_, bool well _unused_, const char *how, void *userdata)
{
	relay_ended(userdata, how);
}

/* Takes what the relay says until that is that it is ready. At the end of file its end is about to
 * be told; a relay that says something else is none, and is ended. */
static void on_out(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct relay_proc *p = userdata;
	char buffer[sizeof(READY)];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget_out(p);
		return;
	}
	strbuf_append(&p->said, buffer, (size_t)n);
	if (strncmp(p->said.data, READY, p->said.length) != 0) {
		relay_ended(p, "an answer that is none");
	} else if (p->said.length == strlen(READY)) {
		forget_out(p);
		p->events.ready(p, p->userdata);
	}
}

/* The host's loopback, then its other addresses, with the port that a connection came in on. */
static char *place_of_host(const struct relay_upstream *u)
{
	static const struct host_addresses none;
	_cleanup_free_ char *host = host_addresses_format(u->host ? u->host : &none);

	return xasprintf("%s:*", host);
}

static int append_upstream(char ***argv, const struct relay_upstream *u, struct err *e)
{
	_cleanup_free_ char *place = NULL;

	if (u->host_ports && !u->address)
		place = place_of_host(u);
	else if (u->address && !u->host_ports)
		place = socket_address_format(u->address);
	if (!place)
		return err_set(e, -EAFNOSUPPORT, ERR_SYSTEM, NAME ": the upstream is no address");
	strv_appendf(argv, "--upstream=%s=%s", u->name, place);
	return 0;
}

/* What the relay gets beside the standard descriptors: its listeners, and the log behind them. */
struct passed_fds {
	int *fds;
	const char **names;
	size_t count;
};

static void passed_fds_clear(struct passed_fds *p)
{
	free(p->fds);
	free(p->names);
}

static void fill_passed(const struct relay_proc_spec *spec, struct passed_fds *p)
{
	const size_t n = spec->listener_count;

	p->fds = xcalloc(n + 1, sizeof(*p->fds));
	p->names = xcalloc(n + 1, sizeof(*p->names));
	for (p->count = 0; p->count < n; p->count++) {
		p->fds[p->count] = spec->listeners[p->count];
		p->names[p->count] = spec->listener_names[p->count];
	}
	if (spec->log < 0)
		return;
	p->fds[n] = spec->log;
	p->names[n] = NAME_LOG;
	p->count++;
}

static int format_arguments(const struct relay_proc_spec *spec, char ***argv, struct err *e)
{
	strv_append(argv, NAME);
	strv_appendf(argv, "--sandbox=%s", spec->sandbox);
	for (size_t i = 0; i < spec->upstream_count; i++) {
		int r = append_upstream(argv, &spec->upstreams[i], e);

		if (r < 0)
			return r;
	}
	strv_appendf(argv, "--ready-fd=%d", STDOUT_FILENO);
	if (spec->counters >= 0)
		strv_appendf(argv, "--counters-fd=%d", STDIN_FILENO);
	if (spec->log >= 0)
		strv_appendf(argv, "--log-fd=%zu", STDERR_FILENO + 1 + spec->listener_count);
	return 0;
}

static int start_child(struct relay_proc *p, struct event_base *base,
		       const struct relay_proc_spec *spec, int out, struct err *e)
{
	_cleanup_strv_ char **argv = NULL;
	_cleanup_(passed_fds_clear) struct passed_fds passed = { 0 };
	struct spawn s = { .path = spec->path,
			   .uid = spec->uid,
			   .gid = spec->gid,
			   .network = -EBADF,
			   .in = spec->counters,
			   .out = out };
	int r = format_arguments(spec, &argv, e);

	if (r < 0)
		return r;
	fill_passed(spec, &passed);
	s.fds = passed.fds;
	s.fd_names = passed.names;
	s.fd_count = passed.count;
	s.argv = argv;
	r = child_start(base, &s, on_ended, p, &p->child, e);
	if (r == 0)
		p->pid = child_pid(p->child);
	return r;
}

static int watch_out(struct relay_proc *p, struct event_base *base, struct err *e)
{
	int r = fd_set_nonblock(p->out, true);

	p->out_event = event_new(base, p->out, EV_READ | EV_PERSIST, on_out, p);
	if (r < 0 || !p->out_event || event_add(p->out_event, NULL) < 0)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "cannot watch " NAME);
	return 0;
}

DEFINE_CLEANUP(struct relay_proc, relay_proc_free)

int relay_proc_start(struct event_base *base, const struct relay_proc_spec *spec,
		     const struct relay_proc_events *events, void *userdata,
		     struct relay_proc **ret, struct err *e)
{
	_cleanup_(relay_proc_freep) struct relay_proc *p = xnew(struct relay_proc);
	_cleanup_close_ int writer = -EBADF;
	int fds[2], r;

	*p = (struct relay_proc){
		.base = base, .events = *events, .userdata = userdata, .out = -EBADF
	};
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_system(e, -errno, "cannot start " NAME);
	p->out = fds[0];
	writer = fds[1];
	r = start_child(p, base, spec, writer, e);
	if (r == 0)
		r = watch_out(p, base, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

int relay_proc_adopt(struct event_base *base, const struct process_id *id,
		     const struct relay_proc_events *events, void *userdata,
		     struct relay_proc **ret)
{
	struct relay_proc *p;
	int pidfd = process_open(id);

	if (pidfd < 0)
		return pidfd;
	p = xnew(struct relay_proc);
	*p = (struct relay_proc){
		.base = base, .events = *events, .userdata = userdata, .pid = id->pid, .out = -EBADF
	};
	p->child = child_adopt(base, id->pid, pidfd, on_ended, p);
	*ret = p;
	return 0;
}

pid_t relay_proc_pid(const struct relay_proc *p)
{
	return p->pid;
}

int relay_proc_identify(const struct relay_proc *p, struct process_id *ret)
{
	return p->child ? process_identify(child_pidfd(p->child), p->pid, ret) : -ESRCH;
}

static void on_stop_time(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	relay_ended(userdata, "SIGKILL, after it was asked to end");
}

bool relay_proc_stop(struct relay_proc *p)
{
	if (!p->child)
		return false;
	if (p->stopping)
		return true;
	p->stopping = evtimer_new(p->base, on_stop_time, p);
	if (!p->stopping || event_add(p->stopping, &stop_time) < 0)
		abort();
	child_terminate(p->child);
	return true;
}

void relay_proc_free(struct relay_proc *p)
{
	if (!p)
		return;
	child_free(TAKE_PTR(p->child));
	relay_proc_release(p);
}

void relay_proc_release(struct relay_proc *p)
{
	if (!p)
		return;
	forget_out(p);
	forget_stopping(p);
	child_release(p->child);
	strbuf_clear(&p->said);
	free(p);
}
