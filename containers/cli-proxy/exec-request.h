/* The body of POST /exec: {args, cwd?, stdin?, stdinStream?, env?, files?}. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/arguments.h"

#define EXEC_REQUEST_BODY_LIMIT  (1024 * 1024)
#define EXEC_REQUEST_ARGS_LIMIT  4096
#define EXEC_REQUEST_FILES_LIMIT 256
#define EXEC_REQUEST_DEPTH_LIMIT 32
#define EXEC_REQUEST_NESTS_LIMIT 64 /* objects and arrays */

/* The kernel's bound of one argument or environment entry, with its NUL (MAX_ARG_STRLEN). */
#define EXEC_REQUEST_STRING_LIMIT (128 * 1024)

struct exec_request {
	char **args;
	char **env;  /* KEY=value, as the client sent it: not to be trusted */
	void *input; /* what gh reads from its stdin, decoded; or NULL */
	size_t input_length;
	bool input_streams; /* gh's stdin follows, by POST /exec/ID/stdin */
	uint64_t *files;    /* the sizes of the files that follow before it; NULL: no files */
	size_t file_count;

	struct gh_arguments arguments; /* args, when somebody has read them */
};

/* Reads a body. On failure e has the text of the answer and its HTTP status. */
int exec_request_parse(const char *body, size_t length, struct exec_request **ret,
		       struct err *e) _must_check_;

void exec_request_free(struct exec_request *r);
DEFINE_CLEANUP(struct exec_request, exec_request_free)
