/* The mounts that a user asks for, as SRC:DST[:ro|rw]: a path of the host and one of the sandbox.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

#define MOUNTS_MAX     32
#define MOUNT_PATH_MAX 4096 /* bytes, the final NUL included, as PATH_MAX */

struct mount_spec {
	char *text; /* as it was given */
	char *source;
	char *target;
	bool writable;
};

struct mount_specs {
	struct mount_spec list[MOUNTS_MAX];
	size_t count;
};

/* Parses all of them (NULL: none) into the empty `ret`. Refused are, by field and value: what has
 * another form, paths that are not absolute or go up by "..", and destinations that would hide a
 * part of the sandbox or of another mount. `ret` stays empty then. */
int mount_specs_parse(const char *field, char *const *texts, struct mount_specs *ret,
		      struct err *e) _must_check_;

void mount_specs_clear(struct mount_specs *s);

/* The error of one of them, with its text, cut when it is long, as the value. */
int mount_spec_invalid(struct err *e, const char *field, const char *text, const char *reason);

/* Whether path is `directory`, or lies below it; both are absolute and normal. */
bool mount_path_is_in(const char *path, const char *directory);
