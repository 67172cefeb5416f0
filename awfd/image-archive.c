#include "awfd/image-archive.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"

#define OWN          "awf/"
#define TAG          ":latest"
#define LABEL        "awf.archive"
#define HEX_LENGTH   64
#define CHECKSUM_MAX 4096 /* bytes of a file with a checksum */

/* The file's name without its extension, or NULL when none could be meant. The caller owns it. */
static char *stem_of(const char *reference)
{
	const char *name = reference + strlen(OWN);
	size_t n;

	if (strncmp(reference, OWN, strlen(OWN)) != 0)
		return NULL;
	n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n > 0 && strcmp(name + n, TAG) == 0 ? xstrndup(name, n) : NULL;
}

static int read_label(const char *path, char **ret, struct err *e)
{
	_cleanup_free_ char *sum_path = xasprintf("%s.sha256", path), *text = NULL;
	int r = file_read(sum_path, CHECKSUM_MAX, &text, NULL, e);

	if (r < 0)
		return r;
	if (strspn(text, "0123456789abcdef") != HEX_LENGTH)
		return err_set(e, -EBADMSG, ERR_SYSTEM, "%s: is no checksum", sum_path);
	*ret = xasprintf(LABEL "=%.*s", HEX_LENGTH, text);
	return 0;
}

static int open_file(const char *path, struct docker_http_file *ret, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return err_system(e, -errno, "%s", path);
	if (!S_ISREG(status.st_mode))
		return err_set(e, -EINVAL, ERR_SYSTEM, "%s: is not a regular file", path);
	ret->size = (uint64_t)status.st_size;
	ret->fd = TAKE_FD(fd);
	return 0;
}

int image_archive_open(const char *directory, const char *reference, struct image_archive *ret,
		       struct err *e)
{
	_cleanup_free_ char *stem = stem_of(reference), *path = NULL;
	int r;

	if (!stem)
		return err_set(e, -ENOENT, ERR_SYSTEM,
			       "image %s is not there, is none that awfd came with, and names that "
			       "begin with awf/ are asked of no registry: name another image",
			       reference);
	path = xasprintf("%s/%s.tar", directory, stem);
	*ret = IMAGE_ARCHIVE_NONE;
	r = read_label(path, &ret->label, e);
	if (r == 0)
		r = open_file(path, &ret->file, e);
	if (r == 0)
		return 0;
	image_archive_clear(ret);
	return err_wrap(e, "image %s is not there, nor its archive; install awf again", reference);
}

void image_archive_clear(struct image_archive *a)
{
	a->file.fd = fd_close(a->file.fd);
	free(TAKE_PTR(a->label));
}
