/* The files that gh left in a call's directory of downloads, sent back one behind the other: of
 * each a line of JSON, {"path", "size", "executable"} or {"path", "directory": true}, and its
 * bytes. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

struct downloads;

/* All come from the event loop, never from inside a function of this file. */
struct downloads_events {
	void (*piece)(const void *data, size_t length, void *userdata);
	/* All was handed over, or e says what failed. */
	void (*done)(const struct err *e, void *userdata);
};

/* Begins to send what is below path; nothing there is no error. */
int downloads_start(struct event_base *base, const char *path,
		    const struct downloads_events *events, void *userdata, struct downloads **ret,
		    struct err *e) _must_check_;

/* Stops and goes on. */
void downloads_hold(struct downloads *d, bool hold);

void downloads_free(struct downloads *d);
DEFINE_CLEANUP(struct downloads, downloads_free)
