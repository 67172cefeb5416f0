#include "awfd/mount-helper.h"

#include <sys/socket.h>

#include "awfd/child.h"
#include "common/alloc.h"
#include "common/fd.h"

struct mount_helper {
	struct child *child;
	int socket;
	struct event *readable;
	mount_helper_fn fn;
	void *userdata;
};

void mount_helper_free(struct mount_helper *h)
{
	if (!h)
		return;
	child_free(h->child);
	if (h->readable)
		event_free(h->readable);
	fd_close(h->socket);
	free(h);
}

static void on_readable(evutil_socket_t socket, short what _unused_, void *userdata)
{
	struct mount_helper *h = userdata;
	_Alignas(8) char packet[MOUNT_HELPER_PACKET_MAX]; /* of structs */
	int fd;
	ssize_t n = fd_receive(socket, packet, sizeof(packet), &fd);

	if (n != -EAGAIN)
		h->fn(packet, n, fd, h->userdata);
}

/* Its end shows as the end of its packets, too. */
static void on_ended(struct child *c _unused_, bool well _unused_, const char *how _unused_,
		     void *userdata _unused_)
{
}

static int start(struct mount_helper *h, struct event_base *base,
		 const struct mount_helper_spec *spec, int out, struct err *e)
{
	struct spawn_caller caller = { .groups = spec->user->groups,
				       .group_count = spec->user->group_count,
				       .mounts = spec->mounts };
	int r = child_start(base,
			    &(struct spawn){ .path = spec->path,
					     .argv = spec->argv,
					     .uid = spec->user->uid,
					     .gid = spec->user->gid,
					     .network = -EBADF,
					     .in = -EBADF,
					     .out = out,
					     .fds = spec->fds,
					     .fd_count = spec->fd_count,
					     .caller = &caller },
			    on_ended, h, &h->child, e);

	if (r < 0)
		return r;
	h->readable = event_new(base, h->socket, EV_READ | EV_PERSIST, on_readable, h);
	if (!h->readable || event_add(h->readable, NULL) < 0)
		abort();
	return 0;
}

int mount_helper_start(struct event_base *base, const struct mount_helper_spec *spec,
		       mount_helper_fn fn, void *userdata, struct mount_helper **ret, struct err *e)
{
	struct mount_helper *h;
	_cleanup_close_ int theirs = -EBADF;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_system(e, -errno, "cannot start %s", spec->argv[0]);
	theirs = fds[1];
	h = xnew(struct mount_helper);
	*h = (struct mount_helper){ .socket = fds[0], .fn = fn, .userdata = userdata };
	r = fd_set_nonblock(h->socket, true);
	if (r < 0)
		r = err_system(e, r, "cannot start %s", spec->argv[0]);
	else
		r = start(h, base, spec, theirs, e);
	if (r < 0) {
		mount_helper_free(h);
		return r;
	}
	*ret = h;
	return 0;
}
