/* The upstreams of a relay, by the names of the listening sockets that they are for. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "awfd/relay/upstream.h"

struct upstreams;

/* Makes one upstream of each text, see upstream_new(); no two may have the same name, or none. */
int upstreams_new(char *const *texts, struct upstreams **ret, struct err *e) _must_check_;

size_t upstreams_count(const struct upstreams *all);

/* The upstream for sockets of this name, or NULL. */
struct upstream *upstreams_find(const struct upstreams *all, const char *name);

void upstreams_free(struct upstreams *all);

DEFINE_CLEANUP(struct upstreams, upstreams_free)
