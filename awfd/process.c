#include "awfd/process.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* waitid(2), Linux 5.4 */
#endif

#define STAT_MAX    4096
#define BOOT_ID     "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

/* Fields 4 to 21 of /proc/PID/stat, between the state and the start time. */
#define SKIPPED 18

bool process_has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

/* The name, in parentheses, may hold anything: what is counted starts behind the last of these. */
static int read_start_time(pid_t pid, uint64_t *ret)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", pid);
	_cleanup_free_ char *text = NULL;
	const char *field;

	if (file_read(path, STAT_MAX, &text, NULL, NULL) < 0)
		return -ESRCH;
	field = strrchr(text, ')');
	for (int i = 0; field && i < SKIPPED + 2; i++)
		field = strchr(field + 1, ' ');
	return field && sscanf(field, " %" SCNu64, ret) == 1 ? 0 : -EIO;
}

int process_identify(int pidfd, pid_t pid, struct process_id *ret)
{
	uint64_t started;
	int r = read_start_time(pid, &started);

	if (r < 0)
		return r;
	if (process_has_ended(pidfd))
		return -ESRCH;
	*ret = (struct process_id){ .pid = pid, .started = started };
	return 0;
}

int process_open(const struct process_id *id)
{
	_cleanup_close_ int fd = -EBADF;
	struct process_id now;
	int r;

	if (id->pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
	if (fd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	r = process_identify(fd, id->pid, &now);
	if (r < 0)
		return r;
	return now.started == id->started ? TAKE_FD(fd) : -ESRCH;
}

siginfo_t process_reap(int pidfd)
{
	siginfo_t info = { 0 };

	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	return info;
}

char *process_boot_id(void)
{
	char *text = NULL;

	if (file_read(BOOT_ID, BOOT_ID_MAX, &text, NULL, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}
