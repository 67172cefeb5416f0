#include "containers/cli-proxy/uploads.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "containers/cli-proxy/gh-argv.h"

struct upload {
	char *path;
	uint64_t remaining;
};

struct uploads {
	struct upload *list;
	size_t count;
	size_t at; /* the one that comes */
	int fd;    /* of it, or -EBADF */
};

void uploads_free(struct uploads *u)
{
	if (!u)
		return;
	fd_close(u->fd);
	for (size_t i = 0; i < u->count; i++)
		free(u->list[i].path);
	free(u->list);
	free(u);
}

static int make_directory(const char *path, struct err *e)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_system(e, -errno, "cannot make directory %s", path);
	return 0;
}

static int make_parents(const char *directory, size_t number, struct err *e)
{
	_cleanup_free_ char *files = xasprintf("%s/files", directory);
	_cleanup_free_ char *own = xasprintf("%s/%zu", files, number);
	int error = make_directory(files, e);

	return error < 0 ? error : make_directory(own, e);
}

static int open_next(struct uploads *u, struct err *e)
{
	const char *path = u->list[u->at].path;

	u->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return u->fd < 0 ? err_system(e, -errno, "cannot make %s", path) : 0;
}

/* Goes on to the next file that lacks something; those that are empty are made. */
static int advance(struct uploads *u, struct err *e)
{
	while (u->at < u->count) {
		int error = u->fd < 0 ? open_next(u, e) : 0;

		if (error < 0)
			return error;
		if (u->list[u->at].remaining > 0)
			return 0;
		u->fd = fd_close(u->fd);
		u->at++;
	}
	return 1;
}

int uploads_new(const struct gh_arguments *a, const char *directory, const uint64_t *sizes,
		struct uploads **ret, struct err *e)
{
	_cleanup_(uploads_freep) struct uploads *u = xnew(struct uploads);
	_cleanup_free_ struct gh_file *files = NULL;
	size_t n = gh_argv_files(a, NULL, 0);

	files = xcalloc(n + 1, sizeof(*files));
	(void)gh_argv_files(a, files, n);
	u->fd = -EBADF;
	u->list = xcalloc(n + 1, sizeof(*u->list));
	for (; u->count < n; u->count++) {
		struct upload *upload = &u->list[u->count];
		int error = make_parents(directory, u->count, e);

		if (error < 0)
			return error;
		upload->path = gh_argv_upload_path(directory, a, &files[u->count], u->count);
		upload->remaining = sizes[u->count];
	}
	*ret = TAKE_PTR(u);
	return 0;
}

int uploads_take(struct uploads *u, struct evbuffer *data, struct err *e)
{
	for (;;) {
		int done = advance(u, e);
		struct upload *upload = &u->list[u->at];
		size_t n = evbuffer_get_length(data);
		int written;

		if (done != 0 || n == 0)
			return done;
		written = evbuffer_write_atmost(data, u->fd, (ev_ssize_t)MIN(n, upload->remaining));
		if (written < 0)
			return err_system(e, -errno, "cannot write %s", upload->path);
		upload->remaining -= (uint64_t)written;
	}
}
