/* What is taken for an archive of images has names that are proper and none of awfd's own; what is
 * refused has a reason, and nothing is left of it. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "awfd/image-reference.h"
#include "awfd/image-tar.h"
#include "common/fd.h"
#include "common/strv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("archive", MFD_CLOEXEC);
	_cleanup_strv_ char **names = NULL;
	_cleanup_err_ struct err e = { 0 };

	require(fd >= 0 && fd_write_all(fd, data, size) == 0);
	if (image_tar_names(fd, size, &names, &e) < 0) {
		require(!names && e.message);
		return 0;
	}
	require(strv_length(names) > 0 && strv_length(names) <= IMAGE_TAR_NAMES_MAX);
	for (char **name = names; *name; name++)
		require(image_reference_is_pullable(*name) && !image_reference_is_own(*name));
	return 0;
}
