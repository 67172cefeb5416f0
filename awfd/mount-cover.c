#include "awfd/mount-cover.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "awfd/mount-namespace.h"
#include "awfd/mount-stage.h"
#include "common/alloc.h"
#include "common/fd.h"

#define FINDER "awf-mount-masks"

/* All of this runs in the engine's mount namespace, and looks nothing up in a user's directories.
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
				       FINDER " told of something that is not in the mount");
}

static int tell_type(int fd, enum mask_type *ret, struct err *e)
{
	mode_t mode = 0;
	int r = mount_stage_read_type(fd, &mode, e);

	if (r < 0)
		return r;
	if (S_ISLNK(mode))
		return err_set(e, -ELOOP, ERR_SYSTEM, FINDER " told of a link");
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

int mount_cover(const struct mount_masks_cover *c, struct err *e)
{
	return mount_namespace_call(c->mounts, cover, (void *)c, e);
}
