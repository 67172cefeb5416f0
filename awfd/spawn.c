#include "awfd/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/strbuf.h"

#define FIRST_FD     3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */
#define DECIMAL_SIZE 16

/* Everything that the child needs, made before the fork: between fork and exec the child calls
 * nothing but system calls. */
struct child {
	const struct spawn *spawn;
	bool switch_user;
	int program, null;         /* the file to execute; /dev/null */
	int report, report_reader; /* the pipe that a failure is told in */
	int fds[FIRST_FD + SPAWN_FDS_MAX + 2];
	size_t fd_count; /* of those that the program gets */
	char listen_pid[DECIMAL_SIZE + sizeof("LISTEN_PID=")];
	char listen_fds[DECIMAL_SIZE + sizeof("LISTEN_FDS=")];
	char *listen_names; /* NULL when there are none */
	char *environment[6];
};

/* What a child that could not execute its program says of it. */
struct failure {
	size_t step;
	int error;
};

static int reset_signals(struct child *c)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	(void)c;
	for (int sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, &action, NULL) < 0 && errno != EINVAL)
			return -1;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Away from the terminal and the directory of whoever started awfd. */
static int detach(struct child *c)
{
	(void)c;
	return setsid() < 0 || chdir("/") < 0 ? -1 : 0;
}

static int enter_network(struct child *c)
{
	return c->spawn->network < 0 ? 0 : setns(c->spawn->network, CLONE_NEWNET);
}

/* The directory is then the root of that namespace. */
static int enter_mounts(struct child *c)
{
	const struct spawn_caller *caller = c->spawn->caller;

	return caller && caller->mounts >= 0 ? setns(caller->mounts, CLONE_NEWNS) : 0;
}

/* Puts the descriptors where the program expects them, from 0, and the two that only the child
 * needs behind them; first out of each other's way, then into their places. */
static int place_fds(struct child *c)
{
	size_t all = c->fd_count + 2;

	c->fds[c->fd_count] = c->report;
	c->fds[c->fd_count + 1] = c->program;
	for (size_t i = 0; i < all; i++) {
		c->fds[i] = fcntl(c->fds[i], F_DUPFD_CLOEXEC, (int)all);
		if (c->fds[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < all; i++)
		if (dup3(c->fds[i], (int)i, i < c->fd_count ? 0 : O_CLOEXEC) < 0)
			return -1;
	c->report = (int)c->fd_count;
	c->program = (int)c->fd_count + 1;
	return close_range((unsigned)all, ~0U, 0);
}

static int drop_user(struct child *c)
{
	const struct spawn_caller *caller = c->spawn->caller;

	if (!c->switch_user)
		return 0;
	if (setgroups(caller ? caller->group_count : 0, caller ? caller->groups : NULL) < 0 ||
	    setresgid(c->spawn->gid, c->spawn->gid, c->spawn->gid) < 0)
		return -1;
	return setresuid(c->spawn->uid, c->spawn->uid, c->spawn->uid);
}

static int drop_capabilities(struct child *c)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)c;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

static int forbid_privileges(struct child *c)
{
	(void)c;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* By descriptor where the path doesn't do, so that the program may lie where its user can't go: in
 * a build tree, say. In another mount namespace the path may be another program's. */
static int execute(struct child *c)
{
	const struct spawn *s = c->spawn;

	if (!s->caller && execve(s->path, s->argv, c->environment) < 0 && errno != EACCES)
		return -1;
	return execveat(c->program, "", s->argv, c->environment, AT_EMPTY_PATH);
}

static const struct {
	const char *name;
	int (*run)(struct child *c);
} steps[] = {
	{ "reset the signals", reset_signals },
	{ "make a session", detach },
	{ "enter its network", enter_network }, /* while the pidfd is there, and the right */
	{ "enter its mount namespace", enter_mounts },
	{ "place the descriptors", place_fds },
	{ "become its user", drop_user },
	{ "drop the capabilities", drop_capabilities },
	{ "forbid new privileges", forbid_privileges },
	{ "be executed", execute },
};

/* Appends a number in decimal: snprintf() is not for use between fork and exec. */
static void append_decimal(char *text, unsigned value)
{
	char digits[DECIMAL_SIZE];
	size_t n = 0;

	text += strlen(text);
	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	while (n > 0)
		*text++ = digits[--n];
	*text = '\0';
}

__attribute__((noreturn)) static void run_child(struct child *c)
{
	struct failure failure = { 0 };

	append_decimal(c->listen_pid, (unsigned)getpid());
	while (failure.step < ARRAY_SIZE(steps) && steps[failure.step].run(c) >= 0)
		failure.step++;
	failure.error = errno;
	(void)!write(c->report, &failure, sizeof(failure));
	_exit(127);
}

/* The names as an assignment, or NULL. The caller owns it. */
static char *format_names(const struct spawn *s)
{
	struct strbuf b = { 0 };

	if (!s->fd_names)
		return NULL;
	strbuf_puts(&b, "LISTEN_FDNAMES=");
	for (size_t i = 0; i < s->fd_count; i++)
		strbuf_appendf(&b, i > 0 ? ":%s" : "%s", s->fd_names[i]);
	return strbuf_take(&b);
}

static void fill_environment(struct child *c)
{
	char **env = c->environment;

	*env++ = (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	*env++ = (char *)"LANG=C.UTF-8";
	if (c->spawn->fd_count == 0)
		return;
	strcpy(c->listen_pid, "LISTEN_PID=");
	strcpy(c->listen_fds, "LISTEN_FDS=");
	append_decimal(c->listen_fds, (unsigned)c->spawn->fd_count);
	*env++ = c->listen_fds;
	*env++ = c->listen_pid;
	c->listen_names = format_names(c->spawn);
	if (c->listen_names)
		*env++ = c->listen_names;
}

static void fill_fds(struct child *c)
{
	const struct spawn *s = c->spawn;

	c->fds[STDIN_FILENO] = s->in >= 0 ? s->in : c->null;
	c->fds[STDOUT_FILENO] = s->out >= 0 ? s->out : c->null;
	c->fds[STDERR_FILENO] = s->caller ? c->null : STDERR_FILENO;
	if (s->fd_count > 0)
		memcpy(c->fds + FIRST_FD, s->fds, s->fd_count * sizeof(int));
	c->fd_count = FIRST_FD + s->fd_count;
}

pid_t spawn_fork(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Waits until the program runs (the pipe closes without a word) or could not be executed. */
static int await_exec(const struct child *c, struct err *e)
{
	const char *path = c->spawn->path;
	struct failure failure;
	ssize_t n;

	do
		n = read(c->report_reader, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != sizeof(failure) || failure.step >= ARRAY_SIZE(steps))
		return err_set(e, -EIO, ERR_SYSTEM, "%s: could not be started", path);
	return err_system(e, -failure.error, "%s: could not %s", path, steps[failure.step].name);
}

static void reap(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int check_spec(const struct spawn *s, struct err *e)
{
	if (!s->caller && (s->uid == 0 || s->gid == 0))
		return err_set(e, -EPERM, ERR_SYSTEM, "%s: is never started as root", s->path);
	if (s->fd_count > SPAWN_FDS_MAX)
		return err_set(e, -E2BIG, ERR_SYSTEM, "%s: too many descriptors", s->path);
	return 0;
}

static int prepare(struct child *c, const struct spawn *s, struct err *e)
{
	int report[2];

	c->spawn = s;
	c->switch_user = s->uid != getuid() || s->gid != getgid() || geteuid() == 0;
	c->program = open(s->path, O_PATH | O_CLOEXEC);
	if (c->program < 0)
		return err_system(e, -errno, "%s", s->path);
	c->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (c->null < 0 || pipe2(report, O_CLOEXEC) < 0)
		return err_system(e, -errno, "%s: could not be started", s->path);
	c->report_reader = report[0];
	c->report = report[1];
	fill_environment(c);
	fill_fds(c);
	return 0;
}

static void child_close(struct child *c)
{
	free(TAKE_PTR(c->listen_names));
	c->program = fd_close(c->program);
	c->null = fd_close(c->null);
	c->report = fd_close(c->report);
	c->report_reader = fd_close(c->report_reader);
}

int spawn_start(const struct spawn *s, pid_t *pid, int *pidfd, struct err *e)
{
	_cleanup_(child_close) struct child c = {
		.program = -EBADF, .null = -EBADF, .report = -EBADF, .report_reader = -EBADF
	};
	_cleanup_close_ int opened = -EBADF;
	pid_t child;
	int r;

	if ((r = check_spec(s, e)) < 0 || (r = prepare(&c, s, e)) < 0)
		return r;
	child = spawn_fork();
	if (child == 0)
		run_child(&c);
	if (child < 0)
		return err_system(e, -errno, "%s: could not be started", s->path);
	c.report = fd_close(c.report);
	opened = pidfd_open(child, 0);
	r = opened < 0 ? err_system(e, -errno, "%s", s->path) : await_exec(&c, e);
	if (r < 0) {
		reap(child);
		return r;
	}
	*pid = child;
	*pidfd = TAKE_FD(opened);
	return 0;
}
