#include "awfd/child.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "awfd/broker.h"
#include "awfd/process.h"
#include "common/alloc.h"
#include "common/fd.h"

struct child {
	pid_t pid;
	int pidfd;
	struct event *ended; /* a pidfd is readable when its process has ended (pidfd_open(2)) */
	child_ended_fn fn;
	void *userdata;
	bool adopted; /* somebody else's child, who reaps it */
	bool reaped;
};

static siginfo_t reap(struct child *c)
{
	c->reaped = true;
	return process_reap(c->pidfd);
}

static void on_ended(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct child *c = userdata;
	_cleanup_free_ char *how = NULL;
	const char *name;
	siginfo_t info;

	if (c->adopted) {
		event_del(c->ended);
		c->reaped = true;
		c->fn(c, false, "an exit code that nobody knows", c->userdata);
		return;
	}
	info = reap(c);
	name = sigabbrev_np(info.si_status);
	if (info.si_code == CLD_EXITED)
		how = xasprintf("exit code %d", info.si_status);
	else
		how = xasprintf("signal SIG%s", name ? name : "?");
	c->fn(c, info.si_code == CLD_EXITED && info.si_status == 0, how, c->userdata);
}

static struct child *child_new(struct event_base *base, pid_t pid, int pidfd, child_ended_fn fn,
			       void *userdata)
{
	struct child *c = xnew(struct child);

	*c = (struct child){ .pid = pid, .pidfd = pidfd, .fn = fn, .userdata = userdata };
	c->ended = event_new(base, pidfd, EV_READ, on_ended, c);
	if (!c->ended)
		abort();
	event_add(c->ended, NULL);
	return c;
}

static bool starts_elsewhere(const struct spawn *s)
{
	return s->network >= 0 || (s->caller && s->caller->mounts >= 0);
}

int child_start(struct event_base *base, const struct spawn *spawn, child_ended_fn fn,
		void *userdata, struct child **ret, struct err *e)
{
	const bool elsewhere = starts_elsewhere(spawn);
	pid_t pid;
	int pidfd, r;

	r = elsewhere ? broker_spawn(spawn, &pid, &pidfd, e) : spawn_start(spawn, &pid, &pidfd, e);
	if (r < 0)
		return r;
	*ret = child_new(base, pid, pidfd, fn, userdata);
	(*ret)->adopted = elsewhere;
	return 0;
}

struct child *child_adopt(struct event_base *base, pid_t pid, int pidfd, child_ended_fn fn,
			  void *userdata)
{
	struct child *c = child_new(base, pid, pidfd, fn, userdata);

	c->adopted = true;
	return c;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_pidfd(const struct child *c)
{
	return c->pidfd;
}

static void send_signal(const struct child *c, int sig)
{
	(void)syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0);
}

void child_terminate(const struct child *c)
{
	if (!c->reaped)
		send_signal(c, SIGTERM);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	if (!c->reaped) {
		send_signal(c, SIGKILL);
		if (!c->adopted)
			(void)reap(c);
	}
	child_release(c);
}

void child_release(struct child *c)
{
	if (!c)
		return;
	event_free(c->ended);
	fd_close(c->pidfd);
	free(c);
}
