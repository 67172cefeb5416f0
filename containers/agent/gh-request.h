/* What awf-gh asks of cli-proxy. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct gh_request {
	char *const *args;
	char *const *env;
	unsigned columns;      /* of the terminal that stdout is, or 0 */
	const uint64_t *files; /* the sizes of those that will be sent */
	size_t file_count;
	bool input; /* stdin will be sent */
};

/* The JSON body of POST /exec, with what cli-proxy takes from this environment. The caller owns it.
 */
char *gh_request_body(const struct gh_request *request) _must_check_;
