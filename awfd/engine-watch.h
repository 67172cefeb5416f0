/* Whether the Docker Engine answers: tells the service manager's status when it does not, and then
 * keeps asking until it does. While it answers nothing is asked and nothing ticks. */
#pragma once

#include "awfd/docker.h"
#include "awfd/notify.h"
#include "common/cleanup.h"

struct engine_watch;

/* `back` is called when the engine answers after it had not. */
struct engine_watch *engine_watch_new(struct event_base *base, struct docker *docker,
				      struct notify *notify, void (*back)(void *userdata),
				      void *userdata) _must_check_;

/* Before the engine's client is freed. */
void engine_watch_free(struct engine_watch *w);
