/* The arguments of one gh call, read as gh reads them (pflag of Go), by the tables of command.h.
 * Pure. Both ends read with this: what names a file here names one there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/command.h"

/* A value: of a flag, or of an argument that is none. */
struct gh_value {
	enum gh_kind kind;
	const struct gh_flag *flag; /* NULL: of no flag */
	size_t arg;                 /* which argument it is in */
	size_t offset;              /* where it begins there; it goes to the argument's end */
};

/* No command has so many. */
#define GH_ARGUMENTS_SWITCHES 32

struct gh_arguments {
	const struct gh_command *command; /* NULL: help or version */
	char *const *args;                /* borrowed */
	struct gh_value *values;          /* without those of switches */
	size_t count;
	const struct gh_flag *switches[GH_ARGUMENTS_SWITCHES]; /* those that are on */
	size_t switch_count;
};

/* Reads a call; the arguments are borrowed. On failure e says what is not permitted, with its HTTP
 * status. Nothing is said of the values yet. */
int gh_arguments_parse(char *const *args, struct gh_arguments *ret, struct err *e) _must_check_;

void gh_arguments_clear(struct gh_arguments *a);

/* A value's text, borrowed. */
const char *gh_arguments_text(const struct gh_arguments *a, const struct gh_value *v);

/* The value of the flag of that name, or NULL; of several the last one counts. */
const struct gh_value *gh_arguments_flag(const struct gh_arguments *a, const char *name);

/* Whether the switch of that name is on. */
bool gh_arguments_switch(const struct gh_arguments *a, const char *name);

/* How many values belong to no flag. */
size_t gh_arguments_positionals(const struct gh_arguments *a);

/* A part of an argument that names a file to read. */
struct gh_file {
	size_t arg, offset, length;
};

/* The file that a value has gh read, if it has; stdin is none. */
bool gh_arguments_file(const struct gh_arguments *a, const struct gh_value *v, struct gh_file *ret);

/* Whether gh reads its stdin: a file is `-`, or `workflow run` has --json. */
bool gh_arguments_reads_stdin(const struct gh_arguments *a);
