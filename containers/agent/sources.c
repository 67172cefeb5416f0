#include "containers/agent/sources.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"

#define COPY_SIZE (64 * 1024)

/* Of what doesn't tell its size, and so has to be held in memory. */
#define COPY_LIMIT (64 * 1024 * 1024)

struct source {
	int fd;
	uint64_t remaining;
	char *path;
};

struct sources {
	struct source *files;
	uint64_t *sizes;
	size_t count;
	bool has_stdin; /* not read to its end yet */
};

void sources_free(struct sources *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		fd_close(s->files[i].fd);
		free(s->files[i].path);
	}
	free(s->files);
	free(s->sizes);
	free(s);
}

static int cannot_read(const char *path, int error, struct err *e)
{
	return err_system(e, error, "cannot read %s", path);
}

/* Puts all that comes from fd into memory; *ret is that. */
static int copy(int fd, const char *path, int *ret, struct err *e)
{
	_cleanup_close_ int memory = memfd_create("awf-gh", MFD_CLOEXEC);
	char buffer[COPY_SIZE];
	size_t length = 0;
	ssize_t n;

	if (memory < 0)
		return cannot_read(path, -errno, e);
	while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(memory, buffer, (size_t)n) != n)
			return cannot_read(path, -errno, e);
		length += (size_t)n;
		if (length > COPY_LIMIT)
			return err_set(e, -EFBIG, ERR_SYSTEM,
				       "%s does not tell its size, and is larger than %d bytes",
				       path, COPY_LIMIT);
	}
	if (lseek(memory, 0, SEEK_SET) < 0)
		return cannot_read(path, -errno, e);
	*ret = TAKE_FD(memory);
	return 0;
}

/* O_NONBLOCK is not set: a FIFO is waited for, as gh would do. A file of /proc says that it is
 * empty, whatever is in it. */
static int open_file(struct source *source, struct err *e)
{
	_cleanup_close_ int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int sized = -EBADF, error;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return cannot_read(source->path, -errno, e);
	if (S_ISDIR(status.st_mode))
		return cannot_read(source->path, -EISDIR, e);
	if (!S_ISREG(status.st_mode) || status.st_size == 0) {
		error = copy(fd, source->path, &sized, e);
		if (error < 0)
			return error;
		fd_close(fd);
		fd = sized;
		if (fstat(fd, &status) < 0)
			return cannot_read(source->path, -errno, e);
	}
	source->remaining = (uint64_t)status.st_size;
	source->fd = TAKE_FD(fd);
	return 0;
}

int sources_open(const struct gh_arguments *a, struct sources **ret, struct err *e)
{
	_cleanup_(sources_freep) struct sources *s = xnew(struct sources);

	s->has_stdin = gh_arguments_reads_stdin(a);
	s->files = xcalloc(a->count + 1, sizeof(*s->files));
	s->sizes = xcalloc(a->count + 1, sizeof(*s->sizes));
	for (size_t i = 0; i < a->count; i++) {
		struct source *source = &s->files[s->count];
		struct gh_file file;
		int error;

		if (!gh_arguments_file(a, &a->values[i], &file))
			continue;
		*source = (struct source){ .fd = -EBADF };
		source->path = xstrndup(a->args[file.arg] + file.offset, file.length);
		s->count++;
		error = open_file(source, e);
		if (error < 0)
			return error;
		s->sizes[s->count - 1] = source->remaining;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

const uint64_t *sources_sizes(const struct sources *s, size_t *count)
{
	*count = s->count;
	return s->sizes;
}

/* The file that goes now, or NULL. */
static struct source *current(const struct sources *s)
{
	size_t i = 0;

	while (i < s->count && s->files[i].remaining == 0)
		i++;
	return i < s->count ? &s->files[i] : NULL;
}

int sources_fd(const struct sources *s)
{
	const struct source *source = current(s);

	if (source)
		return source->fd;
	return s->has_stdin ? STDIN_FILENO : -1;
}

static ssize_t read_file(struct source *source, void *buffer, size_t size, struct err *e)
{
	ssize_t n = read(source->fd, buffer, MIN(size, source->remaining));

	if (n < 0 && errno == EINTR)
		return -EAGAIN;
	if (n < 0)
		return cannot_read(source->path, -errno, e);
	if (n == 0)
		return err_set(e, -EIO, ERR_SYSTEM, "%s became shorter while it was read",
			       source->path);
	source->remaining -= (uint64_t)n;
	return n;
}

ssize_t sources_read(struct sources *s, void *buffer, size_t size, struct err *e)
{
	struct source *source = current(s);
	ssize_t n;

	if (source)
		return read_file(source, buffer, size, e);
	n = read(STDIN_FILENO, buffer, size);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n < 0)
		return err_system(e, -errno, "cannot read stdin");
	s->has_stdin = n > 0;
	return n;
}
