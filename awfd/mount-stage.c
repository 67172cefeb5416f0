#include "awfd/mount-stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "awfd/mount-namespace.h"
#include "awfd/mount-source.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "common/strv.h"

/* All of this runs in the engine's mount namespace, and calls nothing that a user's filesystem
 * (FUSE) could keep waiting. */

char *mount_stage_path(const char *directory, size_t i)
{
	return xasprintf("%s/%zu", directory, i);
}

/* A file of /proc has no size to be known before. */
static char *read_proc(const char *path, struct err *e)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_file_ FILE *f = fopen(path, "re");
	char buffer[4096];
	size_t n;

	while (f && (n = fread(buffer, 1, sizeof(buffer), f)) > 0)
		strbuf_append(&text, buffer, n);
	if (f && !ferror(f))
		return strbuf_take(&text);
	(void)err_system(e, -errno, "%s", path);
	return NULL;
}

int mount_stage_read_id(int fd, int *ret, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fdinfo/%d", fd);
	_cleanup_free_ char *text = read_proc(path, e);
	const char *line = text ? strstr(text, "mnt_id:") : NULL;

	if (!text)
		return e->error;
	if (!line || sscanf(line, "mnt_id: %d", ret) != 1)
		return err_set(e, -EBADMSG, ERR_SYSTEM, "%s: has no mnt_id", path);
	return 0;
}

/* Where a descriptor's file is, with every link followed. */
static int read_path(int fd, char **ret, struct err *e)
{
	_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", fd);
	_cleanup_free_ char *path = xcalloc(MOUNT_PATH_MAX + 1, 1);
	ssize_t n = readlink(link, path, MOUNT_PATH_MAX);

	if (n < 0)
		return err_system(e, -errno, "%s", link);
	if (n == MOUNT_PATH_MAX)
		return err_system(e, -ENAMETOOLONG, "%s", link);
	*ret = TAKE_PTR(path);
	return 0;
}

int mount_stage_read_type(int fd, mode_t *ret, struct err *e)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
		return err_system(e, -errno, "cannot tell what is to be mounted");
	*ret = stx.stx_mode & S_IFMT;
	return 0;
}

static int refuse(const struct mount_stage *s, size_t i, const char *why, struct err *e)
{
	return mount_spec_invalid(e, s->field, s->specs->list[i].text, why);
}

/* awfd's own paths, as they are with every link followed in this namespace; those that are not
 * there are kept as they are written. */
static char **real_paths(char *const *paths)
{
	char **all = NULL;

	for (; paths && *paths; paths++) {
		_cleanup_free_ char *path = realpath(*paths, NULL);

		strv_append(&all, path ? path : *paths);
	}
	return all;
}

/* The path is where the source is in the end, whatever links led there. */
static int check_policy(const struct mount_stage *s, size_t i, const char *path, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };

	policy_decisions_add(&decisions, policy_check_mount(s->policy, s->field, path,
							    s->specs->list[i].writable));
	return policy_decisions_result(&decisions, e);
}

static int check_source(const struct mount_stage *s, size_t i, const char *mountinfo,
			char *const *kept, struct err *e)
{
	_cleanup_free_ char *path = NULL, *why = NULL;
	struct mount_source source;
	int r = read_path(s->fds[i], &path, e);

	source.path = path;
	if (r == 0)
		r = mount_stage_read_id(s->fds[i], &source.mount_id, e);
	if (r < 0)
		return r;
	why = mount_source_refusal(&source, mountinfo, kept);
	return why ? refuse(s, i, why, e) : check_policy(s, i, path, e);
}

/* What is mounted is mounted onto: a directory or a file. */
static int make_point(const char *path, mode_t type, struct err *e)
{
	int r = type == S_IFDIR ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0);

	return r < 0 ? err_system(e, -errno, "cannot make mount point %s", path) : 0;
}

/* A mount of its own of what the descriptor has open; nobody else's changes. */
static int clone_mount(int fd, bool writable, struct err *e)
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

static int stage_one(const struct mount_stage *s, size_t i, int *ret, struct err *e)
{
	_cleanup_free_ char *path = mount_stage_path(s->directory, i);
	_cleanup_close_ int tree = -EBADF;
	mode_t type = 0;
	int r = mount_stage_read_type(s->fds[i], &type, e);

	if (r < 0)
		return r;
	if (type != S_IFDIR && type != S_IFREG)
		return refuse(s, i, "is neither a directory nor a regular file", e);
	r = make_point(path, type, e);
	if (r < 0)
		return r;
	tree = clone_mount(s->fds[i], s->specs->list[i].writable, e);
	if (tree < 0)
		return tree;
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_system(e, -errno, "cannot stage a mount at %s", path);
	*ret = TAKE_FD(tree);
	return 0;
}

/* Private, so that what is mounted on it is in no other namespace, and goes with it. */
static int mount_directory(const char *path, struct err *e)
{
	int r = file_mkdir(path, 0700, e);

	if (r < 0)
		return r;
	if (mount("awf-mounts", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700,size=64k,nr_inodes=64") < 0 ||
	    mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0)
		return err_system(e, -errno, "cannot mount %s", path);
	return 0;
}

/* What a child in the engine's namespace stages, and where it passes the descriptors back. */
struct making {
	const struct mount_stage *stage;
	int socket;
};

static int stage_and_pass(const struct making *m, size_t i, struct err *e)
{
	_cleanup_close_ int root = -EBADF;
	int r = stage_one(m->stage, i, &root, e);

	if (r < 0)
		return r;
	r = (int)fd_send(m->socket, "", 1, root);
	return r < 0 ? err_system(e, r, "cannot pass a mount on") : 0;
}

static int make(void *userdata, struct err *e)
{
	const struct making *m = userdata;
	const struct mount_stage *s = m->stage;
	_cleanup_free_ char *mountinfo = read_proc("/proc/self/mountinfo", e);
	_cleanup_strv_ char **kept = real_paths(s->kept);
	int r = mountinfo ? 0 : e->error;

	for (size_t i = 0; r == 0 && i < s->specs->count; i++)
		r = check_source(s, i, mountinfo, kept, e);
	if (r == 0)
		r = mount_directory(s->directory, e);
	for (size_t i = 0; r == 0 && i < s->specs->count; i++)
		r = stage_and_pass(m, i, e);
	return r;
}

/* They wait in the socket: there are few enough of them. */
static int take_roots(const struct mount_stage *s, int socket, struct err *e)
{
	for (size_t i = 0; i < s->specs->count; i++) {
		char byte;
		ssize_t n = fd_receive(socket, &byte, 1, &s->roots[i]);

		if (n == 1 && s->roots[i] >= 0)
			continue;
		while (i-- > 0)
			s->roots[i] = fd_close(s->roots[i]);
		return err_set(e, -EIO, ERR_SYSTEM, "a staged mount was not passed on");
	}
	return 0;
}

int mount_stage_make(const struct mount_stage *s, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_system(e, -errno, "cannot stage mounts");
	ours = fds[0];
	theirs = fds[1];
	r = mount_namespace_call(s->mounts, make, &(struct making){ .stage = s, .socket = theirs },
				 e);
	theirs = fd_close(theirs);
	return r < 0 || !s->roots ? r : take_roots(s, ours, e);
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

int mount_stage_remove(const char *directory, int mounts, struct err *e)
{
	return mount_namespace_call(mounts, remove_here, (void *)directory, e);
}
