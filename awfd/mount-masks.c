#include "awfd/mount-masks.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "awfd/mount-helper.h"
#include "awfd/mount-namespace.h"
#include "awfd/mount-stage.h"
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

/* --- Covering them ------------------------------------------------------------------------------
 *
 * All of this runs in the engine's mount namespace, and looks nothing up in a user's directories.
 */

enum mask_type { MASK_FILE, MASK_DIRECTORY, MASK_TYPES };

/* What covers a file and a directory, in the stage's own filesystem. */
static const struct {
	const char *name;
	mode_t mode;
} masks[MASK_TYPES] = {
	[MASK_FILE] = { "masked-file", S_IFREG | 0444 },
	[MASK_DIRECTORY] = { "masked-directory", S_IFDIR | 0555 },
};

static char *mask_path(const char *directory, enum mask_type type)
{
	return xasprintf("%s/%s", directory, masks[type].name);
}

static int make_mask(const char *directory, enum mask_type type, struct err *e)
{
	_cleanup_free_ char *path = mask_path(directory, type);
	mode_t mode = masks[type].mode;
	int r = S_ISDIR(mode) ? mkdir(path, mode & 0777) : mknod(path, S_IFREG, 0);

	/* whatever the umask */
	if (r < 0 || chmod(path, mode & 0777) < 0)
		return err_system(e, -errno, "cannot make the mask %s", path);
	return 0;
}

/* The user's process may have passed anything: whatever is not in a mount of the stage is refused,
 * because it could be the host's. */
static int check_mount(const struct mount_masks_cover *c, const struct mount_mask *mask,
		       struct err *e)
{
	int id = -1, root_id = -2, r = mount_stage_read_id(mask->fd, &id, e);

	if (r == 0)
		r = mount_stage_read_id(c->found->roots[mask->mount], &root_id, e);
	if (r < 0)
		return r;
	return id == root_id ? 0
			     : err_set(e, -EXDEV, ERR_SYSTEM,
				       NAME " told of something that is not in the mount");
}

static int tell_type(int fd, enum mask_type *ret, struct err *e)
{
	mode_t mode = 0;
	int r = mount_stage_read_type(fd, &mode, e);

	if (r < 0)
		return r;
	if (S_ISLNK(mode))
		return err_set(e, -ELOOP, ERR_SYSTEM, NAME " told of a link");
	*ret = S_ISDIR(mode) ? MASK_DIRECTORY : MASK_FILE;
	return 0;
}

/* A mount of its own, of something empty that nobody can change. */
static int clone_mask(const char *directory, enum mask_type type, struct err *e)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						     MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY,
					 .propagation = MS_PRIVATE };
	_cleanup_free_ char *path = mask_path(directory, type);
	_cleanup_close_ int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		return err_system(e, -errno, "cannot make a mask of %s", path);
	return TAKE_FD(tree);
}

static int cover_one(const struct mount_masks_cover *c, const struct mount_mask *mask,
		     struct err *e)
{
	_cleanup_close_ int tree = -EBADF;
	enum mask_type type = MASK_FILE;
	int r = check_mount(c, mask, e);

	if (r == 0)
		r = tell_type(mask->fd, &type, e);
	if (r < 0)
		return r;
	tree = clone_mask(c->directory, type, e);
	if (tree < 0)
		return tree;
	if (move_mount(tree, "", mask->fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return err_system(e, -errno, "cannot mask a credential");
	return 0;
}

static int cover(void *userdata, struct err *e)
{
	const struct mount_masks_cover *c = userdata;
	int r = 0;

	for (int type = 0; r == 0 && type < MASK_TYPES; type++)
		r = make_mask(c->directory, (enum mask_type)type, e);
	for (size_t i = 0; r == 0 && i < c->found->count; i++) {
		r = cover_one(c, &c->found->list[i], e);
		if (r < 0)
			(void)err_wrap(e, "%s", c->found->list[i].path);
	}
	return r;
}

int mount_masks_cover(const struct mount_masks_cover *c, struct err *e)
{
	return c->found->count == 0 ? 0 : mount_namespace_call(c->mounts, cover, (void *)c, e);
}
