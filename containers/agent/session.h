/* One gh call through cli-proxy, from the request to gh's exit code. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/agent/proxy-url.h"

/* Runs gh with these arguments; its output goes to this process's stdout and stderr, its input, if
 * the arguments ask for any, comes from stdin. gh's exit code, or a negative errno with e set. */
int session_run(const struct proxy_url *url, char *const *args, char *const *env,
		struct err *e) _must_check_;
