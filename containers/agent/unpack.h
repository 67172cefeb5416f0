/* The files that cli-proxy sends back, put where the agent wants its downloads. Nothing outside of
 * that directory is touched, and no link in it is followed. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/arguments.h"

struct unpack;

/* The directory is what the arguments say, and made when the first file comes. */
struct unpack *unpack_new(const struct gh_arguments *a) _must_check_;
void unpack_free(struct unpack *u);
DEFINE_CLEANUP(struct unpack, unpack_free)

/* Takes the next bytes. */
int unpack_feed(struct unpack *u, const char *data, size_t length, struct err *e) _must_check_;

/* 0 when the last file is whole. */
int unpack_end(struct unpack *u, struct err *e) _must_check_;
