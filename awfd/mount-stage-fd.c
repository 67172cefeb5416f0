/* What is told of a stage's descriptors, and its paths. */
#include "awfd/mount-stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/strbuf.h"

char *mount_stage_path(const char *directory, size_t i)
{
	return xasprintf("%s/%zu", directory, i);
}

/* A file of /proc has no size to be known before. */
static int read_text(FILE *f, struct strbuf *to)
{
	char buffer[4096];
	size_t n;

	while ((n = fread(buffer, 1, sizeof(buffer), f)) > 0)
		strbuf_append(to, buffer, n);
	return ferror(f) ? -errno : 0;
}

char *mount_stage_read_proc(const char *path, struct err *e)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_file_ FILE *f = fopen(path, "re");

	if (f && read_text(f, &text) == 0)
		return strbuf_take(&text);
	(void)err_system(e, -errno, "%s", path);
	return NULL;
}

int mount_stage_read_id(int fd, int *ret, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fdinfo/%d", fd);
	_cleanup_free_ char *text = mount_stage_read_proc(path, e);
	const char *line = text ? strstr(text, "mnt_id:") : NULL;

	if (!text)
		return e->error;
	if (!line || sscanf(line, "mnt_id: %d", ret) != 1)
		return err_set(e, -EBADMSG, ERR_SYSTEM, "%s: has no mnt_id", path);
	return 0;
}

int mount_stage_real_path(int fd, char **ret, struct err *e)
{
	_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", fd);
	_cleanup_free_ char *path = xcalloc(MOUNT_PATH_MAX + 1, 1);
	ssize_t n = readlink(link, path, MOUNT_PATH_MAX);

	if (n < 0)
		return err_system(e, -errno, "%s", link);
	if (n == MOUNT_PATH_MAX)
		return err_system(e, -ENAMETOOLONG, "%s", link);
	*ret = TAKE_PTR(path);
	return 0;
}

int mount_stage_read_type(int fd, mode_t *ret, struct err *e)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
		return err_system(e, -errno, "cannot tell what is to be mounted");
	*ret = stx.stx_mode & S_IFMT;
	return 0;
}

int mount_stage_refuse(struct mount_specs *specs, size_t i, const char *why, struct err *e)
{
	struct mount_spec *spec = &specs->list[i];

	if (!spec->optional)
		return mount_spec_invalid(e, mount_spec_field(spec), spec->text, why);
	free(spec->missing);
	spec->missing = xstrdup(why);
	return 0;
}
