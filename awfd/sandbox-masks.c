/* Credentials in a sandbox's mounts: masked once these are staged, before the engine takes them. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/config.h"
#include "awfd/mount-masks.h"
#include "awfd/mount-namespace.h"
#include "common/alloc.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/strv.h"

#define LOGGED_MAX 16 /* paths in a line of the log */

static bool is_in(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* For people to read, once of a place that several mounts have; what is too much is left out. */
static void keep(struct sandbox *s, const char *path, size_t *room)
{
	_cleanup_free_ char *shown = escape_control(path);
	size_t size = strlen(shown) + 1;

	if (is_in(s->masked, shown) || *room == 0)
		return;
	strv_append(&s->masked, size <= *room ? shown : "…");
	*room -= MIN(size, *room);
}

/* What nobody sees any more: all for inspect, the first of them for the log. */
static void tell_masked(struct sandbox *s, const struct mount_masks_found *found)
{
	_cleanup_strbuf_ struct strbuf first = { 0 };
	size_t room = MESSAGE_MASKED_MAX / 2, count;

	for (size_t i = 0; i < found->count; i++)
		keep(s, found->list[i].path, &room);
	count = strv_length(s->masked);
	if (count == 0)
		return;
	for (size_t i = 0; i < MIN(count, (size_t)LOGGED_MAX); i++)
		strbuf_appendf(&first, "%s%s", i > 0 ? ", " : "", s->masked[i]);
	sandbox_log(LOG_LEVEL_INFO, s, "masks %zu places for credentials in its mounts: %s%s",
		    count, first.data, count > LOGGED_MAX ? ", …" : "");
}

/* What is seen because its user wants it so. The caller owns the list. */
static char **tell_named(const struct sandbox *s, const struct mount_masks_found *found)
{
	char **named = NULL;

	for (size_t i = 0; i < s->mounts.count; i++) {
		if (!found->named[i])
			continue;
		sandbox_log(LOG_LEVEL_WARNING, s,
			    "the mount at %s was asked for by name, and is of a place for "
			    "credentials, %s: it is not masked",
			    s->mounts.list[i].target, found->named[i]);
		strv_append(&named, found->named[i]);
	}
	return named;
}

static void tell(struct sandbox *s, const struct mount_masks_found *found)
{
	_cleanup_strv_ char **named = tell_named(s, found);

	tell_masked(s, found);
	sandbox_audit_masks(s, s->masked, named);
}

static int cover(const struct sandbox *s, const struct mount_masks_found *found, struct err *e)
{
	_cleanup_free_ char *directory = sandbox_mounts_directory(s);
	_cleanup_close_ int engine = mount_namespace_of_engine(s->config->engine_socket, e);
	struct mount_masks_cover all = { .directory = directory, .mounts = engine, .found = found };

	return engine < 0 ? engine : mount_masks_cover(&all, e);
}

static void on_found(const struct mount_masks_found *found, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };

	s->mount_masks = NULL;
	if (!e && cover(s, found, &local) < 0)
		e = &local;
	if (!e)
		tell(s, found);
	sandbox_mounts_staged(s, e);
}

int sandbox_masks_start(struct sandbox *s, const int *fds, const int *roots, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/awf-mount-masks", s->config->helper_directory);
	_cleanup_close_ int engine = mount_namespace_of_engine(s->config->engine_socket, e);
	struct mount_masks_ask ask = { .path = path,
				       .user = &s->owner,
				       .mounts = engine,
				       .specs = &s->mounts,
				       .fds = fds,
				       .roots = roots };

	if (engine < 0)
		return engine;
	return mount_masks_start(s->manager->base, &ask, on_found, s, &s->mount_masks, e);
}

void sandbox_masks_cancel(struct sandbox *s)
{
	mount_masks_cancel(TAKE_PTR(s->mount_masks));
}
