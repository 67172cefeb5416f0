#include "containers/cli-proxy/reaper.h"

#include <signal.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/alloc.h"

struct reaper_child {
	LIST_ENTRY(reaper_child) entry;
	pid_t pid;
	reaper_fn fn; /* NULL once forgotten */
	void *userdata;
};

struct reaper {
	struct event *signal;
	LIST_HEAD(, reaper_child) children;
};

static struct reaper_child *find(struct reaper *r, pid_t pid)
{
	struct reaper_child *c;

	LIST_FOREACH (c, &r->children, entry)
		if (c->pid == pid)
			return c;
	return NULL;
}

static uint64_t milliseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000 + (uint64_t)tv->tv_usec / 1000;
}

static struct gh_end end_of(int status, const struct rusage *usage)
{
	return (struct gh_end){
		.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		.cpu_milliseconds = milliseconds(&usage->ru_utime) + milliseconds(&usage->ru_stime),
	};
}

/* The group's id can't be taken by others as long as its leader is not collected. */
static void collect(struct reaper *r, pid_t pid)
{
	struct reaper_child *c = find(r, pid);
	struct rusage usage = { 0 };
	struct gh_end end;
	int status = 0;

	if (c)
		(void)kill(-pid, SIGKILL);
	if (wait4(pid, &status, WNOHANG, &usage) != pid || !c)
		return;
	LIST_REMOVE(c, entry);
	end = end_of(status, &usage);
	if (c->fn)
		c->fn(&end, c->userdata);
	free(c);
}

static void on_signal(int signal _unused_, short what _unused_, void *userdata)
{
	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		collect(userdata, info.si_pid);
	}
}

struct reaper *reaper_new(struct event_base *base)
{
	struct reaper *r = xnew(struct reaper);

	LIST_INIT(&r->children);
	r->signal = evsignal_new(base, SIGCHLD, on_signal, r);
	if (!r->signal || event_add(r->signal, NULL) < 0)
		abort();
	return r;
}

void reaper_free(struct reaper *r)
{
	struct reaper_child *c;

	if (!r)
		return;
	while ((c = LIST_FIRST(&r->children))) {
		(void)kill(-c->pid, SIGKILL);
		LIST_REMOVE(c, entry);
		free(c);
	}
	event_free(r->signal);
	free(r);
}

struct reaper_child *reaper_watch(struct reaper *r, pid_t pid, reaper_fn fn, void *userdata)
{
	struct reaper_child *c = xnew(struct reaper_child);

	*c = (struct reaper_child){ .pid = pid, .fn = fn, .userdata = userdata };
	LIST_INSERT_HEAD(&r->children, c, entry);
	return c;
}

void reaper_kill(struct reaper_child *c)
{
	(void)kill(-c->pid, SIGKILL);
}

void reaper_forget(struct reaper_child *c)
{
	if (!c)
		return;
	reaper_kill(c);
	c->fn = NULL;
}
