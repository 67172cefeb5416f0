#include "awfd/sandbox-container.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "awfd/netns.h"
#include "awfd/process.h"
#include "common/alloc.h"
#include "common/fd.h"

void container_init(struct container *c, struct docker *docker, const char *name)
{
	*c = (struct container){
		.docker = docker, .name = xstrdup(name), .pidfd = -EBADF, .candidate = -EBADF
	};
}

static void finish(struct container *c, const struct err *e)
{
	c->candidate = fd_close(c->candidate);
	c->done(c->userdata, c->step, e);
}

static void begin(struct container *c, container_done_fn done, void *userdata, unsigned step)
{
	c->done = done;
	c->userdata = userdata;
	c->step = step;
}

static void on_inspected(int status, struct json_object *body, const struct err *e, void *userdata);

static void inspect(struct container *c)
{
	c->call = docker_container_inspect(c->docker, c->name, on_inspected, c);
}

/* The first look: opens a pidfd of the pid it shows, and looks again. */
static int open_candidate(struct container *c, const struct docker_container_state *state,
			  struct err *e)
{
	int fd = (int)syscall(SYS_pidfd_open, state->pid, 0);

	if (fd < 0)
		return err_system(e, -errno, "cannot open process %d of container %s", state->pid,
				  c->name);
	c->candidate = fd;
	c->pid = state->pid;
	inspect(c);
	return 0;
}

/* The second look: the process that the pidfd names was the container's all the time. */
static void confirm_candidate(struct container *c)
{
	fd_close(c->pidfd);
	c->pidfd = TAKE_FD(c->candidate);
	finish(c, NULL);
}

static int ended_at_once(const struct container *c, const struct docker_container_state *state,
			 struct err *e)
{
	_cleanup_free_ char *text = xasprintf(
		"the container ended as soon as it started, with exit code %d", state->exit_code);

	return err_engine(e, -ESRCH, c->name, 0, text);
}

static int look(struct container *c, struct json_object *body, struct err *e)
{
	struct docker_container_state state;
	int r = docker_container_parse(body, &state, e);

	if (r < 0)
		return r;
	if (!state.running || state.pid <= 0)
		return ended_at_once(c, &state, e);
	if (c->candidate < 0)
		return open_candidate(c, &state, e);
	if (state.pid != c->pid)
		return err_engine(e, -ESRCH, c->name, 0, "the container was restarted by someone");
	confirm_candidate(c);
	return 0;
}

static void on_inspected(int status _unused_, struct json_object *body, const struct err *e,
			 void *userdata)
{
	struct container *c = userdata;
	_cleanup_err_ struct err local = { 0 };

	c->call = NULL;
	if (e)
		finish(c, e);
	else if (look(c, body, &local) < 0)
		finish(c, &local);
}

static void on_started(int status _unused_, struct json_object *body _unused_, const struct err *e,
		       void *userdata)
{
	struct container *c = userdata;

	c->call = NULL;
	if (e || !c->then_start)
		finish(c, e);
	else
		inspect(c);
}

static void on_created(int status _unused_, struct json_object *body, const struct err *e,
		       void *userdata)
{
	struct container *c = userdata;

	c->call = NULL;
	if (!e) {
		free(c->id);
		c->id = xstrdup(docker_container_parse_id(body));
	}
	if (e || !c->then_start)
		finish(c, e);
	else
		c->call = docker_container_start(c->docker, c->name, on_started, c);
}

void container_up(struct container *c, struct json_object *spec, bool start, container_done_fn done,
		  void *userdata, unsigned step)
{
	begin(c, done, userdata, step);
	c->then_start = start;
	c->call = docker_container_create(c->docker, c->name, spec, on_created, c);
}

void container_start(struct container *c, container_done_fn done, void *userdata, unsigned step)
{
	begin(c, done, userdata, step);
	c->then_start = false;
	c->call = docker_container_start(c->docker, c->name, on_started, c);
}

/* A pidfd is readable when its process has ended (pidfd_open(2)). */
static void on_exit_event(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct container *c = userdata;

	c->exit_fn(c, c->exit_userdata);
}

void container_watch_exit(struct container *c, struct event_base *base,
			  void (*fn)(struct container *c, void *userdata), void *userdata)
{
	c->exit_fn = fn;
	c->exit_userdata = userdata;
	c->exit = event_new(base, c->pidfd, EV_READ, on_exit_event, c);
	if (!c->exit || event_add(c->exit, NULL) < 0)
		abort();
}

/* A process that is ending has no namespaces any more (ESRCH of setns(2)) some time before its end
 * shows: as its namespace's first, it waits for all others in that, and a prepared one's has hardly
 * a share of the CPU. */
bool container_is_ending(const struct container *c)
{
	return c->pidfd >= 0 && (process_has_ended(c->pidfd) || netns_is_own(c->pidfd) == -ESRCH);
}

static void unwatch_exit(struct container *c)
{
	if (c->exit)
		event_free(TAKE_PTR(c->exit));
}

static void on_ended(struct container *c, void *userdata _unused_)
{
	unwatch_exit(c);
	finish(c, NULL);
}

bool container_end(struct container *c, struct event_base *base, container_done_fn done,
		   void *userdata, unsigned step)
{
	unwatch_exit(c);
	if (c->pidfd < 0 || syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0) < 0)
		return true;
	begin(c, done, userdata, step);
	container_watch_exit(c, base, on_ended, NULL);
	return false;
}

static void on_removed(int status _unused_, struct json_object *body _unused_, const struct err *e,
		       void *userdata)
{
	struct container *c = userdata;

	c->call = NULL;
	if (!e)
		c->pidfd = fd_close(c->pidfd);
	finish(c, e);
}

void container_remove(struct container *c, container_done_fn done, void *userdata, unsigned step)
{
	unwatch_exit(c);
	begin(c, done, userdata, step);
	c->call = docker_container_remove(c->docker, c->name, on_removed, c);
}

void container_move(struct container *to, struct container *from)
{
	struct docker *docker = from->docker;
	_cleanup_free_ char *name = xstrdup(from->name);

	unwatch_exit(from);
	container_clear(to);
	*to = *from;
	container_init(from, docker, name);
}

void container_cancel(struct container *c)
{
	docker_call_cancel(TAKE_PTR(c->call));
	c->candidate = fd_close(c->candidate);
}

void container_clear(struct container *c)
{
	unwatch_exit(c);
	container_cancel(c);
	c->pidfd = fd_close(c->pidfd);
	free(TAKE_PTR(c->name));
	free(TAKE_PTR(c->id));
}
