/* bed-enter: runs a command on the bed's host as one of its users.
 *
 * Its own process stays outside and passes signals in and the exit code out, which nsenter(1) does
 * not; if it is killed, so is the command. The environment is the caller's business, except for
 * what depends on the user. */
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/alloc.h"
#include "tests/bed/process-file.h"

enum { EXIT_OWN = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static const int namespaces =
	CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;

/* What a terminal or a caller may send; SIGCHLD is how we learn that the command ended. */
static const int passed_signals[] = {
	SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH
};

struct options {
	const char *init;  /* file that names the bed's init */
	const char *user;  /* in the bed's user database */
	const char *netns; /* name of another network namespace of the bed, or NULL */
	char **command;
};

static int usage(void)
{
	fputs("usage: bed-enter --init FILE [--user NAME] [--netns NAME] -- COMMAND [ARG...]\n",
	      stderr);
	return -EINVAL;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "init", required_argument, NULL, 'i' },
		{ "user", required_argument, NULL, 'u' },
		{ "netns", required_argument, NULL, 'n' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			o->init = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'n':
			o->netns = optarg;
			break;
		default:
			return usage();
		}
	}
	o->command = argv + optind;
	return o->init && *o->command ? 0 : usage();
}

static int fail(int error, const char *what)
{
	fprintf(stderr, "bed-enter: %s: %s\n", what, strerror(-error));
	return error;
}

/* Joins the namespaces of the bed's init. The pid namespace takes effect for children only. */
static int join_bed(const char *init)
{
	_cleanup_close_ int fd = -EBADF, root = -EBADF;
	_cleanup_free_ char *path = NULL;
	struct process_id p;
	int r;

	r = process_load(init, &p);
	if (r < 0)
		return fail(r, "the bed is not up");
	fd = process_open(&p);
	if (fd < 0)
		return fail(fd, "the bed is not up");
	/* The root of the bed's init, which is not its mount namespace's when the bed was made in a
	 * chroot. */
	path = xasprintf("/proc/%d/root", (int)p.pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || setns(fd, namespaces) < 0)
		return fail(-errno, "cannot join the bed");
	if (fchdir(root) < 0 || chroot(".") < 0)
		return fail(-errno, "cannot enter the bed's root");
	return 0;
}

static int join_netns(const char *name)
{
	_cleanup_free_ char *path = xasprintf("/run/netns/%s", name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return fail(-errno, path);
	return 0;
}

/* Dispositions are reset because a shell without job control ignores SIGINT in its background jobs,
 * and a command of the bed should see signals as if it had been typed there. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_signals); i++) {
		signal(passed_signals[i], SIG_DFL);
		sigaddset(set, passed_signals[i]);
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static int become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (!pw)
		return fail(-ENOENT, user);
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return fail(-errno, user);
	setenv("HOME", pw->pw_dir, 1);
	setenv("USER", pw->pw_name, 1);
	setenv("LOGNAME", pw->pw_name, 1);
	setenv("SHELL", "/bin/bash", 1);
	if (chdir(pw->pw_dir) < 0 && chdir("/") < 0)
		return fail(-errno, pw->pw_dir);
	return 0;
}

static void run_child(const struct options *o)
{
	sigset_t none;

	if (become(o->user) < 0)
		_exit(EXIT_OWN);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after become(): a change of ids clears it */
	umask(022);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(o->command[0], o->command);
	(void)fail(-errno, o->command[0]);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* Waits for the command. What the kernel sends for a terminal reaches the whole foreground group,
 * so only what another process sent is passed on. */
static int supervise(pid_t child, const sigset_t *set)
{
	for (;;) {
		siginfo_t info;
		int status;

		if (sigwaitinfo(set, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			if (info.si_code != SI_KERNEL)
				kill(child, info.si_signo);
			continue;
		}
		if (waitpid(child, &status, WNOHANG) != child)
			continue;
		return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .user = "alice" };
	sigset_t set;
	pid_t child;

	/* A test runner waits for its own pipes to close. */
	close_range(STDERR_FILENO + 1, ~0U, 0);
	if (parse(argc, argv, &o) < 0)
		return EXIT_OWN;
	if (join_bed(o.init) < 0)
		return EXIT_OWN;
	if (o.netns && join_netns(o.netns) < 0)
		return EXIT_OWN;
	block_signals(&set);
	child = fork();
	if (child < 0)
		return fail(-errno, "fork") < 0 ? EXIT_OWN : 0;
	if (child == 0)
		run_child(&o);
	return supervise(child, &set);
}
