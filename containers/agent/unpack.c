#include "containers/agent/unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"
#include "containers/agent/download-entry.h"

/* What to do with a file that is there already. */
enum existing {
	EXISTING_REFUSE,
	EXISTING_REPLACE,
	EXISTING_SKIP,
};

struct unpack {
	char *directory;
	int root; /* of it, or -EBADF until it is needed */
	enum existing existing;
	bool can_clobber;
	struct strbuf line; /* that comes before a file */
	struct download_entry entry;
	int fd; /* of the file that comes; -EBADF when it is skipped */
	uint64_t remaining;
};

static char *directory_of(const struct gh_arguments *a)
{
	const struct gh_value *dir = gh_arguments_flag(a, "dir");
	const struct gh_value *output = gh_arguments_flag(a, "output");
	const char *path = output ? gh_arguments_text(a, output) : ".", *slash;

	if (dir)
		return xstrdup(gh_arguments_text(a, dir));
	slash = strrchr(path, '/');
	return slash ? xstrndup(path, MAX((size_t)(slash - path), (size_t)1)) : xstrdup(".");
}

struct unpack *unpack_new(const struct gh_arguments *a)
{
	struct unpack *u = xnew(struct unpack);

	u->root = u->fd = -EBADF;
	u->directory = directory_of(a);
	u->can_clobber = gh_command_flag(a->command, "clobber", strlen("clobber"));
	if (gh_arguments_switch(a, "clobber"))
		u->existing = EXISTING_REPLACE;
	else if (gh_arguments_switch(a, "skip-existing"))
		u->existing = EXISTING_SKIP;
	return u;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	fd_close(u->root);
	fd_close(u->fd);
	strbuf_clear(&u->line);
	download_entry_clear(&u->entry);
	free(u->directory);
	free(u);
}

static int cannot_make(const struct unpack *u, int error, struct err *e)
{
	return err_system(e, error, "cannot make %s/%s", u->directory, u->entry.path);
}

/* Makes the directory that the user named, with all above it; his links are his. An error of
 * mkdir() counts only if the directory can't be opened then: it may be of one that is there
 * already. */
static int make_root(struct unpack *u)
{
	int error = 0;

	for (char *slash = u->directory; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (mkdir(u->directory, 0777) < 0 && errno != EEXIST && error == 0)
			error = -errno;
		*slash = '/';
	}
	if (mkdir(u->directory, 0777) < 0 && errno != EEXIST && error == 0)
		error = -errno;
	return error;
}

static int open_root(struct unpack *u, struct err *e)
{
	int error;

	if (u->root >= 0)
		return 0;
	error = make_root(u);
	u->root = open(u->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->root < 0)
		return err_system(e, error < 0 ? error : -errno, "cannot make directory %s",
				  u->directory);
	return 0;
}

/* The directory in which the entry's last part is; *name is that part. */
static int open_parent(struct unpack *u, const char **name, struct err *e)
{
	_cleanup_close_ int at = fcntl(u->root, F_DUPFD_CLOEXEC, 0);
	const char *part = u->entry.path;

	if (at < 0)
		return cannot_make(u, -errno, e);
	for (const char *slash; (slash = strchr(part, '/')); part = slash + 1) {
		_cleanup_free_ char *directory = xstrndup(part, (size_t)(slash - part));
		int next;

		if (mkdirat(at, directory, 0777) < 0 && errno != EEXIST)
			return cannot_make(u, -errno, e);
		next = openat(at, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return cannot_make(u, -errno, e);
		fd_close(at);
		at = next;
	}
	*name = part;
	return TAKE_FD(at);
}

static int make_directory(struct unpack *u, int parent, const char *name, struct err *e)
{
	struct stat status;

	if (mkdirat(parent, name, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return cannot_make(u, -errno, e);
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode))
		return cannot_make(u, -ENOTDIR, e);
	return 0;
}

static int make_file(struct unpack *u, int parent, const char *name, struct err *e)
{
	mode_t mode = u->entry.is_executable ? 0777 : 0666;
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	u->fd = openat(parent, name, flags, mode);
	if (u->fd < 0 && errno == EEXIST && u->existing == EXISTING_SKIP)
		return 0;
	if (u->fd < 0 && errno == EEXIST && u->existing == EXISTING_REFUSE)
		return err_set(e, -EEXIST, ERR_SYSTEM, "%s/%s already exists%s", u->directory,
			       u->entry.path,
			       u->can_clobber ? " (use `--clobber` to overwrite it, or "
						"`--skip-existing` to leave it)"
					      : "");
	if (u->fd < 0 && errno == EEXIST && unlinkat(parent, name, 0) == 0)
		u->fd = openat(parent, name, flags, mode);
	return u->fd < 0 ? cannot_make(u, -errno, e) : 0;
}

static int begin_entry(struct unpack *u, struct err *e)
{
	const char *name = "";
	_cleanup_close_ int parent = -EBADF;
	int error = open_root(u, e);

	if (error < 0)
		return error;
	parent = open_parent(u, &name, e);
	if (parent < 0)
		return parent;
	u->remaining = u->entry.size;
	return u->entry.is_directory ? make_directory(u, parent, name, e)
				     : make_file(u, parent, name, e);
}

/* The line up to its end, of which there may be less. */
static int take_line(struct unpack *u, const char *data, size_t length, size_t *used, struct err *e)
{
	const char *end = memchr(data, '\n', length);
	size_t n = end ? (size_t)(end - data) : length;
	int error;

	*used = end ? n + 1 : n;
	if (u->line.length + n > DOWNLOAD_ENTRY_LIMIT)
		return err_set(e, -EPROTO, ERR_SYSTEM, "cli-proxy's answer is no download");
	strbuf_append(&u->line, data, n);
	if (!end)
		return 0;
	download_entry_clear(&u->entry);
	error = download_entry_parse(u->line.data, u->line.length, &u->entry, e);
	strbuf_clear(&u->line);
	return error < 0 ? error : begin_entry(u, e);
}

static int take_bytes(struct unpack *u, const char *data, size_t length, size_t *used,
		      struct err *e)
{
	size_t n = MIN(length, u->remaining);

	*used = n;
	u->remaining -= n;
	while (u->fd >= 0 && n > 0) {
		ssize_t written = write(u->fd, data, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return cannot_make(u, -errno, e);
		data += written;
		n -= (size_t)written;
	}
	return 0;
}

int unpack_feed(struct unpack *u, const char *data, size_t length, struct err *e)
{
	while (length > 0) {
		size_t used = 0;
		int error = u->remaining > 0 ? take_bytes(u, data, length, &used, e)
					     : take_line(u, data, length, &used, e);

		if (error < 0)
			return error;
		if (u->remaining == 0)
			u->fd = fd_close(u->fd);
		data += used;
		length -= used;
	}
	return 0;
}

int unpack_end(struct unpack *u, struct err *e)
{
	if (u->remaining == 0 && u->line.length == 0)
		return 0;
	return err_set(e, -EPROTO, ERR_SYSTEM, "the download '%s' is not whole", u->entry.path);
}
