#include "tests/bed/process.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/alloc.h"

/* Field 22, counted from behind the command name, which may hold blanks and parentheses. */
static bool stat_start(const char *stat, unsigned long long *ret)
{
	const char *s = strrchr(stat, ')');

	for (int field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	return s && sscanf(s, " %llu", ret) == 1;
}

int process_identify(pid_t pid, struct process *ret)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	struct process p = { .pid = pid };
	char stat[1024];

	if (!f || !fgets(stat, sizeof(stat), f) || !stat_start(stat, &p.start))
		return -ESRCH;
	*ret = p;
	return 0;
}

int process_open(const struct process *p)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct process now;

	if (fd < 0)
		return -errno;
	if (process_identify(p->pid, &now) < 0 || now.start != p->start)
		return -ESRCH;
	return TAKE_FD(fd);
}

int process_load(const char *path, struct process *ret)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	struct process p;
	int pid;

	if (!f)
		return -errno;
	if (fscanf(f, "%d %llu", &pid, &p.start) != 2 || pid <= 0)
		return -EINVAL;
	p.pid = pid;
	*ret = p;
	return 0;
}

int process_save(const char *path, const struct process *p)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	fprintf(f, "%d %llu\n", (int)p->pid, p->start);
	return fclose(f) == 0 ? 0 : -errno;
}
