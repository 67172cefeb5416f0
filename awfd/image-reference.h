/* References of container images as users write them, and the operator's patterns of them. Pure. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

/* In the one form that is compared and that the engine gets: NAME:TAG (`latest` when there is
 * none), NAME@sha256:HEX (a tag before it means nothing), or sha256:HEX for the id of an image. So
 * nothing can be an abbreviated id. The caller owns it. */
char *image_reference_normalize(const char *text) _must_check_;

/* The word for no image, but the host's own programs: its normal form is itself, and no pattern but
 * itself means it. An image of that name is written with a tag. */
#define IMAGE_REFERENCE_HOST "host"
bool image_reference_is_host(const char *text);

/* Whether a reference of that form is meant by the pattern, in which `*`, `?` and `[...]` are any
 * text but `/`, as in glob(7). Without a tag the pattern is of `latest`; one of tags is not one of
 * digests, and @sha256:HEX is any name with that digest. */
bool image_reference_matches(const char *pattern, const char *reference);
