#include "common/counters.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#define FILE_SIZE (COUNTERS_MAX * sizeof(uint64_t))

int counters_make(const char *path, int *fd, struct err *e)
{
	_cleanup_close_ int made =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	static const uint64_t zeros[COUNTERS_MAX];
	int r = made < 0 ? -errno : fd_write_all(made, zeros, sizeof(zeros));

	if (r < 0)
		return err_system(e, r, "cannot make the counters %s", path);
	*fd = TAKE_FD(made);
	return 0;
}

int counters_open(const char *path, int *fd, struct err *e)
{
	*fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? err_system(e, -errno, "cannot open the counters %s", path) : 0;
}

/* A file that is shorter would kill who counts in it (SIGBUS). */
int counters_map(int fd, uint64_t **ret, struct err *e)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) < 0)
		return err_system(e, -errno, "cannot look at counters");
	if (st.st_size != (off_t)FILE_SIZE)
		return err_set(e, -EINVAL, ERR_SYSTEM, "counters have %jd bytes, not %zu",
			       (intmax_t)st.st_size, FILE_SIZE);
	at = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return err_system(e, -errno, "cannot map counters");
	*ret = at;
	return 0;
}

void counters_unmap(uint64_t *counters)
{
	if (counters)
		(void)munmap(counters, FILE_SIZE);
}

/* By read(2), not by a mapping: who counts might be anybody. */
void counters_read(const char *path, uint64_t ret[COUNTERS_MAX])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || read(fd, ret, FILE_SIZE) != (ssize_t)FILE_SIZE)
		memset(ret, 0, FILE_SIZE);
}
