/* Images that come to the engine: pulled from a registry, imported as a root, or loaded from an
 * archive of several. No credentials are passed: a registry is asked as anybody is. */
#pragma once

#include <stdint.h>

#include "awfd/docker-http.h"
#include "awfd/docker-progress.h"
#include "awfd/docker.h"

struct docker_pull;

struct docker_pull_spec {
	const char *reference;               /* NAME:TAG or NAME@sha256:HEX; NULL: load */
	const struct docker_http_file *file; /* a root to import, or images to load; NULL: pull */
	const char *label;                   /* KEY=VALUE of what is imported, or NULL */
	uint64_t download_max;               /* bytes of all layers together */
	uint64_t timeout_s;
};

struct docker_pull_events {
	/* There is news of the layers; called some times in a second at most. */
	void (*progress)(const struct docker_progress *p, void *userdata);
	/* The end, once, with e NULL when the image is there. The handle is no longer valid. */
	void (*ended)(const struct err *e, void *userdata);
};

/* All from the loop. The spec is borrowed for the call, the file's descriptor until the end. */
struct docker_pull *docker_pull_start(struct docker *d, const struct docker_pull_spec *spec,
				      const struct docker_pull_events *events,
				      void *userdata) _must_check_;

/* Has the engine give it up; nothing is called any more. NULL is allowed. */
void docker_pull_cancel(struct docker_pull *p);

/* The engine's reason, and behind it what to do about those reasons that are known. The caller owns
 * it. */
char *docker_pull_explain(const char *reason) _must_check_;
