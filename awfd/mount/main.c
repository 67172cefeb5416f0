/* awf-mount-open: opens what a user wants to have mounted, with the user's rights. awfd starts it
 * as that user, in the engine's mount namespace; it sends a descriptor of each path (O_PATH:
 * nothing is read, no FIFO waited for, no device touched) on standard output, a socket of packets,
 * and ends at the first that the user may not have, unless it is an optional one. */
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

/* Whether it was told, and all is well. */
static bool tell(const struct mount_reply *reply, int fd)
{
	int passed = reply->step == MOUNT_REPLY_OPENED ? fd : -EBADF;
	ssize_t n = fd_send(STDOUT_FILENO, reply, sizeof(*reply), passed);

	return n == sizeof(*reply) && reply->step == MOUNT_REPLY_OPENED;
}

/* Takes the word off the front of an argument. */
static bool take(const char **argument, const char *word)
{
	bool is_there = strncmp(*argument, word, strlen(word)) == 0;

	if (is_there)
		*argument += strlen(word);
	return is_there;
}

/* Whether the next one is to be looked at. */
static bool answer(const char *argument)
{
	bool optional = take(&argument, MOUNT_ASK_OPTIONAL);
	bool writable = take(&argument, MOUNT_ASK_WRITE);
	_cleanup_close_ int fd = -EBADF;
	struct mount_reply reply;

	if (!writable && !take(&argument, MOUNT_ASK_READ))
		return false;
	fd = open_path(argument);
	reply = fd < 0 ? failed(MOUNT_REPLY_OPEN) : check(fd, writable);
	return tell(&reply, fd) || optional;
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (!answer(argv[i]))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
