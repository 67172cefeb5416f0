#include "awfd/broker-operations.h"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "awfd/netns-enter.h"
#include "awfd/spawn.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"

#define ID_MAX        ((int64_t)UINT32_MAX)
#define GROUPS_MAX    65536 /* NGROUPS_MAX of the kernel */
#define NUMBER_MAX    INT32_MAX
#define ARGUMENTS_MAX 512

/* --- Networks ------------------------------------------------------------------------------------
 */

int broker_do_network(const struct broker_work *w, struct err *e)
{
	int pidfd = broker_get_fd(w->request), fd;

	if (broker_message_end(w->request) < 0)
		return broker_refuse(e);
	fd = netns_enter_open(pidfd, e);
	if (fd < 0)
		return fd;
	broker_put_fd(w->answer, fd);
	return 0;
}

/* What awfd needs in a sandbox: links and routes, rules and reports, listeners and connections. */
static const struct {
	int domain, type, protocol;
} sockets[] = {
	{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
	{ AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER },
	{ AF_INET, SOCK_STREAM, 0 },
	{ AF_INET6, SOCK_STREAM, 0 },
};

static bool is_socket(int64_t domain, int64_t type, int64_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		if (sockets[i].domain == domain && sockets[i].type == type &&
		    sockets[i].protocol == protocol)
			return true;
	return false;
}

int broker_do_socket(const struct broker_work *w, struct err *e)
{
	int pidfd = broker_get_fd(w->request), fd;
	int64_t domain = broker_get_number(w->request, 0, NUMBER_MAX);
	int64_t type = broker_get_number(w->request, 0, NUMBER_MAX);
	int64_t protocol = broker_get_number(w->request, 0, NUMBER_MAX);

	if (broker_message_end(w->request) < 0 || !is_socket(domain, type, protocol))
		return broker_refuse(e);
	fd = netns_enter_socket(pidfd, (int)domain, (int)type, (int)protocol, e);
	if (fd < 0)
		return fd;
	broker_put_fd(w->answer, fd);
	return 0;
}

int broker_do_stop_forwarding(const struct broker_work *w, struct err *e)
{
	int pidfd = broker_get_fd(w->request);

	return broker_message_end(w->request) < 0 ? broker_refuse(e)
						  : netns_enter_stop_forwarding(pidfd, e);
}

/* --- Programs ------------------------------------------------------------------------------------
 */

/* What is started in a namespace: in the cli-proxy's network, and where the engine's mounts are. */
static const char *const programs[] = { "awf-difc-probe", "awf-mount-masks", "awf-mount-open" };

static bool is_program(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (strcmp(programs[i], name) == 0)
			return true;
	return false;
}

/* What is lent to a spawn. */
struct spawning {
	struct spawn spawn;
	struct spawn_caller caller;
	char *name, *path;
	char **argv;
	gid_t *groups;
	int fds[SPAWN_FDS_MAX];
};

static void spawning_clear(struct spawning *x)
{
	free(x->name);
	free(x->path);
	strv_free(x->argv);
	free(x->groups);
}

static void get_caller(struct broker_message *request, struct spawning *x)
{
	size_t count;

	x->caller.mounts = broker_get_fd(request);
	count = (size_t)broker_get_number(request, 0, GROUPS_MAX);
	x->groups = xcalloc(count + 1, sizeof(*x->groups));
	for (size_t i = 0; i < count && !request->bad; i++)
		x->groups[i] = (gid_t)broker_get_number(request, 0, ID_MAX);
	x->caller.groups = x->groups;
	x->caller.group_count = count;
	x->spawn.caller = &x->caller;
}

static void get_spawn(struct broker_message *request, struct spawning *x)
{
	x->name = broker_get_some_text(request);
	x->argv = broker_get_texts(request, ARGUMENTS_MAX);
	x->spawn.argv = x->argv;
	x->spawn.uid = (uid_t)broker_get_number(request, 0, ID_MAX);
	x->spawn.gid = (gid_t)broker_get_number(request, 0, ID_MAX);
	x->spawn.network = broker_get_fd(request);
	x->spawn.in = broker_get_fd(request);
	x->spawn.out = broker_get_fd(request);
	x->spawn.fd_count = (size_t)broker_get_number(request, 0, SPAWN_FDS_MAX);
	for (size_t i = 0; i < x->spawn.fd_count; i++)
		x->fds[i] = broker_get_fd(request);
	x->spawn.fds = x->fds;
	if (broker_get_number(request, 0, 1) == 1)
		get_caller(request, x);
}

/* A program of awfd's own, in a namespace: what needs no broker is not started by it. */
static bool is_spawn(const struct broker_message *request, const struct spawning *x)
{
	const struct spawn *s = &x->spawn;

	if (broker_message_end(request) < 0 || !x->argv || !is_program(x->name))
		return false;
	for (size_t i = 0; i < s->fd_count; i++)
		if (x->fds[i] < 0)
			return false;
	return s->network >= 0 || (s->caller && s->caller->mounts >= 0);
}

int broker_do_spawn(const struct broker_work *w, struct err *e)
{
	_cleanup_(spawning_clear) struct spawning x = { 0 };
	int pidfd, r;
	pid_t pid;

	get_spawn(w->request, &x);
	if (!is_spawn(w->request, &x) || !w->programs)
		return broker_refuse(e);
	x.path = xasprintf("%s/%s", w->programs, x.name);
	x.spawn.path = x.path;
	r = spawn_start(&x.spawn, &pid, &pidfd, e);
	if (r < 0)
		return r;
	broker_put_number(w->answer, pid);
	broker_put_fd(w->answer, pidfd);
	return 0;
}
