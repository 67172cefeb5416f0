#include "tests/unit/engine-mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "awfd/mount-namespace.h"
#include "awfd/mount-stage.h"
#include "awfd/policy.h"
#include "common/fd.h"
#include "tests/unit/check.h"

static void be_engine(const char *path, int ready)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("engine", ENGINE_ROOT, "tmpfs", 0, "mode=755") < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0 ||
	    write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

struct engine_mounts *engine_mounts_new(void)
{
	struct engine_mounts *n = xnew(struct engine_mounts);
	int ready[2];
	char byte;

	n->scratch = scratch_new();
	n->socket = xasprintf("%s/engine.sock", n->scratch);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	n->pid = fork();
	if (n->pid == 0)
		be_engine(n->socket, ready[1]);
	fd_close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	fd_close(ready[0]);
	n->pidfd = mount_namespace_of_engine(n->socket, NULL);
	assert_true(n->pidfd >= 0);
	return n;
}

void engine_mounts_free(struct engine_mounts *n)
{
	fd_close(n->pidfd);
	kill(n->pid, SIGKILL);
	waitpid(n->pid, NULL, 0);
	scratch_freep(&n->scratch);
	free(n->socket);
	free(n);
}

static int shell_there(void *command, struct err *e _unused_)
{
	return WEXITSTATUS(system(command));
}

int there(const struct engine_mounts *n, const char *fmt, ...)
{
	_cleanup_free_ char *command = NULL;
	va_list ap;

	va_start(ap, fmt);
	command = xvasprintf(fmt, ap);
	va_end(ap);
	return mount_namespace_call(n->pidfd, shell_there, command, NULL);
}

/* It is opened by a child there. */
int open_there(const struct engine_mounts *n, const char *path)
{
	int fds[2], fd;
	char byte;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	if (pid == 0) {
		if (setns(n->pidfd, CLONE_NEWNS) < 0)
			_exit(1);
		_exit(fd_send(fds[1], "x", 1, open(path, O_PATH | O_CLOEXEC)) == 1 ? 0 : 1);
	}
	assert_int_equal(fd_receive(fds[0], &byte, 1, &fd), 1);
	assert_true(fd >= 0);
	waitpid(pid, NULL, 0);
	fd_close(fds[0]);
	fd_close(fds[1]);
	return fd;
}

static int stage(const struct engine_mounts *n, const struct engine_stage *stage,
		 const struct policy *policy, struct engine_staging *to, struct err *e)
{
	struct mount_stage s = { .directory = ENGINE_STAGE,
				 .mounts = n->pidfd,
				 .specs = &to->specs,
				 .fds = to->fds,
				 .kept = stage->kept,
				 .policy = policy,
				 .roots = to->roots };

	return mount_stage_make(&s, e);
}

int stage_there(const struct engine_mounts *n, const struct engine_stage *what,
		struct engine_staging *ret, struct err *e)
{
	static const struct policy_place place = { "Policy", "awfd.conf", 1 };
	static const struct peer root = { .pidfd = -EBADF };
	_cleanup_(policy_rules_freep) struct policy_rules *rules = policy_rules_new();
	_cleanup_(policy_freep) struct policy *policy = NULL;
	int r;

	assert_int_equal(policy_rules_set(rules, &place, "MountRoots", what->mount_roots, NULL), 0);
	assert_int_equal(policy_of_peer(rules, NULL, &root, &policy, NULL), 0);
	assert_int_equal(mount_specs_parse("mounts", what->texts, &ret->specs, NULL), 0);
	for (size_t i = 0; i < ret->specs.count; i++)
		ret->fds[i] = open_there(n, ret->specs.list[i].source);
	r = stage(n, what, policy, ret, e);
	ret->staged = r == 0;
	return r;
}

void engine_staging_clear(struct engine_staging *s)
{
	for (size_t i = 0; i < s->specs.count; i++) {
		fd_close(s->fds[i]);
		if (s->staged)
			fd_close(s->roots[i]);
	}
	mount_specs_clear(&s->specs);
}
