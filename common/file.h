/* Whole files: bounded reads, atomic writes, directory trees. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Reads a regular file of at most `limit` bytes into *ret (NUL-terminated, the caller owns it) and
 * its length into *length (may be NULL). Refuses, with the path and the reason, what is missing,
 * not readable, not a regular file (a FIFO or device is never waited for) or larger. */
int file_read(const char *path, size_t limit, char **ret, size_t *length,
	      struct err *e) _must_check_;

/* Replaces path atomically: a temporary file beside it, fsync, rename, fsync of the directory. */
int file_write_atomic(const char *path, mode_t mode, const void *data, size_t length,
		      struct err *e) _must_check_;

/* Removes what file_write_atomic() made of path, also when it was interrupted; "not there" is
 * success. */
int file_remove_atomic(const char *path, struct err *e) _must_check_;

/* Makes one directory, with that mode whatever the umask; an existing directory is success and
 * stays as it is. */
int file_mkdir(const char *path, mode_t mode, struct err *e) _must_check_;

/* Removes a directory tree without following links; "not there" is success. What is mounted in it
 * (a bind mount of the same filesystem, too) is never entered: -EBUSY. Deeper than 64 levels:
 * -ELOOP. */
int file_remove_tree(const char *path, struct err *e) _must_check_;
