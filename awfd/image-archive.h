/* The images that awfd comes with, as archives of their roots: NAME.tar is awf/NAME:latest, and
 * NAME.tar.sha256 its checksum, by which awf-images(8) knows an image again. */
#pragma once

#include "awfd/docker-http.h"
#include "common/cleanup.h"
#include "common/err.h"

struct image_archive {
	struct docker_http_file file; /* fd -EBADF: none */
	char *label;
};

#define IMAGE_ARCHIVE_NONE ((struct image_archive){ .file.fd = -EBADF })

/* Opens that of a reference. ERR_SYSTEM says what to do when there is none. */
int image_archive_open(const char *directory, const char *reference, struct image_archive *ret,
		       struct err *e) _must_check_;
void image_archive_clear(struct image_archive *a);
