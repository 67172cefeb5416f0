/* What the engine's answers say about a host: the engine itself, what it can confine containers by,
 * the images and the network. Pure. */
#pragma once

#include <json-c/json.h>

#include "awfd/docker-network.h"
#include "common/err.h"
#include "proto/findings.h"

#define DIAGNOSIS_ENGINE  "engine"
#define DIAGNOSIS_CONFINE "confinement"
#define DIAGNOSIS_IMAGE   "image"
#define DIAGNOSIS_NETWORK "network"

/* From the answers to GET /version and GET /info. */
void diagnosis_engine_itself(struct findings *f, const char *socket, struct json_object *version,
			     struct json_object *info);

/* It did not answer so. */
void diagnosis_engine_away(struct findings *f, const struct err *e);

/* From the answer to GET /info. */
void diagnosis_engine_confinement(struct findings *f, struct json_object *info);

/* An image that awfd.conf names, from the answer to its GET; with NULL it is not there. For one
 * that only some sandboxes need that is a warning. */
void diagnosis_engine_image(struct findings *f, const char *reference, const char *for_whom,
			    struct json_object *image);

/* From the answer to GET /networks. */
void diagnosis_engine_network(struct findings *f, const struct docker_network_spec *spec,
			      struct json_object *networks);
