/* One gh call through cli-proxy, from the request to gh's exit code. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/agent/proxy-url.h"
#include "containers/agent/sources.h"
#include "containers/agent/unpack.h"

/* All borrowed. */
struct session_call {
	const struct proxy_url *url;
	const char *body; /* of POST /exec */
	struct sources *sources;
	struct unpack *unpack; /* NULL when nothing is downloaded */
};

/* Runs gh; its output goes to this process's stdout and stderr, its files and its input come from
 * the sources. gh's exit code, or a negative errno with e set. */
int session_run(const struct session_call *call, struct err *e) _must_check_;
