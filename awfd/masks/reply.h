/* What awf-mount-masks is started with, and what it tells: a message for each credential that it
 * found in a mount, with a descriptor of it, and one at the end. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"

/* Its descriptors from 3: of the sources, as many as its only argument says, and of their mounts.
 */
#define MASKS_FIRST_FD 3

#define MASKS_MAX       256 /* credentials in all mounts of a sandbox */
#define MASKS_PATH_SIZE 512

enum masks_reply_kind {
	MASKS_REPLY_FOUND,  /* in a mount: the descriptor, in that mount, comes along */
	MASKS_REPLY_NAMED,  /* a mount's source is one, or is in one: nothing to mask */
	MASKS_REPLY_END,    /* all were told */
	MASKS_REPLY_FAILED, /* they could not be looked for; error says why: ESTALE that something
			       was moved meanwhile, E2BIG that there are too many */
	MASKS_REPLY_KINDS,
};

struct masks_reply {
	int32_t kind;
	int32_t error;              /* errno, or 0 */
	uint32_t mount;             /* which, from 0 */
	char path[MASKS_PATH_SIZE]; /* of the credential, cut when it is longer */
};
