/* A sandbox with the host's own programs in place of an image: what it mounts, its workspace, and
 * where its command begins. */
#include "awfd/sandbox-internal.h"

#include <dirent.h>
#include <string.h>

#include "awfd/config.h"
#include "awfd/environment.h"
#include "awfd/host-view.h"
#include "awfd/image-reference.h"
#include "common/alloc.h"
#include "common/strv.h"

#define ETC "/etc"

bool sandbox_has_host_view(const struct sandbox *s)
{
	return image_reference_is_host(s->image);
}

const char *sandbox_image_of_agent(const struct sandbox *s)
{
	return sandbox_has_host_view(s) ? s->config->image_host : s->image;
}

/* The names alone: what they stand for is opened with the user's rights, where the engine lives. */
static char **names_of_etc(void)
{
	char **names = NULL;
	const struct dirent *entry;
	DIR *d = opendir(ETC);

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			strv_append(&names, entry->d_name);
	if (d)
		closedir(d);
	return names;
}

static const struct mount_spec *workspace_of(const struct sandbox *s)
{
	for (size_t i = 0; i < s->mounts.count; i++)
		if (s->mounts.list[i].kind == MOUNT_WORKSPACE)
			return &s->mounts.list[i];
	return NULL;
}

const char *sandbox_workspace(const struct sandbox *s)
{
	const struct mount_spec *spec = workspace_of(s);

	return spec && !spec->missing ? spec->target : NULL;
}

char *sandbox_no_workspace(const struct sandbox *s)
{
	const struct mount_spec *spec = workspace_of(s);
	const char *asked = s->request.current_directory;

	if (!sandbox_has_host_view(s) || sandbox_workspace(s))
		return NULL;
	if (spec)
		return xasprintf("%s %s", spec->target, spec->missing);
	return s->workspace_refusal ? xasprintf("%s %s", asked, s->workspace_refusal)
				    : xstrdup("no directory was named");
}

const char *sandbox_workdir(const struct sandbox *s)
{
	const char *workspace = sandbox_workspace(s), *current = s->request.current_directory;

	if (s->request.workdir || !sandbox_has_host_view(s))
		return s->request.workdir;
	if (!workspace)
		return s->home;
	return current && mount_path_is_plain(current) && mount_path_is_in(current, workspace)
		       ? current
		       : workspace;
}

/* What was not asked for is not refused, but left out. */
static void leave_out_by_policy(struct sandbox *s)
{
	struct mount_spec *spec = &s->mounts.list[s->mounts.count - 1];
	struct policy_decision d =
		policy_check_mount(s->policy, mount_spec_field(spec), spec->source, spec->writable);
	_cleanup_free_ char *where = policy_decision_where(&d);

	if (!d.allowed)
		spec->missing = xasprintf("is not permitted by %s", where);
	free(d.value);
}

static int add_workspace(struct sandbox *s, const struct start_request *r, struct err *e)
{
	bool optional = !r->workspace;
	const char *path = optional ? r->current_directory : r->workspace;
	_cleanup_free_ char *why = NULL;

	if (!path)
		return 0;
	why = host_view_add_workspace(&s->mounts, path, s->home, optional);
	if (why && !optional)
		return mount_spec_invalid(e, "workspace", path, why);
	if (why)
		s->workspace_refusal = TAKE_PTR(why);
	else if (optional)
		leave_out_by_policy(s);
	return 0;
}

int sandbox_host_view_add(struct sandbox *s, const struct start_request *r, struct err *e)
{
	_cleanup_strv_ char **names = NULL;
	size_t left;
	int error;

	if (!sandbox_has_host_view(s))
		return 0;
	error = host_view_check(&s->mounts, e);
	if (error == 0)
		error = add_workspace(s, r, e);
	if (error < 0)
		return error;
	names = names_of_etc();
	left = host_view_add(&s->mounts, names, s->config->host_view_paths, s->home);
	if (left > 0)
		sandbox_log(LOG_LEVEL_WARNING, s,
			    "%zu places of the host are left out: there are more than %d mounts; "
			    "name fewer in [HostView] Paths=",
			    left, MOUNT_LIST_MAX);
	return 0;
}
