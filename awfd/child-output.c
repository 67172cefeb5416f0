#include "awfd/child-output.h"

#include <fcntl.h>
#include <stdbool.h>

#include "awfd/child.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"

struct child_output {
	struct child *child;
	int fd;
	struct event *readable;
	struct strbuf text;
	size_t max;
	child_output_fn fn;
	void *userdata;
};

void child_output_free(struct child_output *o)
{
	if (!o)
		return;
	child_free(o->child);
	if (o->readable)
		event_free(o->readable);
	fd_close(o->fd);
	strbuf_clear(&o->text);
	free(o);
}

static void finish(struct child_output *o)
{
	event_del(o->readable);
	o->fn(o->text.length ? o->text.data : "", o->userdata);
}

static void on_readable(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct child_output *o = userdata;
	char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && o->text.length + (size_t)n <= o->max)
		strbuf_append(&o->text, buffer, (size_t)n);
	else
		finish(o);
}

/* Its end shows as the end of its output, too. */
static void on_ended(struct child *c _unused_, bool well _unused_, const char *how _unused_,
		     void *userdata _unused_)
{
}

static int start(struct event_base *base, const struct spawn *spawn, struct child_output *o,
		 struct err *e)
{
	struct spawn with_output = *spawn;
	_cleanup_close_ int writer = -EBADF;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_system(e, -errno, "cannot start %s", spawn->path);
	o->fd = fds[0];
	writer = fds[1];
	r = fd_set_nonblock(o->fd, true);
	if (r < 0)
		return err_system(e, r, "cannot start %s", spawn->path);
	with_output.out = writer;
	r = child_start(base, &with_output, on_ended, o, &o->child, e);
	if (r < 0)
		return r;
	o->readable = event_new(base, o->fd, EV_READ | EV_PERSIST, on_readable, o);
	if (!o->readable || event_add(o->readable, NULL) < 0)
		abort();
	return 0;
}

int child_output_start(struct event_base *base, const struct spawn *spawn, size_t max,
		       child_output_fn fn, void *userdata, struct child_output **ret, struct err *e)
{
	struct child_output *o = xnew(struct child_output);
	int r;

	*o = (struct child_output){ .fd = -EBADF, .max = max, .fn = fn, .userdata = userdata };
	r = start(base, spawn, o, e);
	if (r < 0) {
		child_output_free(o);
		return r;
	}
	*ret = o;
	return 0;
}
