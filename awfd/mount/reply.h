/* What awf-mount-open tells of each path, in a message of its own, with the descriptor of what it
 * opened. */
#pragma once

#include <stdint.h>

/* How far it came with a path. */
enum mount_reply_step {
	MOUNT_REPLY_OPENED, /* all the way: the descriptor comes along */
	MOUNT_REPLY_OPEN,   /* it could not be opened */
	MOUNT_REPLY_TYPE,   /* it is neither a directory nor a regular file */
	MOUNT_REPLY_READ,   /* it may not be read */
	MOUNT_REPLY_WRITE,  /* it may not be written, as was asked for */
	MOUNT_REPLY_STEPS,
};

struct mount_reply {
	int32_t step;
	int32_t error; /* errno, or 0 */
};

/* How awf-mount-open is asked: the mode, then the path. */
#define MOUNT_ASK_READ  "ro:"
#define MOUNT_ASK_WRITE "rw:"

/* In front of that: to be gone on after if it may not be had. */
#define MOUNT_ASK_OPTIONAL "optional-"
