#include "awfd/background.h"

#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "awfd/process.h"
#include "awfd/spawn.h"
#include "common/alloc.h"
#include "common/fd.h"

struct background {
	int pidfd;           /* -EBADF once it was reaped */
	struct event *ended; /* a pidfd is readable when its process has ended (pidfd_open(2)) */
	background_done_fn done;
	void *userdata;
};

/* An -errno is within what an exit code can be. */
__attribute__((noreturn)) static void run_child(background_work_fn work, const void *data)
{
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(errno);
	_exit(-work(data));
}

static siginfo_t reap(struct background *b)
{
	siginfo_t info = process_reap(b->pidfd);

	b->pidfd = fd_close(b->pidfd);
	return info;
}

static void on_ended(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct background *b = userdata;
	siginfo_t info;

	event_del(b->ended);
	info = reap(b);
	b->done(info.si_code == CLD_EXITED ? -info.si_status : -EIO, b->userdata);
}

int background_start(struct event_base *base, background_work_fn work, const void *data,
		     background_done_fn done, void *userdata, struct background **ret,
		     struct err *e)
{
	struct background *b;
	int pidfd, r;
	pid_t pid = spawn_fork();

	if (pid == 0)
		run_child(work, data);
	if (pid < 0)
		return err_system(e, -errno, "cannot start a process for work in the background");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		r = err_system(e, -errno, "cannot follow process %d", (int)pid);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	b = xnew(struct background);
	*b = (struct background){ .pidfd = pidfd, .done = done, .userdata = userdata };
	b->ended = event_new(base, pidfd, EV_READ, on_ended, b);
	if (!b->ended || event_add(b->ended, NULL) < 0)
		abort();
	*ret = b;
	return 0;
}

void background_free(struct background *b)
{
	if (!b)
		return;
	event_free(b->ended);
	if (b->pidfd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, b->pidfd, SIGKILL, NULL, 0);
		(void)reap(b);
	}
	free(b);
}
