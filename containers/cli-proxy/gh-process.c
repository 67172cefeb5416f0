#include "containers/cli-proxy/gh-process.h"

#include <fcntl.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"
#include "containers/cli-proxy/gh-launch.h"

/* One read, and so one frame of a streamed answer; as much as a pipe holds. */
#define READ_SIZE (64 * 1024)

enum { OUT, ERR, OUTPUTS };

/* A pipe that gh writes to. */
struct output {
	struct gh_process *process;
	enum stdcopy_type type;
	int fd;
	struct event *readable;
};

struct gh_process {
	const struct gh_process_events *events;
	void *userdata;
	struct reaper_child *child; /* NULL once it has exited */
	struct gh_end end;
	struct output outputs[OUTPUTS];
	int input_fd;
	struct event *writable;
	struct evbuffer *input;
	bool input_ends;
	bool held;
	struct event *finish; /* calls ended() from the loop */
};

static void output_close(struct output *o)
{
	if (o->readable)
		event_free(TAKE_PTR(o->readable));
	o->fd = fd_close(o->fd);
}

static void input_close(struct gh_process *p)
{
	if (p->writable)
		event_free(TAKE_PTR(p->writable));
	p->input_fd = fd_close(p->input_fd);
	evbuffer_drain(p->input, evbuffer_get_length(p->input));
}

static void check_ended(struct gh_process *p)
{
	if (!p->child && p->outputs[OUT].fd < 0 && p->outputs[ERR].fd < 0)
		event_active(p->finish, EV_TIMEOUT, 0);
}

static void on_finish(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct gh_process *p = userdata;

	p->events->ended(&p->end, p->userdata);
}

static void on_readable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	char buffer[READ_SIZE];
	struct output *o = userdata;
	ssize_t n = read(o->fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		o->process->events->output(o->type, buffer, (size_t)n, o->process->userdata);
		return;
	}
	output_close(o);
	check_ended(o->process);
}

static void on_writable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct gh_process *p = userdata;
	int error = 0;

	if (evbuffer_get_length(p->input) > 0) {
		int n = evbuffer_write(p->input, p->input_fd);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		error = n < 0 ? -EPIPE : 0;
	}
	if (error == 0 && evbuffer_get_length(p->input) > 0)
		return;
	if (error < 0 || p->input_ends)
		input_close(p);
	else
		event_del(p->writable);
	p->events->input_done(error, p->userdata);
}

static void on_exited(const struct gh_end *end, void *userdata)
{
	struct gh_process *p = userdata;

	p->child = NULL;
	p->end = *end;
	check_ended(p);
}

/* The ends of the pipes: gh's, by its descriptor number, and ours. */
struct pipes {
	int theirs[3];
	int ours[3];
};

static void pipes_close(struct pipes *pipes)
{
	for (size_t i = 0; i < ARRAY_SIZE(pipes->ours); i++) {
		pipes->theirs[i] = fd_close(pipes->theirs[i]);
		pipes->ours[i] = fd_close(pipes->ours[i]);
	}
}

static int pipes_open(struct pipes *pipes, bool input)
{
	*pipes = (struct pipes){ { -EBADF, -EBADF, -EBADF }, { -EBADF, -EBADF, -EBADF } };
	for (int i = 0; i < 3; i++) {
		int ends[2], error;

		if (i == STDIN_FILENO && !input) {
			pipes->theirs[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (pipes->theirs[i] < 0)
				return -errno;
			continue;
		}
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		pipes->theirs[i] = ends[i == STDIN_FILENO ? 0 : 1];
		pipes->ours[i] = ends[i == STDIN_FILENO ? 1 : 0];
		error = fd_set_nonblock(pipes->ours[i], true);
		if (error < 0)
			return error;
	}
	return 0;
}

static int run(const struct gh_process_spec *spec, const int theirs[3], pid_t *pid, struct err *e)
{
	_cleanup_strv_ char **argv = xcalloc(strv_length(spec->args) + 2, sizeof(char *));
	struct gh_launch launch = { .confinement = spec->confinement,
				    .path = spec->path,
				    .argv = argv,
				    .env = spec->env,
				    .directory = spec->directory,
				    .descriptors = theirs,
				    .company = spec->company };

	argv[0] = xstrdup("gh");
	for (size_t i = 0; spec->args[i]; i++)
		argv[i + 1] = xstrdup(spec->args[i]);
	return gh_launch(&launch, pid, e);
}

static void output_open(struct gh_process *p, struct event_base *base, int which, int fd)
{
	struct output *o = &p->outputs[which];

	*o = (struct output){ .process = p, .fd = fd };
	o->type = which == OUT ? STDCOPY_STDOUT : STDCOPY_STDERR;
	o->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, o);
	event_add(o->readable, NULL);
}

int gh_process_spawn(struct event_base *base, struct reaper *reaper,
		     const struct gh_process_spec *spec, const struct gh_process_events *events,
		     void *userdata, struct gh_process **ret, struct err *e)
{
	_cleanup_(pipes_close) struct pipes pipes;
	struct gh_process *p;
	pid_t pid = -1;
	int error;

	error = pipes_open(&pipes, spec->input);
	if (error < 0)
		return err_system(e, error, "cannot make gh's pipes");
	error = run(spec, pipes.theirs, &pid, e);
	if (error < 0)
		return error;
	p = xnew(struct gh_process);
	p->events = events;
	p->userdata = userdata;
	p->child = reaper_watch(reaper, pid, on_exited, p);
	p->input = evbuffer_new();
	p->input_fd = TAKE_FD(pipes.ours[STDIN_FILENO]);
	if (p->input_fd >= 0)
		p->writable = event_new(base, p->input_fd, EV_WRITE | EV_PERSIST, on_writable, p);
	p->finish = event_new(base, -1, 0, on_finish, p);
	output_open(p, base, OUT, TAKE_FD(pipes.ours[STDOUT_FILENO]));
	output_open(p, base, ERR, TAKE_FD(pipes.ours[STDERR_FILENO]));
	*ret = p;
	return 0;
}

int gh_process_write(struct gh_process *p, struct evbuffer *data)
{
	if (!p->writable)
		return -EPIPE;
	evbuffer_add_buffer(p->input, data);
	event_add(p->writable, NULL);
	return 0;
}

int gh_process_end_input(struct gh_process *p)
{
	if (!p->writable)
		return -EPIPE;
	p->input_ends = true;
	event_add(p->writable, NULL);
	return 0;
}

void gh_process_hold_output(struct gh_process *p, bool hold)
{
	if (p->held == hold)
		return;
	p->held = hold;
	for (size_t i = 0; i < OUTPUTS; i++) {
		struct event *readable = p->outputs[i].readable;

		if (readable)
			(void)(hold ? event_del(readable) : event_add(readable, NULL));
	}
}

void gh_process_kill(struct gh_process *p)
{
	if (p->child)
		reaper_kill(p->child);
	input_close(p);
	output_close(&p->outputs[OUT]);
	output_close(&p->outputs[ERR]);
	check_ended(p);
}

void gh_process_free(struct gh_process *p)
{
	if (!p)
		return;
	reaper_forget(p->child);
	output_close(&p->outputs[OUT]);
	output_close(&p->outputs[ERR]);
	input_close(p);
	evbuffer_free(p->input);
	event_free(p->finish);
	free(p);
}
