/* What is taken from every gh before it runs: other files than its own directory and what it needs
 * of the image, system calls, resources. Prepared once, entered by each child that becomes gh. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/cli-proxy/gh-filter.h"
#include "containers/cli-proxy/gh-limits.h"

struct gh_confinement;

/* Strings are borrowed. */
struct gh_confinement_spec {
	const char *gh;        /* the program */
	const char *ca_bundle; /* may be missing */
	struct gh_limits limits;
};

/* Fails, with what is missing, where the kernel can't confine a gh: then none may be run. */
int gh_confinement_new(const struct gh_confinement_spec *spec, struct gh_confinement **ret,
		       struct err *e) _must_check_;
void gh_confinement_free(struct gh_confinement *c);
DEFINE_CLEANUP(struct gh_confinement, gh_confinement_free)

const struct gh_limits *gh_confinement_limits(const struct gh_confinement *c);
const struct gh_filter *gh_confinement_filter(const struct gh_confinement *c);

/* The rules for the files of one call, a descriptor for landlock_enter(): the image is there to be
 * read, `directory` is its own. */
int gh_confinement_files(const struct gh_confinement *c, const char *directory,
			 struct err *e) _must_check_;
