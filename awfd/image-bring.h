/* The images that somebody needs, one after the other: looked for, and what is missing, or is to be
 * brought up to date, brought to the engine if the operator permits it. */
#pragma once

#include <sys/types.h>

#include "awfd/docker-progress.h"
#include "awfd/manager.h"
#include "awfd/policy.h"

/* When a start has images brought. */
enum image_when { IMAGE_NEVER, IMAGE_MISSING, IMAGE_ALWAYS };

/* -EINVAL when the text is none of never, missing and always. */
int image_when_parse(const char *text, enum image_when *ret) _must_check_;

enum image_origin { IMAGE_WAS_THERE, IMAGE_IMPORTED, IMAGE_PULLED, IMAGE_LOADED };

const char *image_origin_name(enum image_origin origin);

struct image_need {
	char *reference; /* normal */
	bool refresh;    /* a registry is asked also when it is there */
	enum image_origin origin;
	char *id; /* known in the end */
};

struct image_needs {
	struct image_need *list;
	size_t count;
};

/* Adds one, unless it is in the list already. */
void image_needs_add(struct image_needs *needs, const char *reference, bool refresh);
void image_needs_clear(struct image_needs *needs);

/* Whether a registry would be asked for it. */
bool image_need_has_registry(const struct image_need *need);

struct image_bring_ask {
	uid_t uid;
	const struct policy *policy; /* the user's, lent until the end; root's does not count */
	const char *field;           /* of the request, for what is refused */
};

struct image_bring_events {
	/* It is being brought now, or p has news of its layers (of all of them, if so). */
	void (*news)(const struct image_need *need, const struct docker_progress *p, bool all,
		     void *userdata);
	/* The end, once; the handle is no longer valid. */
	void (*ended)(const struct image_needs *needs, const struct err *e, void *userdata);
};

struct image_bring;

/* Takes the needs over. Events come from the loop, never from inside. */
struct image_bring *image_bring_start(struct manager *m, const struct image_bring_ask *ask,
				      struct image_needs *needs,
				      const struct image_bring_events *events,
				      void *userdata) _must_check_;

/* Nothing is called any more. NULL is allowed. */
void image_bring_cancel(struct image_bring *b);
