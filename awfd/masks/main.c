/* awf-mount-masks: finds the credentials in what a user wants mounted, with the user's rights. awfd
 * starts it as that user, in the engine's mount namespace, with descriptors (O_PATH) of the sources
 * and of the mounts that were made of them; it sends a descriptor of each credential in its mount
 * on standard output, a socket of packets, so that awfd looks nothing up in a user's directories.
 *
 *     awf-mount-masks COUNT
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "awfd/masks/reply.h"
#include "awfd/masks/walk.h"
#include "awfd/mount-credentials.h"
#include "awfd/mount-spec.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/parse.h"

#define PASSWD     "/etc/passwd"
#define PASSWD_MAX ((size_t)16 << 20)
#define EXIT_USAGE 2

struct source {
	int fd;
	int mount;  /* the root of what was made of it */
	char *path; /* with every link followed */
	struct stat st;
	bool named; /* it was told to be a credential itself */
};

struct told {
	size_t source;
	char *path;
};

struct finder {
	struct source sources[MOUNT_LIST_MAX];
	size_t count;
	struct credential_places places;
	struct told told[MASKS_MAX];
	size_t told_count;
};

static int tell(enum masks_reply_kind kind, int error, size_t mount, const char *path, int fd)
{
	struct masks_reply reply = { .kind = kind, .error = error, .mount = (uint32_t)mount };
	ssize_t n;

	(void)snprintf(reply.path, sizeof(reply.path), "%s", path);
	n = fd_send(STDOUT_FILENO, &reply, sizeof(reply), fd);
	return n == sizeof(reply) ? 0 : -EPIPE;
}

/* Where a descriptor's file is (the caller owns it), or NULL with errno. */
static char *read_path(int fd)
{
	_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", fd);
	_cleanup_free_ char *path = xcalloc(MOUNT_PATH_MAX + 1, 1);
	ssize_t n = readlink(link, path, MOUNT_PATH_MAX);

	if (n == MOUNT_PATH_MAX)
		errno = ENAMETOOLONG;
	return n < 0 || n == MOUNT_PATH_MAX ? NULL : TAKE_PTR(path);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* --- A credential --------------------------------------------------------------------------- */

/* By its path: one file may have two names. */
static bool was_told(const struct finder *f, size_t source, const char *path)
{
	for (size_t i = 0; i < f->told_count; i++)
		if (f->told[i].source == source && strcmp(f->told[i].path, path) == 0)
			return true;
	return false;
}

/* The path is real, so that no link leads out of the mount. -EXDEV: something else is mounted there
 * on the way, awfd's own or another of the mounts. */
static int open_in_mount(int mount, const char *path, const struct stat *expected)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, mount, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0 && errno == EXDEV)
		return -EXDEV;
	if (fd < 0 || fstat(fd, &st) < 0 || !is_same(&st, expected))
		return -ESTALE;
	return TAKE_FD(fd);
}

/* Whether it is seen all the same through what is mounted there: a file system may mount by itself
 * as it is walked into. */
static bool is_seen(int mount, const char *path, const struct stat *expected)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, mount, path, &how, sizeof(how));
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && is_same(&st, expected);
}

/* Whether it is told of in another source, which lies in this one. */
static bool is_in_inner_source(const struct finder *f, size_t source, const char *path)
{
	const char *outer = f->sources[source].path;

	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->sources[i].path, outer) != 0 &&
		    mount_path_is_in(f->sources[i].path, outer) &&
		    mount_path_is_in(path, f->sources[i].path))
			return true;
	return false;
}

static int tell_found(struct finder *f, size_t source, const char *path, const struct stat *st)
{
	const char *below = path + strlen(f->sources[source].path) + 1;
	_cleanup_close_ int fd = -EBADF;

	if (was_told(f, source, path))
		return 0;
	if (f->told_count == MASKS_MAX)
		return -E2BIG;
	fd = open_in_mount(f->sources[source].mount, below, st);
	if (fd == -EXDEV)
		return is_seen(f->sources[source].mount, below, st) &&
				       !is_in_inner_source(f, source, path)
			       ? -ESTALE
			       : 0;
	if (fd < 0)
		return fd;
	f->told[f->told_count++] = (struct told){ .source = source, .path = xstrdup(path) };
	return tell(MASKS_REPLY_FOUND, 0, source, path, fd);
}

static int tell_named(struct finder *f, size_t source, const char *path)
{
	if (f->sources[source].named)
		return 0;
	f->sources[source].named = true;
	return tell(MASKS_REPLY_NAMED, 0, source, path, -EBADF);
}

/* In every mount that shows it. */
static int on_credential(int fd, void *userdata)
{
	struct finder *f = userdata;
	_cleanup_free_ char *path = read_path(fd);
	struct stat st;
	int r = 0;

	if (!path || fstat(fd, &st) < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < f->count; i++) {
		if (mount_path_is_in(f->sources[i].path, path))
			r = tell_named(f, i, path);
		else if (mount_path_is_in(path, f->sources[i].path))
			r = tell_found(f, i, path, &st);
	}
	return r;
}

/* --- Where to look -------------------------------------------------------------------------- */

static bool is_in_source(const struct finder *f, const char *path)
{
	for (size_t i = 0; i < f->count; i++)
		if (mount_path_is_in(path, f->sources[i].path))
			return true;
	return false;
}

/* Directories outside the mounts are not read: what is mounted in them may be slow or gone. */
static bool is_wanted(const struct credential *c, const struct credential_place *place, bool inside)
{
	return (c->anywhere || place->home) && (inside || !credential_is_listed(c));
}

static int look_at_place(struct finder *f, const struct credential_place *place)
{
	_cleanup_close_ int fd = open(place->directory, O_PATH | O_CLOEXEC);
	bool inside = is_in_source(f, place->directory);
	const struct credential *c;
	int r = 0;

	if (fd < 0)
		return 0;
	for (size_t i = 0; r == 0 && (c = credential_at(i)); i++) {
		_cleanup_free_ char *pattern =
			xasprintf("%s%s%s", place->below, *place->below ? "/" : "", c->path);

		if (is_wanted(c, place, inside))
			r = walk(fd, pattern, on_credential, f);
	}
	return r;
}

/* What is the user's home by another path, of a bind mount, is his home, too. */
static void add_own_home(struct finder *f, const char *home)
{
	struct stat st;

	credential_places_add(&f->places, home, "", true);
	if (stat(home, &st) < 0)
		return;
	for (size_t i = 0; i < f->count; i++)
		if (is_same(&st, &f->sources[i].st))
			credential_places_add(&f->places, f->sources[i].path, "", true);
}

/* Of other users' homes those alone that have to do with a source. */
static void add_home(struct finder *f, const struct credential_home *home)
{
	if (home->uid == getuid()) {
		add_own_home(f, home->path);
		return;
	}
	for (size_t i = 0; i < f->count; i++)
		if (mount_path_is_in(home->path, f->sources[i].path) ||
		    mount_path_is_in(f->sources[i].path, home->path))
			credential_places_add(&f->places, home->path, "", true);
}

static int add_homes(struct finder *f)
{
	_cleanup_free_ char *text = NULL;
	char *rest;
	struct credential_home home;
	int r = file_read(PASSWD, PASSWD_MAX, &text, NULL, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	rest = text;
	while (credential_next_home(&rest, &home))
		add_home(f, &home);
	return 0;
}

/* --- The whole ------------------------------------------------------------------------------ */

static int add_source(struct finder *f, int fd, int mount)
{
	struct source *s = &f->sources[f->count];

	s->fd = fd;
	s->mount = mount;
	s->path = read_path(fd);
	if (!s->path || fstat(fd, &s->st) < 0)
		return -errno;
	f->count++;
	credential_places_add_source(&f->places, s->path);
	return 0;
}

/* Whoever moves a source meanwhile could have its credentials looked for elsewhere. */
static int check_sources(const struct finder *f)
{
	for (size_t i = 0; i < f->count; i++) {
		_cleanup_free_ char *path = read_path(f->sources[i].fd);

		if (!path || strcmp(path, f->sources[i].path) != 0)
			return -ESTALE;
	}
	return 0;
}

static int find(struct finder *f, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_source(f, MASKS_FIRST_FD + (int)i, MASKS_FIRST_FD + (int)(count + i));
	if (r == 0)
		r = add_homes(f);
	for (size_t i = 0; r == 0 && i < f->places.count; i++)
		r = look_at_place(f, &f->places.list[i]);
	return r < 0 ? r : check_sources(f);
}

int main(int argc, char *argv[])
{
	struct finder *f = xnew(struct finder);
	uint64_t count;
	int r;

	if (argc != 2 || parse_uint(argv[1], 1, MOUNT_LIST_MAX, &count) < 0)
		return EXIT_USAGE;
	r = find(f, count);
	if (r < 0)
		return tell(MASKS_REPLY_FAILED, -r, 0, "", -EBADF) < 0 ? EXIT_FAILURE
								       : EXIT_SUCCESS;
	return tell(MASKS_REPLY_END, 0, 0, "", -EBADF) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
