/* The arguments that the real gh is run with: those of the agent, with the files of its call in
 * place of the agent's own. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/arguments.h"

/* The files a call names, in the order of its arguments; at most `room` of them are stored. */
size_t gh_argv_files(const struct gh_arguments *a, struct gh_file *files, size_t room);

/* 0 when the client has said of as many files as the call names how large they are, and when it can
 * take downloads if the call makes some; else e says why not. `sizes` is NULL for a client that
 * sends no files. */
int gh_argv_check_files(const struct gh_arguments *a, const uint64_t *sizes, size_t count,
			struct err *e) _must_check_;

/* 0 when the call names a repository, needs none, or `repository` is meant when none is named; else
 * e says that it has to be named. */
int gh_argv_check_repository(const struct gh_arguments *a, const char *repository,
			     struct err *e) _must_check_;

/* Where the call's file of that number is: its name is the agent's. The caller owns it. */
char *gh_argv_upload_path(const char *directory, const struct gh_arguments *a,
			  const struct gh_file *file, size_t number) _must_check_;

/* Where the call's downloads go. The caller owns it. */
char *gh_argv_download_path(const char *directory) _must_check_;

/* The arguments. `directory` is the call's own; `repository` is the one that is meant when none is
 * named, or NULL. The caller owns them. */
char **gh_argv_build(const struct gh_arguments *a, const char *directory,
		     const char *repository) _must_check_;
