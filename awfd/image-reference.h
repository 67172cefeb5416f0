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

/* Whether a registry can be asked for a reference of that form: NAME:TAG or NAME@sha256:HEX, in
 * which everything is what it seems. */
bool image_reference_is_pullable(const char *reference);

/* "sha256:HEX" of NAME@sha256:HEX, borrowed, or NULL. */
const char *image_reference_digest(const char *reference);

/* Whether it is one of the images that awfd comes with, whose names are nobody else's. */
bool image_reference_is_own(const char *reference);

/* Words of where images come from: a registry (`ghcr.io`, `localhost:5000`) or the beginning of
 * names there (`ghcr.io/team`). Names without a registry are those of docker.io, as with docker. */
bool image_reference_is_origin(const char *word);
bool image_reference_comes_from(const char *word, const char *reference);
