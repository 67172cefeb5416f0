#include "common/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"

/* How deep a tree may be that is removed: every level costs a descriptor. */
#define DEPTH_MAX 64

static int read_up_to(int fd, char *buffer, size_t limit, size_t *length)
{
	size_t have = 0;

	while (have < limit) {
		ssize_t n = read(fd, buffer + have, limit - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*length = have;
	return 0;
}

/* Reads all of a file of that size into memory, which the caller frees, also on failure: as much
 * more than the file has as is needed to see its end, and a NUL. What has no size (files of /proc),
 * or grows meanwhile, may have up to limit + 1 bytes. */
static int read_sized(int fd, size_t size, size_t limit, char **buffer, size_t *have)
{
	size_t room = size > 0 ? size : limit;

	for (;; room = limit) {
		size_t more = 0;
		int r;

		*buffer = xrealloc(*buffer, room + 2, 1);
		r = read_up_to(fd, *buffer + *have, room + 1 - *have, &more);
		if (r < 0)
			return r;
		*have += more;
		(*buffer)[*have] = '\0';
		if (*have <= room || room == limit)
			return 0;
	}
}

int file_read(const char *path, size_t limit, char **ret, size_t *length, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *buffer = NULL;
	struct stat st;
	size_t have = 0;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_system(e, -errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return err_system(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, ERR_SYSTEM, "%s: not a regular file", path);
	if (st.st_size > (off_t)limit)
		return err_set(e, -EFBIG, ERR_SYSTEM, "%s: larger than %zu bytes", path, limit);
	r = read_sized(fd, (size_t)st.st_size, limit, &buffer, &have);
	if (r < 0)
		return err_system(e, r, "%s", path);
	if (have > limit)
		return err_set(e, -EFBIG, ERR_SYSTEM, "%s: larger than %zu bytes", path, limit);
	*ret = TAKE_PTR(buffer);
	if (length)
		*length = have;
	return 0;
}

static char *temporary_name(const char *path)
{
	return xasprintf("%s.tmp", path);
}

static int sync_directory_of(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int fd = -EBADF;

	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int write_synced(const char *path, mode_t mode, const void *data, size_t length)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, length);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(const char *path, mode_t mode, const void *data, size_t length, struct err *e)
{
	_cleanup_free_ char *temporary = temporary_name(path);
	int r;

	r = write_synced(temporary, mode, data, length);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary);
		return err_system(e, r, "cannot write %s", path);
	}
	r = sync_directory_of(path);
	return r < 0 ? err_system(e, r, "cannot sync the directory of %s", path) : 0;
}

int file_remove_atomic(const char *path, struct err *e)
{
	_cleanup_free_ char *temporary = temporary_name(path);

	if (unlink(temporary) < 0 && errno != ENOENT)
		return err_system(e, -errno, "cannot remove %s", temporary);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_system(e, -errno, "cannot remove %s", path);
	return 0;
}

int file_mkdir(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0) /* the umask may have taken some of it */
		return chmod(path, mode) == 0 ? 0 : err_system(e, -errno, "cannot open %s", path);
	if (errno != EEXIST)
		return err_system(e, -errno, "cannot make directory %s", path);
	if (lstat(path, &st) < 0)
		return err_system(e, -errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_system(e, -ENOTDIR, "%s", path);
	return 0;
}

static int remove_at(int directory, const char *name, unsigned depth);

/* Removes what is in a directory; takes its descriptor over. */
static int remove_contents(int fd, unsigned depth)
{
	DIR *entries = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!entries) {
		fd_close(fd);
		return -errno;
	}
	while (r == 0 && (errno = 0, entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = remove_at(fd, entry->d_name, depth);
	if (r == 0)
		r = -errno;
	closedir(entries);
	return r;
}

/* Opens a directory to empty it; refuses one where something is mounted: a bind mount of the same
 * filesystem has the same device, so that only the kernel can tell. */
static int open_unmounted(int directory, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	struct statx st;

	fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, 0, &st) < 0)
		return -errno;
	return st.stx_attributes & STATX_ATTR_MOUNT_ROOT ? -EBUSY : TAKE_FD(fd);
}

static int remove_at(int directory, const char *name, unsigned depth)
{
	int fd, r;

	if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	if (depth == 0)
		return -ELOOP;
	fd = open_unmounted(directory, name);
	if (fd < 0)
		return fd;
	r = remove_contents(fd, depth - 1);
	if (r < 0)
		return r;
	return unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int file_remove_tree(const char *path, struct err *e)
{
	int r = remove_at(AT_FDCWD, path, DEPTH_MAX);

	return r < 0 ? err_system(e, r, "cannot remove %s", path) : 0;
}
