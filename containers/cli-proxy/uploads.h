/* The files that an agent sends for one call: received one behind the other, each into a directory
 * of its own, under the name that it has with the agent. */
#pragma once

#include <event2/buffer.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/arguments.h"

struct uploads;

/* Prepares for the files that the arguments name, of these sizes, in the call's directory. */
int uploads_new(const struct gh_arguments *a, const char *directory, const uint64_t *sizes,
		struct uploads **ret, struct err *e) _must_check_;

/* Takes from data what belongs to the files. 1 when all of them are whole, 0 when more is to come.
 */
int uploads_take(struct uploads *u, struct evbuffer *data, struct err *e) _must_check_;

void uploads_free(struct uploads *u);
DEFINE_CLEANUP(struct uploads, uploads_free)
