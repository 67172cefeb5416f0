/* One running gh: its process group, its three pipes. */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/stdcopy.h"
#include "containers/cli-proxy/gh-confinement.h"
#include "containers/cli-proxy/gh-launch.h"
#include "containers/cli-proxy/reaper.h"

struct gh_process;

struct gh_process_spec {
	const struct gh_confinement *confinement;
	const char *path;
	char *const *args; /* without the program's name */
	char *const *env;
	const char *directory;
	bool input; /* a pipe as stdin; else /dev/null */
	enum gh_company company;
};

/* All are called from the event loop, never from inside a function of this file. */
struct gh_process_events {
	void (*output)(enum stdcopy_type type, const void *data, size_t length, void *userdata);
	/* What was written has been taken (0), or gh reads no more (-EPIPE). */
	void (*input_done)(int error, void *userdata);
	/* It has exited and all of its output was handed over. */
	void (*ended)(const struct gh_end *end, void *userdata);
};

int gh_process_spawn(struct event_base *base, struct reaper *reaper,
		     const struct gh_process_spec *spec, const struct gh_process_events *events,
		     void *userdata, struct gh_process **ret, struct err *e) _must_check_;

/* Hands bytes to gh's stdin, emptying `data`; input_done() follows. -EPIPE when gh reads no more,
 * or was given no pipe. */
int gh_process_write(struct gh_process *p, struct evbuffer *data);

/* Ends its stdin once everything written has been taken; input_done() follows. */
int gh_process_end_input(struct gh_process *p);

/* Stops and goes on reading its output. */
void gh_process_hold_output(struct gh_process *p, bool hold);

/* Kills its process group; its unread output is dropped. ended() follows. */
void gh_process_kill(struct gh_process *p);

/* Kills it if it still runs. No callback follows. */
void gh_process_free(struct gh_process *p);
DEFINE_CLEANUP(struct gh_process, gh_process_free)
