#include "awfctl/output-dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "awfctl/options.h"
#include "common/alloc.h"
#include "common/fd.h"

#define COPY_SIZE (64 * 1024)

/* Also those above it, as mkdir -p does; what is there already is not touched. */
static int make(const char *path)
{
	_cleanup_free_ char *part = xstrdup(path);

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0777) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

int output_dir_open(const char *option, const char *path, struct err *e)
{
	int fd = -EBADF;
	int r;

	if (*path == '\0')
		return usage_error(e, "--%s: the path is empty; give that of a directory", option);
	r = make(path);
	if (r == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = -errno;
	if (r < 0)
		return usage_error(e,
				   "--%s '%s': %s; give a directory that you can make and write to",
				   option, path, strerror(-r));
	return fd;
}

static int copy_bytes(int from, int to)
{
	_cleanup_free_ char *buffer = xcalloc(COPY_SIZE, 1);

	for (;;) {
		ssize_t n = read(from, buffer, COPY_SIZE);
		int r;

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = fd_write_all(to, buffer, (size_t)n);
		if (r < 0)
			return r;
	}
}

/* What an earlier one left is replaced. */
static int open_new(int directory, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(directory, name, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(directory, name, 0) == 0)
		fd = openat(directory, name, flags, 0600);
	return fd < 0 ? -errno : fd;
}

static int write_new(int directory, const char *name, int from)
{
	_cleanup_close_ int to = open_new(directory, name);

	return to < 0 ? to : copy_bytes(from, to);
}

int output_dir_copy(int directory, const char *name, const char *path, struct err *e)
{
	_cleanup_free_ char *temporary = xasprintf(".%s.new", name);
	_cleanup_close_ int from = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (from < 0)
		return err_system(e, -errno, "cannot read %s", path);
	r = write_new(directory, temporary, from);
	if (r == 0 && renameat(directory, temporary, directory, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(directory, temporary, 0);
		return err_system(e, r, "cannot copy %s to %s", path, name);
	}
	return 0;
}
