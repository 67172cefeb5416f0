/* awf-mount-open: opens what a user wants to have mounted, with the user's rights. awfd starts it
 * as that user, in the engine's mount namespace; it sends a descriptor of each path (O_PATH:
 * nothing is read, no FIFO waited for, no device touched) on standard output, a socket of packets,
 * and ends at the first that the user may not have. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "awfd/mount/reply.h"
#include "common/cleanup.h"
#include "common/fd.h"

/* Links are followed, with the user's rights; those of /proc, which lead past all rights, are not.
 */
static int open_path(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static struct mount_reply failed(enum mount_reply_step step)
{
	return (struct mount_reply){ .step = (int32_t)step, .error = errno };
}

static struct mount_reply check(int fd, bool writable)
{
	struct stat st;
	int read;

	if (fstat(fd, &st) < 0)
		return failed(MOUNT_REPLY_OPEN);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return (struct mount_reply){ .step = MOUNT_REPLY_TYPE };
	read = S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK;
	if (faccessat(fd, "", read, AT_EMPTY_PATH) < 0)
		return failed(MOUNT_REPLY_READ);
	if (writable && faccessat(fd, "", W_OK, AT_EMPTY_PATH) < 0)
		return failed(MOUNT_REPLY_WRITE);
	return (struct mount_reply){ .step = MOUNT_REPLY_OPENED };
}

/* Whether the next one is to be looked at. */
static bool tell(const struct mount_reply *reply, int fd)
{
	int passed = reply->step == MOUNT_REPLY_OPENED ? fd : -EBADF;
	ssize_t n = fd_send(STDOUT_FILENO, reply, sizeof(*reply), passed);

	return n == sizeof(*reply) && reply->step == MOUNT_REPLY_OPENED;
}

static bool answer(const char *argument)
{
	bool writable = strncmp(argument, MOUNT_ASK_WRITE, strlen(MOUNT_ASK_WRITE)) == 0;
	const char *path = argument + strlen(writable ? MOUNT_ASK_WRITE : MOUNT_ASK_READ);
	_cleanup_close_ int fd = open_path(path);
	struct mount_reply reply = fd < 0 ? failed(MOUNT_REPLY_OPEN) : check(fd, writable);

	return tell(&reply, fd);
}

static bool is_asked(const char *argument)
{
	return strncmp(argument, MOUNT_ASK_READ, strlen(MOUNT_ASK_READ)) == 0 ||
	       strncmp(argument, MOUNT_ASK_WRITE, strlen(MOUNT_ASK_WRITE)) == 0;
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (!is_asked(argv[i]) || !answer(argv[i]))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
