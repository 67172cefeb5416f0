#include "awfctl/doctor-socket.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"

#define GROUP      "awf"
#define GROUPS_MAX 65536 /* as many as Linux lets a process have */

/* --- Looking ------------------------------------------------------------------------------------
 */

static bool has_joined(gid_t gid)
{
	_cleanup_free_ gid_t *list = xcalloc(GROUPS_MAX, sizeof(*list));
	int count = getgroups(GROUPS_MAX, list);

	for (int i = 0; i < count; i++)
		if (list[i] == gid)
			return true;
	return getegid() == gid;
}

static bool is_member(const struct passwd *user, gid_t gid)
{
	_cleanup_free_ gid_t *list = xcalloc(GROUPS_MAX, sizeof(*list));
	int count = GROUPS_MAX;

	if (!user || getgrouplist(user->pw_name, user->pw_gid, list, &count) < 0)
		return false;
	for (int i = 0; i < count; i++)
		if (list[i] == gid)
			return true;
	return false;
}

/* The group of a socket that is there, whatever it is called, or else the usual one. */
static const struct group *group_of(const struct stat *status)
{
	return status ? getgrgid(status->st_gid) : getgrnam(GROUP);
}

static void look_at_group(const struct stat *status, struct socket_facts *facts)
{
	const struct passwd *user = getpwuid(getuid());
	const struct group *group = group_of(status);

	facts->user = user ? xstrdup(user->pw_name) : xasprintf("uid %u", getuid());
	facts->group = group    ? xstrdup(group->gr_name)
		       : status ? xasprintf("%u", status->st_gid)
				: xstrdup(GROUP);
	facts->is_root = geteuid() == 0;
	facts->has_group = group || status;
	if (!facts->has_group)
		return;
	facts->has_joined = has_joined(group ? group->gr_gid : status->st_gid);
	facts->is_member = is_member(user, group ? group->gr_gid : status->st_gid);
}

void doctor_socket_look(const char *path, struct socket_facts *ret, struct client **client)
{
	_cleanup_err_ struct err e = { 0 };
	struct stat status;

	*ret = (struct socket_facts){ .path = path };
	ret->error = stat(path, &status) < 0 ? -errno : 0;
	ret->is_socket = ret->error == 0 && S_ISSOCK(status.st_mode);
	look_at_group(ret->is_socket ? &status : NULL, ret);
	ret->connect_error = client_open(path, client, &e);
}

void doctor_socket_clear(struct socket_facts *facts)
{
	free(facts->user);
	free(facts->group);
	*facts = (struct socket_facts){ 0 };
}

/* --- Judging ------------------------------------------------------------------------------------
 */

static void judge_group(struct findings *f, const struct socket_facts *s)
{
	_cleanup_free_ char *join = xasprintf("sudo usermod -aG %s %s", s->group, s->user);
	_cleanup_free_ char *use = xasprintf("newgrp %s", s->group);

	if (s->is_root || s->connect_error == 0)
		findings_add(f, DOCTOR_GROUP, FINDING_OK, NULL, "%s may connect%s%s", s->user,
			     s->has_joined && !s->is_root ? ", as a member of " : "",
			     s->has_joined && !s->is_root ? s->group : "");
	else if (!s->has_group)
		findings_add(f, DOCTOR_GROUP, FINDING_FAILURE, "sudo systemd-sysusers",
			     "there is no group %s, whose members may connect", s->group);
	else if (s->has_joined)
		findings_add(f, DOCTOR_GROUP, FINDING_OK, NULL, "%s is a member of %s", s->user,
			     s->group);
	else if (s->is_member)
		findings_add(f, DOCTOR_GROUP, FINDING_FAILURE, use,
			     "%s was made a member of %s after this session began: log in again, "
			     "restart the runner, or begin a shell that is one",
			     s->user, s->group);
	else
		findings_add(f, DOCTOR_GROUP, FINDING_FAILURE, join,
			     "%s is no member of %s: log in again after the cure", s->user,
			     s->group);
}

/* What a failed connect(2), or stat(2), means. */
static const struct {
	int error;
	enum finding_status status;
	const char *message; /* behind the path */
	const char *cure;
} failures[] = {
	{ -ENOENT, FINDING_FAILURE, "is not there", "sudo systemctl enable --now awfd.socket" },
	{ -ENOTDIR, FINDING_FAILURE, "is not there: give awfd's socket by --socket or AWFD_SOCKET",
	  NULL },
	{ -ECONNREFUSED, FINDING_FAILURE, "is stale: nobody listens",
	  "sudo systemctl restart awfd.socket" },
	{ -EAGAIN, FINDING_WARNING, "has too many who wait: try again later", NULL },
	{ -EACCES, FINDING_UNKNOWN, "was not tried: your user may not connect", NULL },
};

static void judge_failure(struct findings *f, const struct socket_facts *s, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].error != error)
			continue;
		findings_add(f, DOCTOR_SOCKET, failures[i].status, failures[i].cure, "%s %s",
			     s->path, failures[i].message);
		return;
	}
	findings_add(f, DOCTOR_SOCKET, FINDING_FAILURE, NULL, "%s: %s", s->path, strerror(-error));
}

static void judge_socket(struct findings *f, const struct socket_facts *s)
{
	if (s->connect_error == 0)
		findings_add(f, DOCTOR_SOCKET, FINDING_OK, NULL, "%s takes connections", s->path);
	else if (s->error == 0 && !s->is_socket)
		findings_add(f, DOCTOR_SOCKET, FINDING_FAILURE, NULL,
			     "%s is no socket: give awfd's by --socket or AWFD_SOCKET", s->path);
	else
		judge_failure(f, s, s->error ? s->error : s->connect_error);
}

void doctor_socket_judge(struct findings *f, const struct socket_facts *facts)
{
	judge_group(f, facts);
	judge_socket(f, facts);
}
