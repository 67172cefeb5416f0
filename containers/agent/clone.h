/* `gh repo clone`: the agent's own git does it, by whatever egress the agent was granted. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Whether the arguments ask for a clone. */
bool clone_is_wanted(char *const *args);

struct clone {
	char **argv; /* git's */
	char *host;  /* from where */
};

int clone_read(char *const *args, char *const *env, struct clone *ret, struct err *e) _must_check_;
void clone_clear(struct clone *c);

/* Becomes git; comes back only when that fails. */
int clone_run(char *const *args, char *const *env, struct err *e);
