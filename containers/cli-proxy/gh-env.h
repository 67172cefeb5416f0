/* The environment that gh runs in, built from nothing. Pure. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

struct gh_env_base {
	uint16_t difc_port;         /* of the DIFC proxy, on localhost */
	const char *ca_bundle;      /* the CAs of the system and the DIFC proxy's */
	const char *repository;     /* GH_REPO when the client names none, or NULL */
	const char *directory;      /* this call's own, for everything gh writes */
	const char *redirect_proxy; /* URL of the way to artifact storage, or NULL */
};

/* Of what a client wants (KEY=value) takes the few names that are allowed, checked. On failure e
 * has the text of the answer and its HTTP status. The caller owns *ret. */
int gh_env_select(char *const *wanted, char ***ret, struct err *e) _must_check_;

/* Builds the environment, with what was selected. The caller owns it. */
char **gh_env_build(const struct gh_env_base *base, char *const *selected) _must_check_;
