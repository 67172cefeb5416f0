/* Archives of images, as `docker save` writes them: what the engine would call the images in one.
 * Only what cannot be read in two ways is taken: a plain tar archive without links that lead
 * elsewhere, extended headers or names that mean another file. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define IMAGE_TAR_ENTRIES_MAX 4096
#define IMAGE_TAR_JSON_MAX    (1u << 20) /* bytes of one file that names images */
#define IMAGE_TAR_NAMES_MAX   64

/* Reads the headers of the file and what names images; *names (strv, the caller's) are those that
 * it has, in their normal form. One that is among awfd's own is refused, wherever it stands. */
int image_tar_names(int fd, uint64_t size, char ***names, struct err *e) _must_check_;
