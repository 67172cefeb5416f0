/* Starts gh in its confinement. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/cli-proxy/gh-confinement.h"

/* How many calls of the same agent there are besides, and so how far this one keeps out of the way
 * of other sandboxes' calls. */
enum gh_company {
	GH_ALONE,         /* not at all */
	GH_BESIDE_OTHERS, /* it yields its processor to whatever else wants to run */
	GH_IN_CROWD,      /* and leaves half of the processors to others */
};

struct gh_launch {
	const struct gh_confinement *confinement;
	const char *path;
	char *const *argv;
	char *const *env;
	const char *directory;  /* its own, and where it starts */
	const int *descriptors; /* its three; it gets no other */
	enum gh_company company;
};

/* Returns when gh runs: in a process group of its own, with default signals, and confined. After it
 * has started, it can execute nothing: the one execveat(2) of its life is permitted here. A child
 * of a launch that failed is killed and left to be collected. */
int gh_launch(const struct gh_launch *l, pid_t *ret, struct err *e) _must_check_;
