/* What awf-gh asks of cli-proxy. Pure. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

/* Whether gh reads its stdin with these arguments: when one is `-`, or ends in `=-` or `@-`. */
bool gh_request_wants_input(char *const *args);

/* The JSON body of POST /exec, with what cli-proxy takes from this environment. The caller owns it.
 */
char *gh_request_body(char *const *args, char *const *env, bool input) _must_check_;
