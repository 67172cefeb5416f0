/* Files that options name: read with the user's rights, refused in the words of the option. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/* A sort of file, and what to do when there is something wrong with it. */
struct input_file {
	const char *option;
	size_t max;          /* bytes */
	const char *missing; /* advice when it is not there */
	const char *form;    /* advice when it is no regular file */
	const char *large;   /* advice when it is larger than max */
	bool or_stdin;       /* "-" is standard input */
};

/* Reads all of it, NUL-terminated; the caller owns it. The error names the option, the path, the
 * reason and what to do. */
int input_file_read(const struct input_file *kind, const char *path, char **ret, size_t *length,
		    struct err *e) _must_check_;
