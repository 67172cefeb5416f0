#include "awfctl/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Process-wide, because the terminal is, and because fatal signal handlers have no argument. */
static struct {
	int fd;
	struct termios former;
	struct termios raw;
	volatile sig_atomic_t is_raw;
} terminal = { .fd = -EBADF };

static const int fatal_signals[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS };

static int set_mode(const struct termios *mode)
{
	return tcsetattr(terminal.fd, TCSANOW, mode) < 0 ? -errno : 0;
}

/* In the background the terminal is somebody else's, who has given it his own mode already. */
static bool in_background(void)
{
	pid_t foreground = tcgetpgrp(terminal.fd);

	return foreground >= 0 && foreground != getpgrp();
}

static void restore_and_die(int n)
{
	terminal_restore();
	raise(n); /* SA_RESETHAND: now with its default action */
}

static void guard_fatal_signals(void)
{
	struct sigaction action = { .sa_handler = restore_and_die, .sa_flags = SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++)
		(void)sigaction(fatal_signals[i], &action, NULL);
}

int terminal_make_raw(int fd)
{
	int r;

	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &terminal.former) < 0)
		return -errno;
	terminal.fd = fd;
	terminal.raw = terminal.former;
	cfmakeraw(&terminal.raw);
	guard_fatal_signals();
	(void)atexit(terminal_restore);
	r = set_mode(&terminal.raw);
	terminal.is_raw = r == 0;
	return r;
}

void terminal_restore(void)
{
	if (terminal.is_raw && !in_background())
		(void)set_mode(&terminal.former);
	terminal.is_raw = 0;
}

void terminal_resume(void)
{
	if (terminal.fd >= 0 && !terminal.is_raw)
		terminal.is_raw = set_mode(&terminal.raw) == 0;
}

bool terminal_is_raw(void)
{
	return terminal.is_raw;
}

bool terminal_size(int *width, int *height)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		struct winsize size = { 0 };

		if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
			continue;
		*width = size.ws_col;
		*height = size.ws_row;
		return true;
	}
	return false;
}
