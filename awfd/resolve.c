#include "awfd/resolve.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "awfd/child.h"
#include "awfd/resolvers.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"

#define PROGRAM    "/usr/bin/getent"
#define OUTPUT_MAX 65536

struct resolve {
	struct resolved result;
	char *field;
	struct child *child;
	int out;
	struct event *readable;
	struct strbuf text;
	resolve_fn fn;
	void *userdata;
};

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	child_free(r->child);
	if (r->readable)
		event_free(r->readable);
	fd_close(r->out);
	strbuf_clear(&r->text);
	free(r->result.name);
	free(r->field);
	free(r);
}

static bool is_known(const struct resolved *r, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(&r->addresses[i], address, sizeof(*address)) == 0)
			return true;
	return false;
}

static void add_address(struct resolved *to, const char *text)
{
	struct sockaddr_storage address;

	if (to->count < RESOLVE_ADDRESSES_MAX && resolvers_sockaddr(text, 0, &address) == 0 &&
	    !is_known(to, &address))
		to->addresses[to->count++] = address;
}

void resolve_parse(const char *text, struct resolved *to)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, " \t")] = '\0';
		add_address(to, line);
	}
}

static void finish(struct resolve *r)
{
	_cleanup_err_ struct err e = { 0 };

	resolve_parse(r->text.length ? r->text.data : "", &r->result);
	if (r->result.count == 0)
		(void)err_invalid(&e, r->field, r->result.name,
				  "cannot be resolved on this host (getent ahosts %s)",
				  r->result.name);
	r->fn(&r->result, e.error ? &e : NULL, r->userdata);
	resolve_cancel(r);
}

static void on_readable(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct resolve *r = userdata;
	char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && r->text.length + (size_t)n <= OUTPUT_MAX)
		strbuf_append(&r->text, buffer, (size_t)n);
	else
		finish(r);
}

/* Its end shows as the end of its output, too. */
static void on_ended(struct child *c _unused_, bool well _unused_, const char *how _unused_,
		     void *userdata _unused_)
{
}

static int start(struct event_base *base, const struct resolve_spec *spec, struct resolve *r,
		 struct err *e)
{
	_cleanup_close_ int writer = -EBADF;
	int fds[2], error;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_system(e, -errno, "cannot start " PROGRAM);
	r->out = fds[0];
	writer = fds[1];
	error = fd_set_nonblock(r->out, true);
	if (error < 0)
		return err_system(e, error, "cannot start " PROGRAM);
	error = child_start(base,
			    &(struct spawn){ .path = PROGRAM,
					     .argv = (char *const[]){ "getent", "ahosts",
								      r->result.name, NULL },
					     .uid = spec->uid,
					     .gid = spec->gid,
					     .network = -EBADF,
					     .in = -EBADF,
					     .out = writer },
			    on_ended, r, &r->child, e);
	if (error < 0)
		return error;
	r->readable = event_new(base, r->out, EV_READ | EV_PERSIST, on_readable, r);
	if (!r->readable || event_add(r->readable, NULL) < 0)
		abort();
	return 0;
}

int resolve_start(struct event_base *base, const struct resolve_spec *spec, resolve_fn fn,
		  void *userdata, struct resolve **ret, struct err *e)
{
	struct resolve *r = xnew(struct resolve);
	int error;

	*r = (struct resolve){ .result.name = xstrdup(spec->name),
			       .field = xstrdup(spec->field),
			       .out = -EBADF,
			       .fn = fn,
			       .userdata = userdata };
	error = start(base, spec, r, e);
	if (error < 0) {
		resolve_cancel(r);
		return error;
	}
	*ret = r;
	return 0;
}
