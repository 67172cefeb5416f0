/* What an image says of itself, as far as awfd acts on it. Handles and callbacks as in docker.h. */
#pragma once

#include <stdbool.h>

#include "awfd/docker.h"

struct docker_image {
	char *id;       /* "sha256:…": the image itself, whatever becomes of its name */
	char *path;     /* of its ENV, or NULL */
	char **volumes; /* absolute paths, as the engine cleans them; NULL: none */
};

/* That of a reference, which is on the host already or an error. */
struct docker_call *docker_image_inspect(struct docker *d, const char *reference,
					 docker_reply_fn fn, void *userdata) _must_check_;

/* Reads an Inspect answer. ERR_ENGINE when it is none, or the image cannot be used. */
int docker_image_parse(struct json_object *body, struct docker_image *ret,
		       struct err *e) _must_check_;

/* Whether an Inspect answer says that a registry knows the image by that digest. */
bool docker_image_has_digest(struct json_object *body, const char *digest);
void docker_image_clear(struct docker_image *image);
