#include "containers/cli-proxy/gh-launch.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/close_range.h>

#include "common/fd.h"
#include "containers/cli-proxy/landlock.h"

/* What the child knows. It may call nothing that is not safe after fork(2): no allocation. */
struct child {
	const struct gh_launch *launch;
	int files;    /* the rules of landlock_enter() */
	int listener; /* of its one execveat(2) */
	int parent;   /* the socket */
};

/* What the child tells: the listener, with no error; then, only if it failed, what. */
struct report {
	size_t step;
	int error;
};

static int join_group(struct child *c _unused_)
{
	return setpgid(0, 0) < 0 ? -errno : 0;
}

/* None is ignored or blocked but SIGXFSZ: a write beyond the limit fails instead of ending gh. Some
 * signals can't be set; those are as they should be. */
static int reset_signals(struct child *c _unused_)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t blocked;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &standard, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGXFSZ);
	return sigprocmask(SIG_SETMASK, &blocked, NULL) < 0 ? -errno : 0;
}

static int enter_directory(struct child *c)
{
	return chdir(c->launch->directory) < 0 ? -errno : 0;
}

static int take_descriptors(struct child *c)
{
	for (int i = 0; i < 3; i++)
		if (dup2(c->launch->descriptors[i], i) < 0)
			return -errno;
	return close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int set_limits(struct child *c)
{
	return gh_limits_set(gh_confinement_limits(c->launch->confinement));
}

/* sched(7): a process that wakes up takes its processor at once from one of SCHED_IDLE, which keeps
 * the share that its container has. */
static void yield_to_others(void)
{
	static const struct sched_param none = { 0 };

	(void)sched_setscheduler(0, SCHED_IDLE, &none);
}

/* Without the lower half of the processors, unless there is only one. */
static void leave_processors(void)
{
	cpu_set_t set;
	int left;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	left = CPU_COUNT(&set) / 2;
	for (int cpu = 0; left > 0 && cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			CPU_CLR(cpu, &set);
			left--;
		}
	}
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Calls at once would be in the way of another sandbox's one call on every processor there is: by
 * equal shares that takes twice its time. What cannot be had is done without: it is a courtesy. */
static int keep_out_of_the_way(struct child *c)
{
	if (c->launch->company >= GH_BESIDE_OTHERS)
		yield_to_others();
	if (c->launch->company >= GH_IN_CROWD)
		leave_processors();
	return 0;
}

static int forbid_privileges(struct child *c _unused_)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int restrict_files(struct child *c)
{
	return landlock_enter(c->files);
}

static int restrict_signals(struct child *c _unused_)
{
	return gh_filter_keep_signals();
}

static int restrict_calls(struct child *c)
{
	c->listener = gh_filter_enter(gh_confinement_filter(c->launch->confinement));
	return MIN(c->listener, 0);
}

static int hand_over_listener(struct child *c)
{
	struct report report = { 0 };

	return (int)MIN(fd_send(c->parent, &report, sizeof(report), c->listener), 0);
}

static int execute(struct child *c)
{
	execveat(AT_FDCWD, c->launch->path, c->launch->argv, c->launch->env, 0);
	return -errno;
}

static const struct {
	const char *name;
	int (*run)(struct child *c);
} steps[] = {
	{ "make a process group", join_group },
	{ "set the signals (sigprocmask)", reset_signals },
	{ "enter its directory", enter_directory },
	{ "take its descriptors (close_range)", take_descriptors },
	{ "set its limits (setrlimit)", set_limits },
	{ "keep out of the way of others", keep_out_of_the_way },
	{ "forbid new privileges (no_new_privs)", forbid_privileges },
	{ "restrict its files (landlock_restrict_self)", restrict_files },
	{ "restrict its signals (seccomp)", restrict_signals },
	{ "restrict its system calls (seccomp with a listener)", restrict_calls },
	{ "hand over the listener", hand_over_listener },
	{ "execute it", execute },
};

static _Noreturn void run_child(struct child *c)
{
	struct report report = { 0 };

	for (; report.step < ARRAY_SIZE(steps); report.step++) {
		report.error = steps[report.step].run(c);
		if (report.error < 0)
			break;
	}
	_exit(fd_send(c->parent, &report, sizeof(report), -EBADF) < 0 ? 126 : 127);
}

/* The child has failed, or gone without a word. */
static int child_failed(const struct gh_launch *l, const struct report *report, ssize_t length,
			struct err *e)
{
	if (length != sizeof(*report) || report->step >= ARRAY_SIZE(steps))
		return err_set(e, -ESRCH, ERR_SYSTEM, "cannot run %s: it was killed at its start",
			       l->path);
	return err_system(e, report->error, "cannot run %s: cannot %s", l->path,
			  steps[report->step].name);
}

/* The parent's side: gh runs once it has closed the socket without having told of a failure. */
static int await_start(const struct gh_launch *l, int child, struct err *e)
{
	_cleanup_close_ int listener = -EBADF;
	int nothing = -EBADF, error;
	struct report report;
	ssize_t n = fd_receive(child, &report, sizeof(report), &listener);

	if (n != sizeof(report) || report.error < 0 || listener < 0)
		return child_failed(l, &report, n, e);
	error = gh_filter_permit_start(listener);
	if (error < 0)
		return err_system(e, error, "cannot run %s: cannot permit its start", l->path);
	listener = fd_close(listener);
	n = fd_receive(child, &report, sizeof(report), &nothing);
	return n == 0 ? 0 : child_failed(l, &report, n, e);
}

/* No handler of the parent may run in the child. */
static pid_t fork_child(struct child *c)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0)
		run_child(c);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -errno : pid;
}

int gh_launch(const struct gh_launch *l, pid_t *ret, struct err *e)
{
	_cleanup_close_ int files = gh_confinement_files(l->confinement, l->directory, e);
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	struct child child = { .launch = l, .files = files };
	int ends[2], error;
	pid_t pid;

	if (files < 0)
		return files;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_system(e, -errno, "cannot run %s: cannot make a socket", l->path);
	ours = ends[0];
	theirs = child.parent = ends[1];
	pid = fork_child(&child);
	if (pid < 0)
		return err_system(e, pid, "cannot run %s: cannot fork", l->path);
	theirs = fd_close(theirs);
	error = await_start(l, ours, e);
	if (error < 0) {
		(void)kill(pid, SIGKILL);
		return error;
	}
	*ret = pid;
	return 0;
}
