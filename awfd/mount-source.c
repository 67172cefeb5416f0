#include "awfd/mount-source.h"

#include <string.h>

#include "awfd/mount-spec.h"
#include "common/alloc.h"
#include "common/strv.h"

/* Neither these nor what is in them, nor what they are in. */
static const struct {
	const char *path;
	const char *what;
} kept_places[] = {
	{ "/proc", "the host's processes" },
	{ "/sys", "the host's system files" },
	{ "/dev", "the host's devices" },
	{ "/run", "the sockets of the host's services, the engine's among them" },
	{ "/var/lib/docker", "the engine's data" },
	{ "/var/lib/containerd", "the engine's data" },
};

/* Filesystems that are a way into the kernel or into other processes, wherever they are mounted. */
static const char *const kept_types[] = {
	"autofs",    "binfmt_misc", "bpf",      "cgroup",   "cgroup2",    "configfs",
	"debugfs",   "devpts",      "devtmpfs", "efivarfs", "fusectl",    "mqueue",
	"nfsd",      "nsfs",        "proc",     "pstore",   "rpc_pipefs", "securityfs",
	"selinuxfs", "smackfs",     "sysfs",    "tracefs",
};

/* One line of mountinfo; the texts are in the line, which is overwritten. */
struct mount {
	int id;
	char *point;
	const char *type;
};

/* "\040" and the like, as the kernel escapes them. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* ID PARENT DEVICE ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE OPTIONS */
static bool parse_mount(char *line, struct mount *ret)
{
	char *type = strstr(line, " - "), *rest = line, *id;

	if (!type)
		return false;
	*type = '\0';
	id = strsep(&rest, " ");
	for (int i = 0; i < 3; i++)
		(void)strsep(&rest, " ");
	ret->point = strsep(&rest, " ");
	if (!ret->point)
		return false;
	ret->id = atoi(id);
	unescape(ret->point);
	type += strlen(" - ");
	type[strcspn(type, " ")] = '\0';
	ret->type = type;
	return true;
}

static char *refuse_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept_types); i++)
		if (strcmp(kept_types[i], type) == 0)
			return xasprintf("is on a filesystem of type %s, which is never mounted",
					 type);
	return NULL;
}

static bool is_inside(const struct mount *m, const char *path)
{
	return strcmp(m->point, path) != 0 && mount_path_is_in(m->point, path);
}

/* Of a mount inside the source neither what it shows may be left out, nor what it hides be shown.
 */
static char *refuse_mount(const struct mount_source *source, const struct mount *m, bool *found)
{
	if (m->id == source->mount_id) {
		*found = true;
		return refuse_type(m->type);
	}
	if (source->inner_is_hidden || !is_inside(m, source->path))
		return NULL;
	return xasprintf("has another mount in it, at %s: name directories beside that", m->point);
}

static char *refuse_by_mounts(const struct mount_source *source, const char *mountinfo)
{
	_cleanup_free_ char *copy = xstrdup(mountinfo);
	char *rest = copy, *line, *why = NULL;
	bool found = false;

	while (!why && (line = strsep(&rest, "\n"))) {
		struct mount m;

		if (parse_mount(line, &m))
			why = refuse_mount(source, &m, &found);
	}
	if (!why && !found)
		why = xstrdup("is not mounted on this host any more");
	return why;
}

char **mount_source_inner(const char *path, const char *mountinfo)
{
	_cleanup_free_ char *copy = xstrdup(mountinfo);
	char *rest = copy, *line, **points = NULL;

	while ((line = strsep(&rest, "\n"))) {
		struct mount m;

		if (parse_mount(line, &m) && is_inside(&m, path))
			strv_append(&points, m.point);
	}
	return points;
}

static char *refuse_place(const char *path, const char *place, const char *what)
{
	if (mount_path_is_in(path, place))
		return xasprintf("is in %s, which is never mounted: %s", place, what);
	if (mount_path_is_in(place, path))
		return xasprintf("has %s in it, which is never mounted: %s", place, what);
	return NULL;
}

static char *refuse_by_place(const char *path, char *const *kept)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept_places); i++) {
		char *why = refuse_place(path, kept_places[i].path, kept_places[i].what);

		if (why)
			return why;
	}
	for (; kept && *kept; kept++) {
		char *why = refuse_place(path, *kept, "awfd's own");

		if (why)
			return why;
	}
	return NULL;
}

char *mount_source_refusal(const struct mount_source *source, const char *mountinfo,
			   char *const *kept)
{
	char *why = refuse_by_place(source->path, kept);

	return why ? why : refuse_by_mounts(source, mountinfo);
}
