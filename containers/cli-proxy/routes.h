/* What the proxy serves: GET /health, POST /exec, POST /exec/ID/stdin. */
#pragma once

#include <event2/http.h>

#include "containers/cli-proxy/calls.h"

struct routes {
	struct calls *calls;
	struct access_log *log;
	const struct settings *settings;
};

/* Sets the server up to answer by these routes, which have to live as long. */
void routes_install(struct evhttp *http, struct routes *routes);
