/* The mounts that a user asks for, as SRC:DST[:ro|rw]: a path of the host and one of the sandbox.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

#define MOUNTS_MAX     32   /* that a user may ask for */
#define MOUNT_LIST_MAX 192  /* with those that awfd adds (awfd/host-view.h) */
#define MOUNT_PATH_MAX 4096 /* bytes, the final NUL included, as PATH_MAX */

enum mount_kind {
	MOUNT_ASKED,     /* by field "mounts" of Start */
	MOUNT_WORKSPACE, /* the caller's workspace, at its own place */
	MOUNT_VIEW,      /* awfd's own: the host's programs, and what they need */
};

struct mount_spec {
	char *text;   /* as it was given */
	char *source; /* NULL: a directory that awfd makes */
	char *target;
	bool writable;
	enum mount_kind kind;
	bool optional; /* left out when it cannot be had */
	bool no_links; /* the source is where its path says, not where a link leads */
	char *missing; /* why it was left out, or NULL */
};

struct mount_specs {
	struct mount_spec *list;
	size_t count;
};

/* Parses all of them (NULL: none) into the empty `ret`. Refused are, by field and value: what has
 * another form, paths that are not absolute or go up by "..", and destinations that would hide a
 * part of the sandbox or of another mount. `ret` stays empty then. */
int mount_specs_parse(const char *field, char *const *texts, struct mount_specs *ret,
		      struct err *e) _must_check_;

/* Adds one at its own place, of which only the kind and `optional` are the caller's to set, and
 * tells why not (the caller owns the text), or NULL. */
char *mount_specs_put(struct mount_specs *s, const struct mount_spec *spec,
		      const char *path) _must_check_;

/* The one of awfd's own that is mounted by itself and that this one lies in, by their destinations;
 * NULL when there is none. */
const struct mount_spec *mount_specs_outer(const struct mount_specs *s,
					   const struct mount_spec *spec);

/* The field of Start that asks for it; NULL: awfd itself. */
const char *mount_spec_field(const struct mount_spec *spec);

void mount_specs_clear(struct mount_specs *s);

/* The error of one of them, with its text, cut when it is long, as the value. */
int mount_spec_invalid(struct err *e, const char *field, const char *text, const char *reason);

/* Whether it is an absolute path to something below /, in its shortest form. */
bool mount_path_is_plain(const char *path);

/* Whether path is `directory`, or lies below it; both are absolute and normal. */
bool mount_path_is_in(const char *path, const char *directory);
