/* Directories that options name, to write to: made and opened with the user's rights. What is done
 * in one later is done by its descriptor, so that whoever can write beside it cannot lead that
 * somewhere else. */
#pragma once

#include "common/err.h"

/* Makes the directory, with those above it, if it is not there, and opens it: the descriptor, or an
 * error that names the option and the path. */
int output_dir_open(const char *option, const char *path, struct err *e) _must_check_;

/* Copies the file `path` to `name` in the directory, mode 0600, in place of what is there: a link
 * is replaced, not followed. */
int output_dir_copy(int directory, const char *name, const char *path, struct err *e) _must_check_;
