/* The view of the host: /etc as awfd makes it, what lies in what else is mounted, and what is not
 * to be seen there. */
#include "awfd/mount-build-internal.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "awfd/host-view.h"
#include "awfd/mount-source.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/strv.h"

/* What is mounted over what is not to be seen, in the stage. */
#define EMPTY_DIRECTORY "empty"
#define EMPTY_FILE      "none"

#define GROUPS  "/etc/group"
#define SOCKETS "/proc/net/unix"

/* --- The directory that is made --- */

/* The group's name as the file has it: a name service could keep awfd waiting. The caller owns it.
 */
static char *find_group(gid_t gid)
{
	_cleanup_file_ FILE *f = fopen(GROUPS, "re");
	const struct group *entry;

	while (f && (entry = fgetgrent(f)))
		if (entry->gr_gid == gid)
			return xstrdup(entry->gr_name);
	return NULL;
}

static int write_text(const char *path, const char *text, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	return r < 0 ? err_system(e, r, "cannot make %s", path) : 0;
}

static int make_file(const char *directory, const struct host_view_file *file,
		     const struct host_view_user *user, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, file->name);
	_cleanup_free_ char *text = file->text ? file->text(user) : NULL;

	if (text)
		return write_text(path, text, e);
	return symlink(file->link, path) < 0 ? err_system(e, -errno, "cannot make %s", path) : 0;
}

int mount_view_make_directory(const struct mount_stage *s, size_t i, struct err *e)
{
	_cleanup_free_ char *path = mount_stage_path(s->directory, i);
	_cleanup_free_ char *group = find_group(s->user->gid);
	struct host_view_user user = *s->user;
	int r = file_mkdir(path, 0755, e);

	user.group = group;
	for (size_t f = 0; r == 0 && f < host_view_file_count; f++)
		r = make_file(path, &host_view_files[f], &user, e);
	return r;
}

/* --- Where things are in the stage --- */

static size_t index_of(const struct mount_stage *s, const struct mount_spec *spec)
{
	return (size_t)(spec - s->specs->list);
}

/* The one that is mounted by itself and that this one lies in. */
static const struct mount_spec *top_of(const struct mount_stage *s, const struct mount_spec *spec)
{
	const struct mount_spec *outer;

	while ((outer = mount_specs_outer(s->specs, spec)))
		spec = outer;
	return spec;
}

/* The caller owns it. */
static char *staged_path(const struct mount_stage *s, const struct mount_spec *spec)
{
	const struct mount_spec *top = top_of(s, spec);
	_cleanup_free_ char *path = mount_stage_path(s->directory, index_of(s, top));

	return xasprintf("%s%s", path, spec->target + strlen(top->target));
}

/* What is below a staged directory, without following a link: a descriptor, or -errno. */
static int open_below(const char *directory, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					   RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (base < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static int move_onto(int tree, int point, const char *what, struct err *e)
{
	if (move_mount(tree, "", point, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_system(e, -errno, "cannot stage a mount at %s", what);
	return 0;
}

/* --- Mount points in the directory that is made, which is read-only then --- */

static int make_parents(char *path, size_t from, struct err *e)
{
	int r = 0;

	for (char *slash = strchr(path + from + 1, '/'); r == 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = file_mkdir(path, 0755, e);
		*slash = '/';
	}
	return r;
}

static int make_point_in(const struct mount_stage *s, size_t i, const struct mount_spec *outer,
			 struct err *e)
{
	_cleanup_free_ char *path = staged_path(s, &s->specs->list[i]);
	_cleanup_free_ char *base = staged_path(s, outer);
	mode_t type = 0;
	int r = mount_stage_read_type(s->fds[i], &type, e);

	if (r == 0)
		r = make_parents(path, strlen(base), e);
	return r < 0 ? r : mount_build_point(path, type, e);
}

static int make_points(const struct mount_stage *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->specs->count; i++) {
		const struct mount_spec *spec = &s->specs->list[i], *outer;

		outer = spec->missing ? NULL : mount_specs_outer(s->specs, spec);
		if (outer && !outer->source)
			r = make_point_in(s, i, outer, e);
	}
	return r;
}

static int seal(const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), tree = -EBADF;

	if (fd < 0)
		return err_system(e, -errno, "%s", path);
	tree = mount_build_clone(fd, false, e);
	return tree < 0 ? tree : move_onto(tree, fd, path, e);
}

static int seal_made(const struct mount_stage *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->specs->count; i++) {
		_cleanup_free_ char *path = mount_stage_path(s->directory, i);

		if (!s->specs->list[i].source)
			r = seal(path, e);
	}
	return r;
}

/* --- What is not to be seen --- */

static int make_covers(const struct mount_stage *s, struct err *e)
{
	_cleanup_free_ char *directory = xasprintf("%s/" EMPTY_DIRECTORY, s->directory);
	_cleanup_free_ char *file = xasprintf("%s/" EMPTY_FILE, s->directory);
	int r = file_mkdir(directory, 0755, e);

	return r < 0 ? r : write_text(file, "", e);
}

/* One more mount of what is at `with`, over what is below a staged directory; what is not there
 * needs none. */
static int cover(const char *staged, const char *below, const char *with, struct err *e)
{
	_cleanup_close_ int point = open_below(staged, below), source = -EBADF, tree = -EBADF;

	if (point == -ENOENT || point == -ENOTDIR)
		return 0;
	if (point < 0)
		return err_system(e, point, "cannot hide %s in %s", below, staged);
	source = open(with, O_PATH | O_CLOEXEC);
	if (source < 0)
		return err_system(e, -errno, "%s", with);
	tree = mount_build_clone(source, false, e);
	return tree < 0 ? tree : move_onto(tree, point, below, e);
}

static int hide(const struct mount_stage *s, const char *staged, const char *below, struct err *e)
{
	_cleanup_close_ int point = open_below(staged, below);
	_cleanup_free_ char *with = NULL;
	mode_t type = S_IFDIR;
	int r = point < 0 ? 0 : mount_stage_read_type(point, &type, e);

	if (r < 0)
		return r;
	with = xasprintf("%s/%s", s->directory, type == S_IFDIR ? EMPTY_DIRECTORY : EMPTY_FILE);
	return cover(staged, below, with, e);
}

/* What of a path is below a directory, or NULL. */
static const char *rest_below(const char *path, const char *directory)
{
	if (strcmp(path, directory) == 0 || !mount_path_is_in(path, directory))
		return NULL;
	return path + strlen(directory) + 1;
}

static int hide_mounts(const struct mount_building *g, const char *staged, const char *real,
		       struct err *e)
{
	_cleanup_strv_ char **points = mount_source_inner(real, g->mountinfo);
	int r = 0;

	for (char **p = points; r == 0 && p && *p; p++)
		r = hide(g->stage, staged, rest_below(*p, real), e);
	return r;
}

/* A line's last column, if it is a path: one of a socket that has none, or is abstract, is not. */
static const char *path_of_socket(char *line)
{
	char *path = strstr(line, " /");

	line[strcspn(line, "\n")] = '\0';
	return path ? path + 1 : NULL;
}

static int hide_socket(const struct mount_stage *s, const char *staged, const char *below,
		       struct err *e)
{
	_cleanup_close_ int point = open_below(staged, below);
	mode_t type = 0;
	int r = point < 0 ? 0 : mount_stage_read_type(point, &type, e);

	return r == 0 && type == S_IFSOCK ? hide(s, staged, below, e) : r;
}

/* Whoever listens at a socket could be talked to, on a read-only mount too. */
static int hide_sockets(const struct mount_building *g, const char *staged, const char *real,
			struct err *e)
{
	_cleanup_file_ FILE *f = fopen(SOCKETS, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = f ? 0 : err_system(e, -errno, SOCKETS);

	while (r == 0 && getline(&line, &size, f) > 0) {
		const char *path = path_of_socket(line);
		const char *below = path ? rest_below(path, real) : NULL;

		if (below)
			r = hide_socket(g->stage, staged, below, e);
	}
	return r;
}

/* Each of these, wherever links to it lead, has something else over it, or (NULL) nothing. */
static int replace(const struct mount_building *g, const char *staged, const char *real,
		   char *const *paths, const char *with, struct err *e)
{
	int r = 0;

	for (; r == 0 && *paths; paths++) {
		_cleanup_free_ char *place = realpath(*paths, NULL);
		const char *below = place ? rest_below(place, real) : NULL;

		if (below && with)
			r = cover(staged, below, with, e);
		else if (below)
			r = hide(g->stage, staged, below, e);
	}
	return r;
}

static int hide_in(const struct mount_building *g, size_t i, struct err *e)
{
	const struct mount_stage *s = g->stage;
	_cleanup_free_ char *staged = staged_path(s, &s->specs->list[i]), *real = NULL;
	mode_t type = 0;
	int r = mount_stage_read_type(s->fds[i], &type, e);

	if (r < 0 || type != S_IFDIR)
		return r;
	r = mount_stage_real_path(s->fds[i], &real, e);
	if (r == 0)
		r = hide_mounts(g, staged, real, e);
	if (r == 0)
		r = replace(g, staged, real, host_view_hidden(), NULL, e);
	if (r == 0)
		r = hide_sockets(g, staged, real, e);
	if (r == 0 && s->gh)
		r = replace(g, staged, real, host_view_gh(), s->gh, e);
	return r;
}

/* --- What lies in one of awfd's own --- */

static int refuse_point(struct mount_building *g, size_t i, const char *top, struct err *e)
{
	_cleanup_free_ char *why =
		xasprintf("has no place to be mounted at in the host's %s, where none can be made "
			  "and links are not followed: choose another destination",
			  top);

	return mount_build_refuse(g, i, why, e);
}

static int nest(struct mount_building *g, size_t i, struct err *e)
{
	const struct mount_stage *s = g->stage;
	const struct mount_spec *spec = &s->specs->list[i], *top = top_of(s, spec);
	_cleanup_free_ char *base = mount_stage_path(s->directory, index_of(s, top));
	_cleanup_close_ int point = open_below(base, spec->target + strlen(top->target) + 1);
	_cleanup_close_ int tree = -EBADF;
	mode_t type = 0, there = 0;
	int r = mount_stage_read_type(s->fds[i], &type, e);

	if (r == 0 && point >= 0)
		r = mount_stage_read_type(point, &there, e);
	if (r < 0)
		return r;
	if (point < 0 || (type == S_IFDIR) != (there == S_IFDIR) || there == S_IFLNK)
		return refuse_point(g, i, top->target, e);
	tree = mount_build_clone(s->fds[i], spec->writable, e);
	if (tree < 0)
		return tree;
	r = move_onto(tree, point, spec->target, e);
	return r < 0 || !top->source ? r : mount_build_pass_root(g, i, tree, e);
}

/* Those of one sort that lie in another. */
static int nest_all(struct mount_building *g, bool own, struct err *e)
{
	const struct mount_specs *specs = g->stage->specs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < specs->count; i++) {
		const struct mount_spec *spec = &specs->list[i];

		if (spec->missing || (spec->kind == MOUNT_VIEW) != own ||
		    !mount_specs_outer(specs, spec))
			continue;
		r = nest(g, i, e);
		if (r == 0 && own && !spec->missing)
			r = hide_in(g, i, e);
	}
	return r;
}

/* Those that are mounted by themselves. */
static int hide_in_all(const struct mount_building *g, struct err *e)
{
	const struct mount_specs *specs = g->stage->specs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < specs->count; i++) {
		const struct mount_spec *spec = &specs->list[i];

		if (spec->kind == MOUNT_VIEW && spec->source && !spec->missing &&
		    !mount_specs_outer(specs, spec))
			r = hide_in(g, i, e);
	}
	return r;
}

int mount_view_complete(struct mount_building *g, struct err *e)
{
	int r = make_points(g->stage, e);

	if (r == 0)
		r = seal_made(g->stage, e);
	if (r == 0)
		r = make_covers(g->stage, e);
	if (r == 0)
		r = hide_in_all(g, e);
	if (r == 0)
		r = nest_all(g, true, e);
	return r < 0 ? r : nest_all(g, false, e);
}
