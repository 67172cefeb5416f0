/* The agent's environment: what the caller asked for, less what must not be in reach, plus ours.
 * Pure. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"

#define ENVIRONMENT_VARIABLE_MAX (64 * 1024) /* bytes of one variable, name included */

struct environment_input {
	char *const *requested;        /* KEY=value, may be NULL */
	const char *user;              /* the caller's name */
	const char *home;              /* of home_in_sandbox() */
	const char *squid_address;     /* of the way out, or NULL: no egress */
	bool host_access;              /* ports of the host are granted */
	const char *cli_proxy_address; /* of a wired cli-proxy, or NULL: no DIFC proxy */
	const char *programs;          /* what comes first in PATH, or NULL */
};

/* Makes the environment (strv, the caller owns it). With a DIFC proxy wired, GitHub tokens are left
 * out, those of the image's ENV too (a bare name, without `=`, takes a variable out); the names of
 * those that the caller had asked for are appended to *dropped (strv, the caller owns it). With
 * egress, every variable by which programs find a proxy names squid. Without a PATH of the caller's
 * there is none: the image's counts, and the engine's if it has none. */
char **environment_of_agent(const struct environment_input *in, char ***dropped) _must_check_;

/* Puts the directory of the sandbox's gh in front of an image's PATH (NULL: it has none, and the
 * engine sets one) that does not have it, unless the caller has set another. */
void environment_find_gh(char ***env, const char *image_path);

/* Whether each variable is as long as one may be. */
int environment_check(char *const *requested, struct err *e) _must_check_;

/* The caller's GITHUB_REPOSITORY if it is an `owner/name` that gh takes, else NULL. Borrowed. */
const char *environment_repository(char *const *requested);
