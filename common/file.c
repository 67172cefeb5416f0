#include "common/file.h"

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"

/* How many directories nftw() may hold open at once. */
#define WALK_DESCRIPTORS 16

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
	buffer = xcalloc(limit + 2, 1);
	r = read_up_to(fd, buffer, limit + 1, &have);
	if (r < 0)
		return err_system(e, r, "%s", path);
	if (have > limit)
		return err_set(e, -EFBIG, ERR_SYSTEM, "%s: larger than %zu bytes", path, limit);
	*ret = TAKE_PTR(buffer);
	if (length)
		*length = have;
	return 0;
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
	_cleanup_free_ char *temporary = xasprintf("%s.tmp", path);
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

int file_mkdir(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_system(e, -errno, "cannot make directory %s", path);
	if (lstat(path, &st) < 0)
		return err_system(e, -errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_system(e, -ENOTDIR, "%s", path);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -errno : 0;
}

int file_remove_tree(const char *path, struct err *e)
{
	int r = nftw(path, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (r == -1)
		r = errno == ENOENT ? 0 : -errno;
	return r < 0 ? err_system(e, r, "cannot remove %s", path) : 0;
}
