/* What the engine tells of a pull, an import or a load while it is at it: lines of JSON, of
 * https://docs.docker.com/engine/api/, POST /images/create and /images/load. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define DOCKER_PROGRESS_LINE_MAX   (64u << 10) /* bytes; the engine's have some hundred */
#define DOCKER_PROGRESS_LAYERS_MAX 256         /* an image has 128 at most */
#define DOCKER_PROGRESS_ID_LENGTH  12
#define DOCKER_PROGRESS_STATUS_MAX 100 /* bytes; longer ones are cut */

struct docker_progress;

struct docker_progress_layer {
	char id[DOCKER_PROGRESS_ID_LENGTH + 1];
	char *status;            /* in the engine's words: "Downloading" */
	uint64_t current, total; /* bytes, in this status; 0 when there is nothing to count */
	uint64_t download;       /* bytes that are, or were, to be downloaded; 0: not known yet */
	bool changed;            /* since docker_progress_settle() */
};

struct docker_progress *docker_progress_new(void) _must_check_;
void docker_progress_free(struct docker_progress *p);
DEFINE_CLEANUP(struct docker_progress, docker_progress_free)

/* Takes what came next. The first thing that is wrong stays so: -EBADMSG or -EMSGSIZE of what is no
 * such stream, -EREMOTEIO when the engine itself tells of an error; docker_progress_error() says
 * what. */
int docker_progress_feed(struct docker_progress *p, const char *data, size_t length) _must_check_;

/* The stream has ended: the same, or -EBADMSG when it broke off. */
int docker_progress_end(struct docker_progress *p) _must_check_;

/* Why it failed, for people, or NULL. */
const char *docker_progress_error(const struct docker_progress *p);

/* The layers in the order in which they were named first. */
size_t docker_progress_count(const struct docker_progress *p);
const struct docker_progress_layer *docker_progress_layer(const struct docker_progress *p,
							  size_t i);

/* Bytes to be downloaded, as far as they are known by now. */
uint64_t docker_progress_download(const struct docker_progress *p);

/* From now on no layer has changed. */
void docker_progress_settle(struct docker_progress *p);
