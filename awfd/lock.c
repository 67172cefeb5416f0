#include "awfd/lock.h"

#include <fcntl.h>

#include "common/fd.h"

/* Who has it is told for a person, who may find it ended by then. */
static int refuse(int fd, const char *path, struct flock *whole, struct err *e)
{
	if (fcntl(fd, F_GETLK, whole) < 0 || whole->l_type == F_UNLCK)
		return err_set(e, -EBUSY, ERR_SYSTEM, "another awfd has just held %s: try again",
			       path);
	return err_set(e, -EBUSY, ERR_SYSTEM,
		       "another awfd runs, as process %d, and holds %s; stop it first: "
		       "systemctl stop awfd",
		       whole->l_pid, path);
}

int lock_take(const char *path, int *ret, struct err *e)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd =
		open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_system(e, -errno, "cannot open the lock %s", path);
	if (fcntl(fd, F_SETLK, &whole) < 0)
		return errno == EAGAIN || errno == EACCES
			       ? refuse(fd, path, &whole, e)
			       : err_system(e, -errno, "cannot lock %s", path);
	*ret = TAKE_FD(fd);
	return 0;
}
