/* Landlock, see landlock(7): what a process may do with files, as far as the running kernel can
 * restrict it. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

enum landlock_access {
	LANDLOCK_READ,    /* files and directories */
	LANDLOCK_EXECUTE, /* and run them */
	LANDLOCK_WRITE,   /* what is there already: a device */
	LANDLOCK_CHANGE,  /* all that can be done below a directory, but running it */
};

/* The version of Landlock that this kernel has, 1 or more. Fails with what is missing, and what to
 * do, when it has none. */
int landlock_version(struct err *e) _must_check_;

/* The rights on files that such a kernel can restrict. Pure. */
uint64_t landlock_rights(int version);

/* A new set of rules, a descriptor, with nothing allowed yet; -errno. */
int landlock_rules_new(int version) _must_check_;

/* Allows an access to what path_fd is and to all that is below it. */
int landlock_allow(int rules, int version, int path_fd, enum landlock_access access) _must_check_;

/* From here on only what is allowed, for this thread and its children; needs no_new_privs. */
int landlock_enter(int rules) _must_check_;
