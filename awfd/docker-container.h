/* Operations on containers, one engine call each. Handles and callbacks as in docker.h. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "awfd/docker.h"

/* What Inspect says that awfd acts on. Parsed from the answer; `id` borrowed from it. */
struct docker_container_state {
	const char *id;
	pid_t pid; /* 0 when it does not run */
	bool running;
	bool oom_killed;
	int exit_code;
};

/* Creates a container of that name from a spec (docker-spec.h). 409 (name in use) is an error. */
struct docker_call *docker_container_create(struct docker *d, const char *name,
					    struct json_object *spec, docker_reply_fn fn,
					    void *userdata) _must_check_;
struct docker_call *docker_container_start(struct docker *d, const char *name, docker_reply_fn fn,
					   void *userdata) _must_check_;
struct docker_call *docker_container_inspect(struct docker *d, const char *name, docker_reply_fn fn,
					     void *userdata) _must_check_;

/* Long poll until the container, which was started, has ended; answered at once when it has
 * already. (One that was not started yet counts as ended.) */
struct docker_call *docker_container_wait(struct docker *d, const char *name, docker_reply_fn fn,
					  void *userdata) _must_check_;

/* Signal by name or number. Not running (409) and not there (404) are success. */
struct docker_call *docker_container_kill(struct docker *d, const char *name, const char *signal,
					  docker_reply_fn fn, void *userdata) _must_check_;

/* The size of its terminal, in characters. Not running (409) is an error. */
struct docker_call *docker_container_resize(struct docker *d, const char *name, unsigned width,
					    unsigned height, docker_reply_fn fn,
					    void *userdata) _must_check_;

/* Whether the container has a file of that path; status 404 says that it has not. The container
 * must have no mounts whose sources are gone. */
struct docker_call *docker_container_look(struct docker *d, const char *name, const char *path,
					  docker_reply_fn fn, void *userdata) _must_check_;

/* Removes by force, with its anonymous volumes. Not there is success; "removal in progress" too. */
struct docker_call *docker_container_remove(struct docker *d, const char *name, docker_reply_fn fn,
					    void *userdata) _must_check_;

/* All containers, running or not, that carry the label. */
struct docker_call *docker_container_list(struct docker *d, const char *label, docker_reply_fn fn,
					  void *userdata) _must_check_;

/* Reads an Inspect answer. -EBADMSG with ERR_ENGINE when the fields are not there. */
int docker_container_parse(struct json_object *body, struct docker_container_state *ret,
			   struct err *e) _must_check_;

/* The whole id in an answer of Inspect or Create, borrowed from it, or NULL. */
const char *docker_container_parse_id(struct json_object *body);

/* The StatusCode of a Wait answer; error in it is ERR_ENGINE. */
int docker_container_parse_wait(struct json_object *body, int *exit_code,
				struct err *e) _must_check_;
