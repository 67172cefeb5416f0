#include "awfd/cgroup-usage.h"

#include <string.h>

#include "common/alloc.h"
#include "common/file.h"
#include "common/parse.h"
#include "common/strv.h"

#define MOUNTS         "/sys/fs/cgroup"
#define FILE_MAX       65536
#define MEMBERSHIP_MAX 65536

/* Where a number is: alone in its file, or behind its name in a line of it. */
struct place {
	const char *file;
	const char *name;
	int64_t divisor;
};

enum { CPU, MEMORY, INACTIVE_FILE, PIDS, NUMBERS };

/* cgroup-v1/{cpuacct,memory,pids}.rst and cgroup-v2.rst of Linux's Documentation/admin-guide.
 * "total_" counts the groups below, too, which version 2 always does. */
static const struct number {
	const char *controller; /* of version 1 */
	struct place v1, v2;
} numbers[NUMBERS] = {
	[CPU] = { "cpuacct", { "cpuacct.usage", NULL, 1000 }, { "cpu.stat", "usage_usec", 1 } },
	[MEMORY] = { "memory",
		     { "memory.usage_in_bytes", NULL, 1 },
		     { "memory.current", NULL, 1 } },
	[INACTIVE_FILE] = { "memory",
			    { "memory.stat", "total_inactive_file", 1 },
			    { "memory.stat", "inactive_file", 1 } },
	[PIDS] = { "pids", { "pids.current", NULL, 1 }, { "pids.current", NULL, 1 } },
};

static bool lists(const char *controllers, const char *wanted)
{
	_cleanup_strv_ char **names = strv_split(controllers, ",");

	for (char **name = names; name && *name; name++)
		if (strcmp(*name, wanted) == 0)
			return true;
	return false;
}

/* One line of the membership, "ID:CONTROLLERS:PATH", taken apart in place. */
static bool parse_line(char *line, const char **controllers, const char **path)
{
	char *first = strchr(line, ':');
	char *second = first ? strchr(first + 1, ':') : NULL;

	if (!second || second[1] != '/')
		return false;
	*second = '\0';
	*controllers = first + 1;
	*path = second + 1;
	return true;
}

/* The group that counts for a controller: of version 1 when the controller is mounted so, else of
 * version 2, whose line has none. The caller owns it; NULL: in no group. */
static char *find_group(const char *mounts, const char *membership, const char *controller,
			bool *is_v1)
{
	_cleanup_strv_ char **lines = strv_split(membership, "\n");
	char *unified = NULL;

	*is_v1 = false;
	for (char **line = lines; line && *line; line++) {
		const char *controllers, *path;

		if (!parse_line(*line, &controllers, &path))
			continue;
		if (lists(controllers, controller)) {
			free(unified);
			*is_v1 = true;
			return xasprintf("%s/%s%s", mounts, controller, path);
		}
		if (!*controllers && !unified)
			unified = xasprintf("%s%s", mounts, path);
	}
	return unified;
}

static bool read_number(const char *group, const struct place *place, int64_t *ret)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", group, place->file);
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **words = NULL;
	char **word;
	uint64_t value;

	if (file_read(path, FILE_MAX, &text, NULL, NULL) < 0)
		return false;
	word = words = strv_split(text, " \n");
	while (place->name && word && *word && strcmp(*word, place->name) != 0)
		word++;
	if (place->name && word && *word)
		word++;
	if (!word || !*word || parse_uint(*word, 0, INT64_MAX, &value) < 0)
		return false;
	*ret = (int64_t)value / place->divisor;
	return true;
}

bool cgroup_usage_read(const char *mounts, const char *membership, const char *id,
		       struct cgroup_usage *ret)
{
	int64_t values[NUMBERS];

	for (size_t i = 0; i < NUMBERS; i++) {
		const struct number *n = &numbers[i];
		bool is_v1;
		_cleanup_free_ char *group = find_group(mounts, membership, n->controller, &is_v1);

		if (!group || !strstr(group, id) ||
		    !read_number(group, is_v1 ? &n->v1 : &n->v2, &values[i]))
			return false;
	}
	*ret = (struct cgroup_usage){ .cpu_us = values[CPU],
				      .memory = MAX(values[MEMORY] - values[INACTIVE_FILE], 0),
				      .pids = values[PIDS] };
	return true;
}

char *cgroup_memory_beside_read(const char *mounts, const char *membership, const char *id,
				const char *other)
{
	bool is_v1;
	_cleanup_free_ char *group = find_group(mounts, membership, "memory", &is_v1);
	const char *at = group ? strstr(group, id) : NULL;

	return at ? xasprintf("%.*s%s%s", (int)(at - group), group, other, at + strlen(id)) : NULL;
}

static char *read_membership(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/cgroup", pid);
	char *membership = NULL;

	return file_read(path, MEMBERSHIP_MAX, &membership, NULL, NULL) == 0 ? membership : NULL;
}

bool cgroup_usage_of_container(pid_t pid, const char *id, struct cgroup_usage *ret)
{
	_cleanup_free_ char *membership = read_membership(pid);

	return membership && cgroup_usage_read(MOUNTS, membership, id, ret);
}

char *cgroup_memory_beside(pid_t pid, const char *id, const char *other)
{
	_cleanup_free_ char *membership = read_membership(pid);

	return membership ? cgroup_memory_beside_read(MOUNTS, membership, id, other) : NULL;
}
