#include "awfd/child.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/alloc.h"
#include "common/fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* waitid(2), Linux 5.4 */
#endif

struct child {
	pid_t pid;
	int pidfd;
	struct event *ended; /* a pidfd is readable when its process has ended (pidfd_open(2)) */
	child_ended_fn fn;
	void *userdata;
	bool reaped;
};

static void reap(struct child *c, siginfo_t *info)
{
	while (waitid((idtype_t)P_PIDFD, (id_t)c->pidfd, info, WEXITED) < 0 && errno == EINTR)
		;
	c->reaped = true;
}

static void on_ended(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct child *c = userdata;
	_cleanup_free_ char *how = NULL;
	siginfo_t info = { 0 };
	const char *name;

	reap(c, &info);
	name = sigabbrev_np(info.si_status);
	if (info.si_code == CLD_EXITED)
		how = xasprintf("exit code %d", info.si_status);
	else
		how = xasprintf("signal SIG%s", name ? name : "?");
	c->fn(c, info.si_code == CLD_EXITED && info.si_status == 0, how, c->userdata);
}

int child_start(struct event_base *base, const struct spawn *spawn, child_ended_fn fn,
		void *userdata, struct child **ret, struct err *e)
{
	struct child *c;
	pid_t pid;
	int pidfd, r;

	r = spawn_start(spawn, &pid, &pidfd, e);
	if (r < 0)
		return r;
	c = xnew(struct child);
	*c = (struct child){ .pid = pid, .pidfd = pidfd, .fn = fn, .userdata = userdata };
	c->ended = event_new(base, pidfd, EV_READ, on_ended, c);
	if (!c->ended)
		abort();
	event_add(c->ended, NULL);
	*ret = c;
	return 0;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

void child_free(struct child *c)
{
	siginfo_t info;

	if (!c)
		return;
	event_free(c->ended);
	if (!c->reaped) {
		(void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
		reap(c, &info);
	}
	fd_close(c->pidfd);
	free(c);
}
