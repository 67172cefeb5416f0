/* Names of sandboxes, and what a user may write for one: its id, its name or the beginning of its
 * id. */
#pragma once

#include <sys/types.h>

#include "awfd/sandbox.h"

#define SANDBOX_NAME_MAX 64

/* How much of an id stands for it. */
#define SANDBOX_ABBREVIATION_MIN 3

/* Whether a sandbox of that owner can have the name: its form, and that no other one that has not
 * ended has it. NULL is none, and good. ERR_INVALID_ARGUMENT says why not. */
int sandbox_name_check(struct manager *m, uid_t owner, const char *name,
		       struct err *e) _must_check_;

/* The sandbox that the user means, of those that he may know of. A whole id wins over a name, that
 * over the beginning of an id, and his own over those of others, which root sees. ERR_NOT_FOUND, or
 * ERR_INVALID_ARGUMENT when several are meant equally well. */
int sandbox_lookup(struct manager *m, uid_t user, const char *text, struct sandbox **ret,
		   struct err *e) _must_check_;
