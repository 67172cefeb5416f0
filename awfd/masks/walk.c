#include "awfd/masks/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/alloc.h"

/* Whoever has no more rights than this process can't reach it either. */
static bool is_out_of_reach(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM ||
	       error == ELOOP || error == ENAMETOOLONG;
}

static int open_at(int directory, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int passed_over(int r)
{
	return is_out_of_reach(-r) ? 0 : r;
}

/* The first component with a '*' in it, or the end. */
static size_t literal_length(const char *pattern)
{
	const char *star = strchr(pattern, '*');

	while (star && star > pattern && star[-1] != '/')
		star--;
	return star ? (size_t)(star - pattern) : strlen(pattern);
}

/* One that matches, and what is below it. */
static int walk_match(int directory, const char *name, const char *rest, walk_fn fn, void *userdata)
{
	_cleanup_close_ int fd = open_at(directory, name, O_PATH);

	if (fd < 0)
		return passed_over(fd);
	return walk(fd, *rest == '/' ? rest + 1 : rest, fn, userdata);
}

static const struct dirent *next_entry(DIR *all)
{
	errno = 0;
	return readdir(all);
}

static int walk_matches(int directory, const char *pattern, walk_fn fn, void *userdata)
{
	const char *rest = strchrnul(pattern, '/');
	_cleanup_free_ char *name = xstrndup(pattern, (size_t)(rest - pattern));
	int fd = open_at(directory, ".", O_RDONLY | O_DIRECTORY), r = 0;
	const struct dirent *entry;
	DIR *all;

	if (fd < 0)
		return passed_over(fd);
	all = fdopendir(fd);
	if (!all)
		abort();
	while (r == 0 && (entry = next_entry(all)))
		if (fnmatch(name, entry->d_name, FNM_PERIOD) == 0)
			r = walk_match(directory, entry->d_name, rest, fn, userdata);
	if (r == 0)
		r = -errno;
	closedir(all);
	return r;
}

int walk(int directory, const char *pattern, walk_fn fn, void *userdata)
{
	size_t length = literal_length(pattern);
	_cleanup_free_ char *literal = xstrndup(pattern, length);
	_cleanup_close_ int fd = -EBADF;

	if (*pattern == '\0')
		return fn(directory, userdata);
	if (length == 0)
		return walk_matches(directory, pattern, fn, userdata);
	fd = open_at(directory, literal, O_PATH);
	return fd < 0 ? passed_over(fd) : walk(fd, pattern + length, fn, userdata);
}
