/* A file of variables, as the container engine's --env-file has it: KEY=VALUE, or KEY for the value
 * that awfctl has, a line each; the value is what follows, quotes and all; # begins a comment. */
#pragma once

#include <stddef.h>

#include "common/err.h"

#define ENV_FILE_MAX (512 * 1024)

/* Sets in *env (strv) what the text says; the last one of a key counts. Errors name the line of
 * `name`, and never a value. */
int env_file_parse(const char *name, const char *text, size_t length, char ***env,
		   struct err *e) _must_check_;
