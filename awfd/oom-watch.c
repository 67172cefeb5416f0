#include "awfd/oom-watch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/parse.h"
#include "common/strv.h"

#define COUNTS_MAX    4096
#define PROCESSES_MAX 65536
#define STATUS_MAX    65536

struct oom_watch {
	int counts; /* the file with it */
	int pidfd;  /* of the container's first process */
	struct event *ended;
	bool saw;
};

/* In the namespace below awfd's, not in one that the command made below that. */
static bool is_first_of_namespace(const char *pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%s/status", pid), *text = NULL;
	_cleanup_free_ char *wanted = xasprintf("NSpid:\t%s\t1", pid);
	_cleanup_strv_ char **lines = NULL;

	if (file_read(path, STATUS_MAX, &text, NULL, NULL) < 0)
		return false;
	lines = strv_split(text, "\n");
	for (char **line = lines; line && *line; line++)
		if (strcmp(*line, wanted) == 0)
			return true;
	return false;
}

static int open_first_process(const char *group)
{
	_cleanup_free_ char *path = xasprintf("%s/cgroup.procs", group), *text = NULL;
	_cleanup_strv_ char **pids = NULL;
	uint64_t pid;

	if (file_read(path, PROCESSES_MAX, &text, NULL, NULL) < 0)
		return -ENOENT;
	pids = strv_split(text, "\n");
	for (char **p = pids; p && *p; p++)
		if (parse_uint(*p, 1, INT32_MAX, &pid) == 0 && is_first_of_namespace(*p))
			return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	return -ESRCH;
}

static int open_counts(const char *group)
{
	static const char *const names[] = { "memory.events", "memory.oom_control" };
	int fd = -EBADF;

	for (size_t i = 0; i < ARRAY_SIZE(names) && fd < 0; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", group, names[i]);

		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

/* Of a group that has gone nothing can be read any more. */
static void look(struct oom_watch *w)
{
	char text[COUNTS_MAX + 1];
	_cleanup_strv_ char **lines = NULL;
	ssize_t n = pread(w->counts, text, COUNTS_MAX, 0);
	bool killed = false, own_limit = true;

	if (n <= 0)
		return;
	text[n] = '\0';
	lines = strv_split(text, "\n");
	for (char **line = lines; line && *line; line++) {
		if (strncmp(*line, "oom_kill ", 9) == 0)
			killed = strcmp(*line + 9, "0") != 0;
		else if (strcmp(*line, "oom 0") == 0)
			own_limit = false;
	}
	w->saw = w->saw || (killed && own_limit);
}

/* The group is there until the engine has heard of it and has asked for its removal. */
static void on_ended(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	look(userdata);
}

struct oom_watch *oom_watch_new(struct event_base *base, const char *group)
{
	struct oom_watch *w = xnew(struct oom_watch);

	*w = (struct oom_watch){ .counts = open_counts(group), .pidfd = open_first_process(group) };
	if (w->counts < 0 || w->pidfd < 0) {
		oom_watch_free(w);
		return NULL;
	}
	w->ended = event_new(base, w->pidfd, EV_READ, on_ended, w);
	if (!w->ended || event_add(w->ended, NULL) < 0)
		abort();
	return w;
}

bool oom_watch_saw(struct oom_watch *w)
{
	look(w);
	return w->saw;
}

void oom_watch_free(struct oom_watch *w)
{
	if (!w)
		return;
	if (w->ended)
		event_free(w->ended);
	fd_close(w->counts);
	fd_close(w->pidfd);
	free(w);
}
