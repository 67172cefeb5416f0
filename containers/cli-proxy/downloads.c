#include "containers/cli-proxy/downloads.h"

#include <fcntl.h>
#include <fts.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"

#define PIECE_SIZE (64 * 1024)

struct downloads {
	char *root;
	FTS *walk;
	int fd; /* of the file that goes, or -EBADF */
	uint64_t remaining;
	struct event *step;
	bool held;
	const struct downloads_events *events;
	void *userdata;
};

static void go_on(struct downloads *d)
{
	if (!d->held)
		event_active(d->step, EV_TIMEOUT, 0);
}

static void announce(struct downloads *d, const FTSENT *entry, const struct stat *file)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *line = NULL;

	json_object_object_add(o, "path",
			       json_object_new_string(entry->fts_path + strlen(d->root) + 1));
	if (file) {
		json_object_object_add(o, "size", json_object_new_int64(file->st_size));
		json_object_object_add(o, "executable",
				       json_object_new_boolean((file->st_mode & 0100) != 0));
	} else {
		json_object_object_add(o, "directory", json_object_new_boolean(true));
	}
	line = xasprintf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	d->events->piece(line, strlen(line), d->userdata);
}

static int begin_file(struct downloads *d, const FTSENT *entry, struct err *e)
{
	struct stat file;

	d->fd = open(entry->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (d->fd < 0 || fstat(d->fd, &file) < 0)
		return err_system(e, -errno, "cannot read the download %s", entry->fts_path);
	d->remaining = (uint64_t)file.st_size;
	announce(d, entry, &file);
	return 0;
}

/* 1 when there is no further entry. Links and the like are left out: gh makes none. */
static int next_entry(struct downloads *d, struct err *e)
{
	FTSENT *entry;

	errno = 0;
	entry = fts_read(d->walk);
	if (!entry)
		return errno == 0 ? 1 : err_system(e, -errno, "cannot read %s", d->root);
	switch (entry->fts_info) {
	case FTS_D:
		if (entry->fts_level > 0)
			announce(d, entry, NULL);
		return 0;
	case FTS_F:
		return begin_file(d, entry, e);
	case FTS_NS:
		return entry->fts_level == 0 ? 1 : 0; /* gh has made no directory at all */
	case FTS_DNR:
	case FTS_ERR:
		return err_system(e, -entry->fts_errno, "cannot read the download %s",
				  entry->fts_path);
	default:
		return 0;
	}
}

static int send_piece(struct downloads *d, struct err *e)
{
	char buffer[PIECE_SIZE];
	ssize_t n = 0;

	if (d->remaining > 0) {
		n = read(d->fd, buffer, MIN(d->remaining, sizeof(buffer)));
		if (n < 0 && errno == EINTR)
			return 0;
		if (n <= 0)
			return err_system(e, n < 0 ? -errno : -EIO, "cannot read a download");
		d->remaining -= (uint64_t)n;
		d->events->piece(buffer, (size_t)n, d->userdata);
	}
	if (d->remaining == 0)
		d->fd = fd_close(d->fd);
	return 0;
}

static void on_step(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct downloads *d = userdata;
	_cleanup_err_ struct err e = { 0 };
	int r = d->fd < 0 ? next_entry(d, &e) : send_piece(d, &e);

	if (r == 0)
		go_on(d);
	else
		d->events->done(r < 0 ? &e : NULL, d->userdata);
}

int downloads_start(struct event_base *base, const char *path,
		    const struct downloads_events *events, void *userdata, struct downloads **ret,
		    struct err *e)
{
	char *const roots[] = { (char *)path, NULL };
	struct downloads *d = xnew(struct downloads);

	d->fd = -EBADF;
	d->root = xstrdup(path);
	d->events = events;
	d->userdata = userdata;
	d->walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!d->walk) {
		(void)err_system(e, -errno, "cannot read %s", path);
		downloads_free(d);
		return e ? e->error : -EIO;
	}
	d->step = event_new(base, -1, 0, on_step, d);
	go_on(d);
	*ret = d;
	return 0;
}

void downloads_hold(struct downloads *d, bool hold)
{
	if (d->held == hold)
		return;
	d->held = hold;
	go_on(d);
}

void downloads_free(struct downloads *d)
{
	if (!d)
		return;
	if (d->step)
		event_free(d->step);
	if (d->walk)
		(void)fts_close(d->walk);
	fd_close(d->fd);
	free(d->root);
	free(d);
}
