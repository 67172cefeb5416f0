/* awf-init: the first process of a sandbox that has the host's programs in place of an image. It
 * starts the command, passes signals on to it, collects orphans, and ends as the command did.
 * Static, because its image has nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_OWN = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNALLED = 128 };

/* What a fault of this very process raises, and what stops it in a terminal's background. */
static const int kept_signals[] = { SIGFPE,  SIGILL, SIGSEGV, SIGBUS, SIGABRT,
				    SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };

static void block_signals(sigset_t *all, sigset_t *before)
{
	sigfillset(all);
	for (size_t i = 0; i < sizeof(kept_signals) / sizeof(*kept_signals); i++)
		sigdelset(all, kept_signals[i]);
	sigprocmask(SIG_SETMASK, all, before);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

/* In a process group of its own, which is the terminal's foreground one, so that a shell has job
 * control. Without a terminal there is nothing to be in front of. */
static void run_child(const char *directory, char **command, const sigset_t *before)
{
	setpgid(0, 0);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, before, NULL);
	if (chdir(directory) < 0) {
		fprintf(stderr, "awf-init: cannot begin in %s: %s\n", directory, strerror(errno));
		_exit(EXIT_CANNOT_RUN);
	}
	execvp(command[0], command);
	fprintf(stderr, "awf-init: cannot run %s: %s\n", command[0], strerror(errno));
	_exit(errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* Collects whatever has ended; whether the command has, and how. */
static bool collect(pid_t child, int *code)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		*code = WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status)
					    : WEXITSTATUS(status);
		ended = true;
	}
	return ended;
}

static int supervise(pid_t child, const sigset_t *all)
{
	int code = EXIT_OWN, signal;

	for (;;) {
		if (sigwait(all, &signal) != 0)
			return EXIT_OWN;
		if (signal != SIGCHLD)
			kill(child, signal);
		else if (collect(child, &code))
			return code;
	}
}

int main(int argc, char **argv)
{
	sigset_t all, before;
	pid_t child;

	if (argc < 3) {
		fputs("usage: awf-init DIRECTORY COMMAND [ARG...]\n", stderr);
		return EXIT_OWN;
	}
	block_signals(&all, &before);
	child = fork();
	if (child < 0) {
		fprintf(stderr, "awf-init: cannot start a process: %s\n", strerror(errno));
		return EXIT_OWN;
	}
	if (child == 0)
		run_child(argv[1], argv + 2, &before);
	return supervise(child, &all);
}
