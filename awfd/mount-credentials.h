/* Where well-known programs keep credentials, and in which directories that is looked for. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* A file, or a directory with all that is in it. */
struct credential {
	const char *path; /* below a home; '*' in it stands for any text without '/' */
	bool anywhere; /* what has this name is a credential in directories that are no home, too */
};

#define CREDENTIAL_DEPTH 4 /* components of the longest path */

/* NULL behind the last. */
const struct credential *credential_at(size_t i);

/* Whether it takes reading the directory that it is looked for in. */
bool credential_is_listed(const struct credential *c);

/* Directories to look in. */
struct credential_place {
	char *directory;
	const char *below; /* what of it: "", or a path with '*' in it */
	bool home;
};

struct credential_places {
	struct credential_place *list;
	size_t count;
};

/* Nothing happens when it is there already. */
void credential_places_add(struct credential_places *p, const char *directory, const char *below,
			   bool home);

/* Where to look because of a mount's source, an absolute path: there, in the directories that it is
 * in, and in what are homes by the name of the directory that they are in. */
void credential_places_add_source(struct credential_places *p, const char *source);

void credential_places_clear(struct credential_places *p);

/* A user's home, as a line of passwd(5) has it. */
struct credential_home {
	uint64_t uid;
	const char *path;
};

/* The next one that a text like /etc/passwd names, which is overwritten; false at its end. */
bool credential_next_home(char **passwd, struct credential_home *ret);
