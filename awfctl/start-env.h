/* The environment that a command line asks for: of -e, of files, and of awfctl itself. */
#pragma once

#include "awfctl/options.h"
#include "proto/messages.h"

/* Sets the request's environment. -e wins over --env-file, and that over --env-all; --exclude-env
 * takes out what came by the latter two. Says on standard error what was held back as a secret. */
int start_env_build(const struct options *o, struct start_request *request,
		    struct err *e) _must_check_;
