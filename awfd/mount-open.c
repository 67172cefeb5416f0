#include "awfd/mount-open.h"

#include <string.h>

#include "awfd/mount-helper.h"
#include "awfd/mount/reply.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"

#define NAME "awf-mount-open"

struct mount_open {
	struct mount_specs *specs;
	struct mount_helper *helper;
	int fds[MOUNT_LIST_MAX];
	size_t count; /* of those that were answered */
	mount_open_fn fn;
	void *userdata;
};

/* What a reply means where the error number doesn't say more. */
static const char *const step_reasons[MOUNT_REPLY_STEPS] = {
	[MOUNT_REPLY_OPENED] = "",
	[MOUNT_REPLY_OPEN] = "cannot be opened on this host",
	[MOUNT_REPLY_TYPE] = "is neither a directory nor a regular file",
	[MOUNT_REPLY_READ] = "you may not read it",
	[MOUNT_REPLY_WRITE] = "you may not write it",
};

static const struct {
	enum mount_reply_step step;
	int error;
	const char *reason;
} error_reasons[] = {
	{ MOUNT_REPLY_OPEN, ENOENT, "is not there on this host" },
	{ MOUNT_REPLY_OPEN, ENOTDIR, "leads through something that is no directory" },
	{ MOUNT_REPLY_OPEN, EACCES, "you have no right to reach it" },
	{ MOUNT_REPLY_OPEN, ELOOP,
	  "has too many links, or one of /proc, on its way: give the path they lead to" },
	{ MOUNT_REPLY_OPEN, ENOSYS,
	  "can't be opened safely, because something takes openat2(2) away: a filter of awfd's unit, "
	  "such as RestrictSUIDSGID=, or a kernel before 5.6" },
	{ MOUNT_REPLY_WRITE, EROFS, "is on a filesystem that is read-only" },
};

void mount_open_cancel(struct mount_open *m)
{
	if (!m)
		return;
	mount_helper_free(m->helper);
	for (size_t i = 0; i < m->count; i++)
		fd_close(m->fds[i]);
	free(m);
}

/* Tells, and is over. */
static void finish(struct mount_open *m, const struct err *e)
{
	m->fn(e ? NULL : m->fds, e, m->userdata);
	mount_open_cancel(m);
}

static const char *text_of(const struct mount_reply *reply)
{
	for (size_t i = 0; i < ARRAY_SIZE(error_reasons); i++)
		if ((int32_t)error_reasons[i].step == reply->step &&
		    error_reasons[i].error == reply->error)
			return error_reasons[i].reason;
	return step_reasons[reply->step];
}

/* The caller owns it. */
static char *reason_of(const struct mount_reply *reply, const struct mount_spec *spec)
{
	bool may_be_read = reply->step == MOUNT_REPLY_WRITE && spec->kind == MOUNT_ASKED;

	return xasprintf("%s%s", text_of(reply),
			 may_be_read ? ": mount it read-only, by ':ro' at the end" : "");
}

/* The user can do with a process of his what he likes, so nothing that it says is believed. */
static bool is_reply(const struct mount_reply *reply, ssize_t n, int fd)
{
	return n == sizeof(*reply) && reply->step >= 0 && reply->step < MOUNT_REPLY_STEPS &&
	       (fd >= 0) == (reply->step == MOUNT_REPLY_OPENED);
}

/* Nothing is asked about what awfd makes itself, or leaves out already. */
static bool is_asked_for(const struct mount_spec *spec)
{
	return spec->source && !spec->missing;
}

/* Goes on to the next one that is asked for; false when there is none. */
static bool skip_to_next(struct mount_open *m)
{
	while (m->count < m->specs->count && !is_asked_for(&m->specs->list[m->count]))
		m->fds[m->count++] = -EBADF;
	return m->count < m->specs->count;
}

static void take_reply(struct mount_open *m, const struct mount_reply *reply, int fd)
{
	_cleanup_err_ struct err e = { 0 };
	struct mount_spec *spec = &m->specs->list[m->count];
	_cleanup_free_ char *why =
		reply->step == MOUNT_REPLY_OPENED ? NULL : reason_of(reply, spec);

	if (why && !spec->optional) {
		(void)mount_spec_invalid(&e, mount_spec_field(spec), spec->text, why);
		finish(m, &e);
		return;
	}
	spec->missing = TAKE_PTR(why);
	m->fds[m->count++] = fd;
	if (!skip_to_next(m))
		finish(m, NULL);
}

static void on_packet(const void *packet, ssize_t n, int fd, void *userdata)
{
	struct mount_open *m = userdata;
	const struct mount_reply *reply = packet;
	_cleanup_err_ struct err e = { 0 };

	if (is_reply(reply, n, fd)) {
		take_reply(m, reply, fd);
		return;
	}
	fd_close(fd);
	(void)err_set(&e, -EBADMSG, ERR_SYSTEM, NAME " ended without an answer");
	finish(m, &e);
}

static char **format_arguments(const struct mount_specs *specs)
{
	char **argv = NULL;

	strv_append(&argv, NAME);
	for (size_t i = 0; i < specs->count; i++) {
		const struct mount_spec *spec = &specs->list[i];

		if (is_asked_for(spec))
			strv_appendf(&argv, "%s%s%s", spec->optional ? MOUNT_ASK_OPTIONAL : "",
				     spec->writable ? MOUNT_ASK_WRITE : MOUNT_ASK_READ,
				     spec->source);
	}
	return argv;
}

static int start(struct mount_open *m, struct event_base *base, const struct mount_open_ask *ask,
		 struct err *e)
{
	_cleanup_strv_ char **argv = format_arguments(ask->specs);

	return mount_helper_start(
		base,
		&(struct mount_helper_spec){
			.path = ask->path, .argv = argv, .user = ask->user, .mounts = ask->mounts },
		on_packet, m, &m->helper, e);
}

int mount_open_start(struct event_base *base, const struct mount_open_ask *ask, mount_open_fn fn,
		     void *userdata, struct mount_open **ret, struct err *e)
{
	struct mount_open *m = xnew(struct mount_open);
	int r;

	*m = (struct mount_open){ .specs = ask->specs, .fn = fn, .userdata = userdata };
	(void)skip_to_next(m);
	r = start(m, base, ask, e);
	if (r < 0) {
		mount_open_cancel(m);
		return r;
	}
	*ret = m;
	return 0;
}
