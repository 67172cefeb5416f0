#include "awfd/mount-stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "awfd/mount-namespace.h"
#include "awfd/mount-source.h"
#include "awfd/mount-stage-internal.h"
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

int mount_stage_real_path(int fd, char **ret, struct err *e)
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

int mount_stage_refuse(struct mount_staging *g, size_t i, const char *why, struct err *e)
{
	struct mount_spec *spec = &g->stage->specs->list[i];

	if (!spec->optional)
		return mount_spec_invalid(e, mount_spec_field(spec), spec->text, why);
	free(spec->missing);
	spec->missing = xstrdup(why);
	(void)snprintf(g->reasons[i], sizeof(g->reasons[i]), "%s", why);
	return 0;
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
static struct policy_decision decide(const struct mount_stage *s, size_t i, const char *path)
{
	const struct mount_spec *spec = &s->specs->list[i];

	return policy_check_mount(s->policy, mount_spec_field(spec), path, spec->writable);
}

static int check_policy(struct mount_staging *g, size_t i, const char *path, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };
	_cleanup_err_ struct err refusal = { 0 };
	int r;

	policy_decisions_add(&decisions, decide(g->stage, i, path));
	if (!g->stage->specs->list[i].optional)
		return policy_decisions_result(&decisions, e);
	r = policy_decisions_result(&decisions, &refusal);
	return r < 0 ? mount_stage_refuse(g, i, refusal.message, e) : 0;
}

/* What awfd adds itself needs nobody's permission. */
static int check_source(struct mount_staging *g, size_t i, struct err *e)
{
	const struct mount_stage *s = g->stage;
	bool is_own = s->specs->list[i].kind == MOUNT_VIEW;
	struct mount_source source = { .inner_is_hidden = is_own };
	_cleanup_free_ char *path = NULL, *why = NULL;
	mode_t type = 0;
	int r = mount_stage_real_path(s->fds[i], &path, e);

	source.path = path;
	if (r == 0)
		r = mount_stage_read_id(s->fds[i], &source.mount_id, e);
	if (r == 0)
		r = mount_stage_read_type(s->fds[i], &type, e);
	if (r < 0 || !path)
		return r;
	if (s->specs->list[i].no_links && strcmp(path, s->specs->list[i].source) != 0)
		return mount_stage_refuse(g, i, "has a link on its way: name where it leads", e);
	why = mount_source_refusal(&source, g->mountinfo, g->kept);
	if (why)
		return mount_stage_refuse(g, i, why, e);
	if (type != S_IFDIR && type != S_IFREG)
		return mount_stage_refuse(g, i, "is neither a directory nor a regular file", e);
	return is_own ? 0 : check_policy(g, i, path, e);
}

int mount_stage_point(const char *path, mode_t type, struct err *e)
{
	int r = type == S_IFDIR ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0);

	return r < 0 ? err_system(e, -errno, "cannot make mount point %s", path) : 0;
}

int mount_stage_clone(int fd, bool writable, struct err *e)
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

int mount_stage_pass_root(const struct mount_staging *g, size_t i, int root, struct err *e)
{
	const uint32_t index = (uint32_t)i;
	ssize_t n = g->socket < 0 ? 0 : fd_send(g->socket, &index, sizeof(index), root);

	return n < 0 ? err_system(e, (int)n, "cannot pass a mount on") : 0;
}

static int stage_one(const struct mount_staging *g, size_t i, struct err *e)
{
	const struct mount_stage *s = g->stage;
	_cleanup_free_ char *path = mount_stage_path(s->directory, i);
	_cleanup_close_ int tree = -EBADF;
	mode_t type = 0;
	int r = mount_stage_read_type(s->fds[i], &type, e);

	if (r == 0)
		r = mount_stage_point(path, type, e);
	if (r < 0)
		return r;
	tree = mount_stage_clone(s->fds[i], s->specs->list[i].writable, e);
	if (tree < 0)
		return tree;
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_system(e, -errno, "cannot stage a mount at %s", path);
	return mount_stage_pass_root(g, i, tree, e);
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

static int check_all(struct mount_staging *g, struct err *e)
{
	const struct mount_specs *specs = g->stage->specs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < specs->count; i++)
		if (specs->list[i].source && !specs->list[i].missing)
			r = check_source(g, i, e);
	return r;
}

/* Those that are mounted by themselves. */
static int stage_all(const struct mount_staging *g, struct err *e)
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

static int make(void *userdata, struct err *e)
{
	struct mount_staging *g = userdata;
	int r;

	g->mountinfo = read_proc("/proc/self/mountinfo", e);
	g->kept = real_paths(g->stage->kept);
	r = g->mountinfo ? check_all(g, e) : e->error;
	if (r == 0)
		r = mount_directory(g->stage->directory, e);
	if (r == 0)
		r = stage_all(g, e);
	if (r == 0 && g->stage->user)
		r = mount_view_complete(g, e);
	free(g->mountinfo);
	strv_free(g->kept);
	return r;
}

static void take_reasons(const struct mount_staging *g, struct mount_specs *specs)
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

static int make_in_namespace(struct mount_staging *g, struct err *e)
{
	const struct mount_stage *s = g->stage;
	const size_t size = (s->specs->count + 1) * MOUNT_STAGE_REASON_MAX;
	int r;

	g->reasons = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->reasons == MAP_FAILED)
		return err_system(e, -errno, "cannot stage mounts");
	r = mount_namespace_call(s->mounts, make, g, e);
	take_reasons(g, s->specs);
	(void)munmap(g->reasons, size);
	return r;
}

int mount_stage_make(const struct mount_stage *s, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	struct mount_staging g = { .stage = s, .socket = -EBADF };
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

int mount_stage_remove(const char *directory, int mounts, struct err *e)
{
	return mount_namespace_call(mounts, remove_here, (void *)directory, e);
}
