/* One container of a sandbox: brought up in several engine calls, known by pidfd while it runs. */
#pragma once

#include <stdbool.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "awfd/docker-container.h"

/* Called once, from the loop, unless container_cancel() came first. */
typedef void (*container_done_fn)(void *userdata, unsigned step, const struct err *e);

struct container {
	struct docker *docker;
	char *name;
	char *id;  /* the engine's, once it is made; NULL of one that an earlier awfd made */
	int pidfd; /* of its first process once it runs */
	pid_t pid;
	struct docker_call *call; /* the one under way */
	container_done_fn done;
	void *userdata;
	unsigned step;
	bool then_start;
	struct event *exit; /* of its first process, when that is watched */
	void (*exit_fn)(struct container *c, void *userdata);
	void *exit_userdata;
	int candidate; /* pidfd that the second look has not confirmed yet */
};

void container_init(struct container *c, struct docker *docker, const char *name);

/* Creates it (spec is borrowed) and, with `start`, starts it and learns its pidfd: opened by pid,
 * then confirmed by a second look (same pid, still running), so that it cannot name another
 * process. */
void container_up(struct container *c, struct json_object *spec, bool start, container_done_fn done,
		  void *userdata, unsigned step);

/* Starts one that was created and does not look at it. */
void container_start(struct container *c, container_done_fn done, void *userdata, unsigned step);

/* Kills and removes it; not there is success. */
void container_remove(struct container *c, container_done_fn done, void *userdata, unsigned step);

/* Calls fn once when the running container's first process has ended, until it is removed. */
void container_watch_exit(struct container *c, struct event_base *base,
			  void (*fn)(struct container *c, void *userdata), void *userdata);

/* Whether its first process has ended or is about to, also when nobody was told yet. */
bool container_is_ending(const struct container *c);

/* Kills its first process, if it runs, and waits for the end, without the engine. Its connections
 * are closed by then; what the engine lent it is not given back yet. Ends with `done` like the
 * others, but at once (true, and no `done`) when nothing runs. */
bool container_end(struct container *c, struct event_base *base, container_done_fn done,
		   void *userdata, unsigned step) _must_check_;

/* Makes `to` what `from` is, which has no call under way, and gives `from` a new beginning. Its
 * exit is not watched any more. */
void container_move(struct container *to, struct container *from);

void container_cancel(struct container *c);
void container_clear(struct container *c);
