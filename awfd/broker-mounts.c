/* The broker's operations on the engine's mounts. */
#include "awfd/broker-operations.h"

#include <stdbool.h>

#include "awfd/mount-build.h"
#include "awfd/mount-cover.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"

#define PATHS_MAX 64
#define ID_MAX    ((int64_t)UINT32_MAX)

int broker_do_look(const struct broker_work *w, struct err *e)
{
	int mounts = broker_get_fd(w->request), fd;
	_cleanup_strv_ char **paths = broker_get_texts(w->request, PATHS_MAX);

	if (broker_message_end(w->request) < 0)
		return broker_refuse(e);
	fd = mount_build_look(mounts, paths, e);
	if (fd < 0)
		return fd;
	broker_put_fd(w->answer, fd);
	return 0;
}

/* --- Stages --------------------------------------------------------------------------------------
 */

/* What a stage lends. */
struct staging {
	struct mount_stage stage;
	struct mount_specs specs;
	struct host_view_user user;
	char *directory, *gh, *name, *home;
	int fds[MOUNT_LIST_MAX], roots[MOUNT_LIST_MAX];
};

static void staging_clear(struct staging *x)
{
	mount_specs_clear(&x->specs);
	free(x->directory);
	free(x->gh);
	free(x->name);
	free(x->home);
}

static void get_spec(struct broker_message *request, struct mount_spec *spec, int *fd)
{
	spec->text = broker_get_some_text(request);
	spec->source = broker_get_text(request);
	spec->target = broker_get_some_text(request);
	spec->missing = broker_get_text(request);
	spec->kind = (enum mount_kind)broker_get_number(request, 0, MOUNT_VIEW);
	spec->writable = broker_get_number(request, 0, 1);
	spec->optional = broker_get_number(request, 0, 1);
	*fd = broker_get_fd(request);
}

static void get_user(struct broker_message *request, struct staging *x)
{
	if (broker_get_number(request, 0, 1) == 0)
		return;
	x->name = broker_get_some_text(request);
	x->user.uid = (uid_t)broker_get_number(request, 0, ID_MAX);
	x->user.gid = (gid_t)broker_get_number(request, 0, ID_MAX);
	x->home = broker_get_some_text(request);
	x->user.name = x->name;
	x->user.home = x->home;
	x->stage.user = &x->user;
}

static void get_stage(struct broker_message *request, struct staging *x)
{
	x->directory = broker_get_some_text(request);
	x->stage.directory = x->directory;
	x->stage.mounts = broker_get_fd(request);
	x->gh = broker_get_text(request);
	x->stage.gh = x->gh;
	get_user(request, x);
	x->stage.roots = broker_get_number(request, 0, 1) == 1 ? x->roots : NULL;
	x->specs.count = (size_t)broker_get_number(request, 0, MOUNT_LIST_MAX);
	x->specs.list = xcalloc(x->specs.count + 1, sizeof(*x->specs.list));
	for (size_t i = 0; i < x->specs.count; i++)
		get_spec(request, &x->specs.list[i], &x->fds[i]);
	x->stage.specs = &x->specs;
	x->stage.fds = x->fds;
}

/* One that is mounted has a descriptor or is made, for somebody; and each has a place below /. */
static bool is_spec(const struct staging *x, size_t i)
{
	const struct mount_spec *spec = &x->specs.list[i];
	bool is_mounted = spec->source && !spec->missing;

	return mount_path_is_plain(spec->target) && (x->fds[i] >= 0) == is_mounted &&
	       (spec->source || spec->missing || (spec->kind == MOUNT_VIEW && x->stage.user));
}

static bool is_stage(const struct broker_message *request, const struct staging *x)
{
	if (broker_message_end(request) < 0 || !mount_path_is_plain(x->directory))
		return false;
	for (size_t i = 0; i < x->specs.count; i++)
		if (!is_spec(x, i))
			return false;
	return true;
}

static void put_staged(struct broker_message *answer, const struct staging *x)
{
	for (size_t i = 0; i < x->specs.count; i++) {
		broker_put_text(answer, x->specs.list[i].missing);
		if (x->stage.roots)
			broker_put_fd(answer, x->roots[i]);
	}
}

int broker_do_stage(const struct broker_work *w, struct err *e)
{
	_cleanup_(staging_clear) struct staging x = { 0 };
	int r;

	get_stage(w->request, &x);
	if (!is_stage(w->request, &x))
		return broker_refuse(e);
	r = mount_build(&x.stage, e);
	if (r < 0)
		return r;
	put_staged(w->answer, &x);
	return 0;
}

int broker_do_unstage(const struct broker_work *w, struct err *e)
{
	_cleanup_free_ char *directory = broker_get_some_text(w->request);
	int mounts = broker_get_fd(w->request);

	if (broker_message_end(w->request) < 0 || !mount_path_is_plain(directory))
		return broker_refuse(e);
	return mount_build_remove(directory, mounts, e);
}

/* --- Masks ---------------------------------------------------------------------------------------
 */

static void found_clear(struct mount_masks_found *found)
{
	for (size_t i = 0; i < found->count; i++)
		free(found->list[i].path);
}

static void get_found(struct broker_message *request, struct mount_masks_found *found)
{
	for (size_t i = 0; i < MOUNT_LIST_MAX; i++)
		found->roots[i] = broker_get_fd(request);
	found->count = (size_t)broker_get_number(request, 1, MASKS_MAX);
	for (size_t i = 0; i < found->count; i++) {
		struct mount_mask *mask = &found->list[i];

		mask->fd = broker_get_fd(request);
		mask->mount = (size_t)broker_get_number(request, 0, MOUNT_LIST_MAX - 1);
		mask->path = broker_get_some_text(request);
	}
}

static bool is_found(const struct mount_masks_found *found)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->list[i].fd < 0 || found->roots[found->list[i].mount] < 0)
			return false;
	return true;
}

int broker_do_cover(const struct broker_work *w, struct err *e)
{
	_cleanup_(found_clear) struct mount_masks_found found = { 0 };
	_cleanup_free_ char *directory = broker_get_some_text(w->request);
	struct mount_masks_cover all = { .directory = directory, .found = &found };

	all.mounts = broker_get_fd(w->request);
	get_found(w->request, &found);
	if (broker_message_end(w->request) < 0 || !mount_path_is_plain(directory) ||
	    !is_found(&found))
		return broker_refuse(e);
	return mount_cover(&all, e);
}
