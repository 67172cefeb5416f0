#include "containers/cli-proxy/reaper.h"

#include <signal.h>
#include <sys/queue.h>
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

static int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The group's id can't be taken by others as long as its leader is not collected. */
static void collect(struct reaper *r, pid_t pid)
{
	struct reaper_child *c = find(r, pid);
	int status = 0;

	if (c)
		(void)kill(-pid, SIGKILL);
	if (waitpid(pid, &status, WNOHANG) != pid || !c)
		return;
	LIST_REMOVE(c, entry);
	if (c->fn)
		c->fn(exit_code(status), c->userdata);
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
