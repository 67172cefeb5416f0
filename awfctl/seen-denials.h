/* Which refusals were shown already: an awfd that is restarted tells all there were again. */
#pragma once

#include <stdbool.h>

#include "proto/messages.h"

struct seen_denials;

struct seen_denials *seen_denials_new(void) _must_check_;
void seen_denials_free(struct seen_denials *s);
DEFINE_CLEANUP(struct seen_denials, seen_denials_free)

#define _cleanup_seen_denials_ _cleanup_(seen_denials_freep)

/* Notes it. Whether there was another attempt since the same was noted last. */
bool seen_denials_add(struct seen_denials *s, const struct denial_info *d);
