/* What brings images to the engine: each one once, however many wait for it, one of each user's at
 * a time, and a few at once. What nobody waits for any more is given up. */
#pragma once

#include <sys/types.h>

#include "awfd/docker-progress.h"
#include "awfd/manager.h"

struct image_pulls;
struct image_pull_wait;

struct image_pull_events {
	/* News of the layers, of all of them the first time. Must not leave any. */
	void (*progress)(const struct docker_progress *p, bool all, void *userdata);
	/* The end, once, with the image's id, or with e. The handle is no longer valid. */
	void (*ended)(const char *id, const struct err *e, void *userdata);
};

struct image_pulls *image_pulls_new(struct manager *m) _must_check_;

/* Nobody waits any more. */
void image_pulls_free(struct image_pulls *pulls);

/* Waits for an image, which is not there yet or is to be as the registry has it; whoever may not
 * have it does not call this. Those that awfd came with are imported from their archives. The
 * events come from the loop, never from inside. */
int image_pulls_join(struct image_pulls *pulls, const char *reference, uid_t uid,
		     const struct image_pull_events *events, void *userdata,
		     struct image_pull_wait **ret, struct err *e) _must_check_;

/* Nothing is called any more. NULL is allowed. */
void image_pulls_leave(struct image_pull_wait *w);
