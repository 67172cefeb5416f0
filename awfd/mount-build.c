#include "awfd/mount-build.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "awfd/mount-build-internal.h"
#include "awfd/mount-namespace.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"

/* All of this calls nothing that a user's filesystem (FUSE) could keep waiting. */

#define MOUNTINFO "/proc/self/mountinfo"

/* --- Looking -------------------------------------------------------------------------------------
 */

struct look {
	char *const *paths;
	int to;
};

/* With its NUL. */
static int write_real_path(int to, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	const char *text = real ? real : path;

	return fd_write_all(to, text, strlen(text) + 1);
}

static int look(void *userdata, struct err *e)
{
	const struct look *l = userdata;
	_cleanup_free_ char *mountinfo = mount_stage_read_proc(MOUNTINFO, e);
	int r = 0;

	if (!mountinfo)
		return e->error;
	for (char *const *path = l->paths; r == 0 && path && *path; path++)
		r = write_real_path(l->to, *path);
	if (r == 0)
		r = fd_write_all(l->to, mountinfo, strlen(mountinfo));
	return r < 0 ? err_system(e, r, "cannot tell the engine's mounts") : 0;
}

int mount_build_look(int mounts, char *const *paths, struct err *e)
{
	_cleanup_close_ int fd = memfd_create("mounts", MFD_CLOEXEC);
	struct look l = { .paths = paths, .to = fd };
	int r;

	if (fd < 0)
		return err_system(e, -errno, "cannot tell the engine's mounts");
	r = mount_namespace_call(mounts, look, &l, e);
	return r < 0 ? r : TAKE_FD(fd);
}

/* --- Building ------------------------------------------------------------------------------------
 */

int mount_build_refuse(struct mount_building *g, size_t i, const char *why, struct err *e)
{
	(void)snprintf(g->reasons[i], sizeof(g->reasons[i]), "%s", why);
	return mount_stage_refuse(g->stage->specs, i, why, e);
}

int mount_build_point(const char *path, mode_t type, struct err *e)
{
	int r = type == S_IFDIR ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0);

	return r < 0 ? err_system(e, -errno, "cannot make mount point %s", path) : 0;
}

int mount_build_clone(int fd, bool writable, struct err *e)
{
	struct mount_attr attributes = {
		.attr_set =
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY),
		.propagation = MS_PRIVATE,
	};
	_cleanup_close_ int tree =
		open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree < 0)
		return err_system(e, -errno, "cannot clone a mount");
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		return err_system(e, -errno, "cannot restrict a mount");
	return TAKE_FD(tree);
}

int mount_build_pass_root(const struct mount_building *g, size_t i, int root, struct err *e)
{
	const uint32_t index = (uint32_t)i;
	ssize_t n = g->socket < 0 ? 0 : fd_send(g->socket, &index, sizeof(index), root);

	return n < 0 ? err_system(e, (int)n, "cannot pass a mount on") : 0;
}

static int stage_one(const struct mount_building *g, size_t i, struct err *e)
{
	const struct mount_stage *s = g->stage;
	_cleanup_free_ char *path = mount_stage_path(s->directory, i);
	_cleanup_close_ int tree = -EBADF;
	mode_t type = 0;
	int r = mount_stage_read_type(s->fds[i], &type, e);

	if (r == 0)
		r = mount_build_point(path, type, e);
	if (r < 0)
		return r;
	tree = mount_build_clone(s->fds[i], s->specs->list[i].writable, e);
	if (tree < 0)
		return tree;
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_system(e, -errno, "cannot stage a mount at %s", path);
	return mount_build_pass_root(g, i, tree, e);
}

/* Private, so that what is mounted on it is in no other namespace, and goes with it. */
static int mount_directory(const char *path, struct err *e)
{
	int r = file_mkdir(path, 0700, e);

	if (r < 0)
		return r;
	if (mount("awf-mounts", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700,size=512k,nr_inodes=512") < 0 ||
	    mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0)
		return err_system(e, -errno, "cannot mount %s", path);
	return 0;
}

/* Those that are mounted by themselves. */
static int stage_all(const struct mount_building *g, struct err *e)
{
	const struct mount_stage *s = g->stage;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->specs->count; i++) {
		const struct mount_spec *spec = &s->specs->list[i];

		if (spec->missing || mount_specs_outer(s->specs, spec))
			continue;
		r = spec->source ? stage_one(g, i, e) : mount_view_make_directory(s, i, e);
	}
	return r;
}

static int build(void *userdata, struct err *e)
{
	struct mount_building *g = userdata;
	int r;

	g->mountinfo = mount_stage_read_proc(MOUNTINFO, e);
	r = g->mountinfo ? mount_directory(g->stage->directory, e) : e->error;
	if (r == 0)
		r = stage_all(g, e);
	if (r == 0 && g->stage->user)
		r = mount_view_complete(g, e);
	free(g->mountinfo);
	return r;
}

static void take_reasons(const struct mount_building *g, struct mount_specs *specs)
{
	for (size_t i = 0; i < specs->count; i++)
		if (*g->reasons[i])
			specs->list[i].missing = xstrdup(g->reasons[i]);
}

static void close_roots(const struct mount_stage *s)
{
	for (size_t i = 0; i < s->specs->count; i++)
		s->roots[i] = fd_close(s->roots[i]);
}

/* They wait in the socket, whose other end is closed: there are few enough of them. */
static int take_roots(const struct mount_stage *s, int socket, struct err *e)
{
	for (;;) {
		uint32_t index;
		int fd;
		ssize_t n = fd_receive(socket, &index, sizeof(index), &fd);

		if (n == 0)
			return 0;
		if (n != sizeof(index) || fd < 0 || index >= s->specs->count ||
		    s->roots[index] >= 0) {
			fd_close(fd);
			close_roots(s);
			return err_set(e, -EIO, ERR_SYSTEM, "a staged mount was not passed on");
		}
		s->roots[index] = fd;
	}
}

static int make_in_namespace(struct mount_building *g, struct err *e)
{
	const struct mount_stage *s = g->stage;
	const size_t size = (s->specs->count + 1) * MOUNT_BUILD_REASON_MAX;
	int r;

	g->reasons = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->reasons == MAP_FAILED)
		return err_system(e, -errno, "cannot stage mounts");
	r = mount_namespace_call(s->mounts, build, g, e);
	take_reasons(g, s->specs);
	(void)munmap(g->reasons, size);
	return r;
}

int mount_build(const struct mount_stage *s, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	struct mount_building g = { .stage = s, .socket = -EBADF };
	int fds[2], r;

	if (!s->roots)
		return make_in_namespace(&g, e);
	for (size_t i = 0; i < s->specs->count; i++)
		s->roots[i] = -EBADF;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_system(e, -errno, "cannot stage mounts");
	ours = fds[0];
	g.socket = theirs = fds[1];
	r = make_in_namespace(&g, e);
	theirs = fd_close(theirs);
	return r < 0 ? r : take_roots(s, ours, e);
}

/* With all that is mounted over one another there: an awfd that was killed may have left some. */
static int unmount_all(const char *path, struct err *e)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	return errno == EINVAL || errno == ENOENT
		       ? 0
		       : err_system(e, -errno, "cannot unmount %s", path);
}

static int remove_here(void *userdata, struct err *e)
{
	const char *path = userdata;
	int r = unmount_all(path, e);

	if (r == 0 && rmdir(path) < 0 && errno != ENOENT)
		r = err_system(e, -errno, "cannot remove %s", path);
	return r;
}

int mount_build_remove(const char *directory, int mounts, struct err *e)
{
	return mount_namespace_call(mounts, remove_here, (void *)directory, e);
}
