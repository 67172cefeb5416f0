#include "awfd/mount-masks.h"

#include <assert.h>
#include <string.h>

#include "awfd/broker.h"
#include "awfd/mount-helper.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"

#define NAME "awf-mount-masks"

static_assert(sizeof(struct masks_reply) <= MOUNT_HELPER_PACKET_MAX, "a reply is a packet");

/* --- Finding them --------------------------------------------------------------------------- */

struct mount_masks {
	const struct mount_specs *specs;
	size_t asked[MOUNT_LIST_MAX]; /* the specs that it looks at, in its order */
	size_t asked_count;
	struct mount_helper *helper;
	struct mount_masks_found found;
	mount_masks_fn fn;
	void *userdata;
};

/* Why nothing is mounted when they could not be looked for. */
static const struct {
	int error;
	const char *reason;
} failures[] = {
	{ E2BIG, "there are more credentials in it than can be masked: mount less of it" },
	{ ESTALE, "was moved, or a credential in it, while it was looked at: try again" },
};

void mount_masks_cancel(struct mount_masks *m)
{
	if (!m)
		return;
	mount_helper_free(m->helper);
	for (size_t i = 0; i < m->found.count; i++) {
		fd_close(m->found.list[i].fd);
		free(m->found.list[i].path);
	}
	for (size_t i = 0; i < MOUNT_LIST_MAX; i++) {
		fd_close(m->found.roots[i]);
		free(m->found.named[i]);
	}
	free(m);
}

/* Tells, and is over. */
static void finish(struct mount_masks *m, const struct err *e)
{
	m->fn(e ? NULL : &m->found, e, m->userdata);
	mount_masks_cancel(m);
}

/* The user can do with a process of his what he likes, so nothing that it says is believed. */
static bool is_reply(const struct mount_masks *m, const struct masks_reply *reply, ssize_t n,
		     int fd)
{
	return n == sizeof(*reply) && reply->kind >= 0 && reply->kind < MASKS_REPLY_KINDS &&
	       (fd >= 0) == (reply->kind == MASKS_REPLY_FOUND) && reply->mount < m->asked_count &&
	       memchr(reply->path, '\0', sizeof(reply->path)) != NULL;
}

/* So that it can't keep awfd busy either. */
static int refuse_more(struct err *e)
{
	return err_set(e, -EBADMSG, ERR_SYSTEM, NAME " told of more than it may");
}

static int take_found(struct mount_masks *m, const struct masks_reply *reply, int fd, struct err *e)
{
	if (m->found.count == MASKS_MAX) {
		fd_close(fd);
		return refuse_more(e);
	}
	m->found.list[m->found.count++] = (struct mount_mask){ .fd = fd,
							       .mount = m->asked[reply->mount],
							       .path = xstrdup(reply->path) };
	return 0;
}

static int take_named(struct mount_masks *m, const struct masks_reply *reply, struct err *e)
{
	char **named = &m->found.named[m->asked[reply->mount]];

	if (*named)
		return refuse_more(e);
	*named = xstrdup(reply->path);
	return 0;
}

static int take_failed(const struct mount_masks *m, const struct masks_reply *reply, struct err *e)
{
	const struct mount_spec *spec = &m->specs->list[m->asked[reply->mount]];

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].error == reply->error)
			return mount_spec_invalid(e, mount_spec_field(spec), spec->text,
						  failures[i].reason);
	return err_system(e, reply->error > 0 ? -reply->error : -EIO,
			  "cannot look for credentials in the mounts");
}

/* 1 at the end, 0 when there is more to come. */
static int take_reply(struct mount_masks *m, const struct masks_reply *reply, int fd, struct err *e)
{
	switch ((enum masks_reply_kind)reply->kind) {
	case MASKS_REPLY_FOUND:
		return take_found(m, reply, fd, e);
	case MASKS_REPLY_NAMED:
		return take_named(m, reply, e);
	case MASKS_REPLY_END:
		return 1;
	case MASKS_REPLY_FAILED:
		return take_failed(m, reply, e);
	case MASKS_REPLY_KINDS:
		break;
	}
	return -EBADMSG;
}

static void on_packet(const void *packet, ssize_t n, int fd, void *userdata)
{
	struct mount_masks *m = userdata;
	const struct masks_reply *reply = packet;
	_cleanup_err_ struct err e = { 0 };
	int r;

	if (is_reply(m, reply, n, fd)) {
		r = take_reply(m, reply, fd, &e);
	} else {
		fd_close(fd);
		r = err_set(&e, -EBADMSG, ERR_SYSTEM, NAME " ended without an answer");
	}
	if (r != 0)
		finish(m, r < 0 ? &e : NULL);
}

static int start(struct mount_masks *m, struct event_base *base, const struct mount_masks_ask *ask,
		 struct err *e)
{
	_cleanup_strv_ char **argv = NULL;
	const size_t count = m->asked_count;
	int fds[2 * MOUNT_LIST_MAX];

	strv_append(&argv, NAME);
	strv_appendf(&argv, "%zu", count);
	for (size_t i = 0; i < count; i++) {
		fds[i] = ask->fds[m->asked[i]];
		fds[count + i] = ask->roots[m->asked[i]];
	}
	return mount_helper_start(base,
				  &(struct mount_helper_spec){ .path = ask->path,
							       .argv = argv,
							       .user = ask->user,
							       .mounts = ask->mounts,
							       .fds = fds,
							       .fd_count = 2 * count },
				  on_packet, m, &m->helper, e);
}

int mount_masks_start(struct event_base *base, const struct mount_masks_ask *ask, mount_masks_fn fn,
		      void *userdata, struct mount_masks **ret, struct err *e)
{
	struct mount_masks *m = xnew(struct mount_masks);
	int r;

	for (size_t i = 0; i < MOUNT_LIST_MAX; i++) {
		m->found.roots[i] = i < ask->specs->count ? ask->roots[i] : -EBADF;
		if (m->found.roots[i] >= 0)
			m->asked[m->asked_count++] = i;
	}
	m->specs = ask->specs;
	m->fn = fn;
	m->userdata = userdata;
	r = start(m, base, ask, e);
	if (r < 0) {
		mount_masks_cancel(m);
		return r;
	}
	*ret = m;
	return 0;
}

/* --- Covering them --------------------------------------------------------------------------- */

int mount_masks_cover(const struct mount_masks_cover *c, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };

	if (c->found->count == 0)
		return 0;
	broker_put_text(&request, c->directory);
	broker_put_fd(&request, c->mounts);
	for (size_t i = 0; i < MOUNT_LIST_MAX; i++)
		broker_put_fd(&request, c->found->roots[i]);
	broker_put_number(&request, (int64_t)c->found->count);
	for (size_t i = 0; i < c->found->count; i++) {
		broker_put_fd(&request, c->found->list[i].fd);
		broker_put_number(&request, (int64_t)c->found->list[i].mount);
		broker_put_text(&request, c->found->list[i].path);
	}
	return broker_call(BROKER_COVER, &request, &answer, e);
}
