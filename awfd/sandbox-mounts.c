/* A sandbox's mounts: opened by its owner, staged, and with the agent once it runs. */
#include "awfd/sandbox-internal.h"

#include <sys/stat.h>

#include "awfd/config.h"
#include "awfd/mount-namespace.h"
#include "awfd/mount-stage.h"
#include "common/alloc.h"
#include "common/log.h"
#include "common/strv.h"

char *sandbox_mounts_directory(const struct sandbox *s)
{
	return xasprintf("%s/mounts", s->directory);
}

static int enter_engine(const struct sandbox *s, struct err *e)
{
	return mount_namespace_of_engine(s->config->engine_socket, e);
}

/* What no user may mount, beside what nobody has to configure. */
static char **kept_paths(const struct config *c)
{
	char **kept = NULL;

	strv_append(&kept, c->runtime_directory);
	strv_append(&kept, c->state_directory);
	strv_append(&kept, c->log_directory);
	strv_append(&kept, c->engine_socket);
	strv_append(&kept, c->socket);
	return kept;
}

/* Who mounts what is worth a line. */
static void log_mounts(const struct sandbox *s)
{
	for (size_t i = 0; i < s->mounts.count; i++) {
		const struct mount_spec *spec = &s->mounts.list[i];

		bool is_own = spec->kind == MOUNT_VIEW;

		if (spec->missing)
			sandbox_log(is_own ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, s,
				    "leaves out %s: it %s", spec->target, spec->missing);
		else if (!is_own)
			sandbox_log(LOG_LEVEL_INFO, s, "mounts %s at %s, %s", spec->source,
				    spec->target, spec->writable ? "writable" : "read-only");
	}
}

static int stage(struct sandbox *s, const int *fds, int *roots, struct err *e)
{
	const struct host_view_user user = {
		.name = s->user, .uid = s->owner.uid, .gid = s->owner.gid, .home = s->home
	};
	_cleanup_free_ char *gh = xasprintf("%s/awf-gh", s->config->helper_directory);
	_cleanup_free_ char *directory = sandbox_mounts_directory(s);
	_cleanup_strv_ char **kept = kept_paths(s->config);
	_cleanup_close_ int engine = enter_engine(s, e);
	struct mount_stage all = { .directory = directory,
				   .mounts = engine,
				   .specs = &s->mounts,
				   .fds = fds,
				   .kept = kept,
				   .policy = s->policy,
				   .user = sandbox_has_host_view(s) ? &user : NULL,
				   .gh = s->has_difc ? gh : NULL,
				   .roots = roots };

	return engine < 0 ? engine : mount_stage_make(&all, e);
}

/* Staged, and then without the credentials in them. */
static int stage_and_mask(struct sandbox *s, const int *fds, struct err *e)
{
	int roots[MOUNT_LIST_MAX], r = stage(s, fds, roots, e);

	return r < 0 ? r : sandbox_masks_start(s, fds, roots, e);
}

static void on_opened(const int *fds, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };

	s->mount_open = NULL;
	if (!e && stage_and_mask(s, fds, &local) < 0)
		e = &local;
	if (e)
		sandbox_mounts_staged(s, e);
	else
		log_mounts(s);
}

int sandbox_mounts_start(struct sandbox *s, struct err *e)
{
	const struct config *c = s->config;
	_cleanup_free_ char *path = xasprintf("%s/awf-mount-open", c->helper_directory);
	_cleanup_close_ int engine = enter_engine(s, e);
	struct mount_open_ask ask = {
		.path = path, .user = &s->owner, .mounts = engine, .specs = &s->mounts
	};

	if (engine < 0)
		return engine;
	return mount_open_start(s->manager->base, &ask, on_opened, s, &s->mount_open, e);
}

void sandbox_mounts_cancel(struct sandbox *s)
{
	mount_open_cancel(TAKE_PTR(s->mount_open));
	sandbox_masks_cancel(s);
}

/* What lies in one of awfd's own is mounted with it. */
struct docker_mount *sandbox_mounts_list(const struct sandbox *s, size_t *count)
{
	_cleanup_free_ char *directory = sandbox_mounts_directory(s);
	struct docker_mount *list = xcalloc(s->mounts.count, sizeof(*list));

	*count = 0;
	for (size_t i = 0; i < s->mounts.count; i++) {
		const struct mount_spec *spec = &s->mounts.list[i];

		if (spec->missing || mount_specs_outer(&s->mounts, spec))
			continue;
		list[(*count)++] = (struct docker_mount){ .source = mount_stage_path(directory, i),
							  .target = spec->target };
	}
	return list;
}

void sandbox_mounts_list_free(struct docker_mount *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)list[i].source);
	free(list);
}

/* One of an earlier awfd is known by its directory alone. */
int sandbox_mounts_remove(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *directory = sandbox_mounts_directory(s);
	_cleanup_close_ int engine = -EBADF;
	struct stat st;

	if (lstat(directory, &st) < 0)
		return errno == ENOENT ? 0 : err_system(e, -errno, "%s", directory);
	engine = enter_engine(s, e);
	return engine < 0 ? engine : mount_stage_remove(directory, engine, e);
}
