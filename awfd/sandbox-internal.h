/* The body of a sandbox, for the files named sandbox-*.c only. */
#pragma once

#include <sys/queue.h>
#include <sys/socket.h>

#include "awfd/difc-address.h"
#include "awfd/difc-probe.h"
#include "awfd/docker-attach.h"
#include "awfd/docker-spec.h"
#include "awfd/plan.h"
#include "awfd/relay-proc.h"
#include "awfd/sandbox-container.h"
#include "awfd/sandbox.h"

#define SANDBOX_STREAMS_MAX  8 /* attached clients at once */
#define SANDBOX_STEPS_MAX    PLAN_STEPS_MAX
#define SANDBOX_HOST_SQUID   10
#define SANDBOX_HOST_AGENT   20
#define SANDBOX_HOST_CLI     50
#define SANDBOX_CLI_PORT     11000
#define SANDBOX_LISTENER_MAX 2 /* 127.0.0.1 and ::1 */

struct sandbox_watch {
	struct sandbox *sandbox; /* NULL once it is gone */
	sandbox_watch_fn fn;
	void *userdata;
	bool dead; /* unwatched while being told */
	LIST_ENTRY(sandbox_watch) entry;
};

/* A duplicate of one stream, kept to shut it down. */
struct sandbox_stream {
	int fd;                    /* -EBADF: the place is free */
	struct conn_watch *client; /* of the connection that it was passed to */
};

struct step_record {
	const char *name;
	enum plan_step_state state;
	int64_t elapsed_us;
};

struct sandbox {
	struct manager *manager;
	char id[SANDBOX_ID_LENGTH + 1];
	enum sandbox_state state;
	struct peer owner;
	struct start_request request;
	char **environment; /* the agent's, complete */
	char **dropped;     /* names of variables that were not passed on */
	char *image;
	int64_t created_s; /* wall clock, UTC */
	char *directory;

	bool has_difc;
	struct difc_address difc;
	struct sockaddr_storage difc_target; /* what the probe reached */
	bool difc_target_known;

	struct container containers[DOCKER_ROLE_COUNT];
	struct difc_probe *probe;
	struct docker_attach *attach;
	struct relay_proc *relay;
	int listeners[SANDBOX_LISTENER_MAX];
	unsigned listener_count;
	struct event *ready_event; /* of the connection attempt to cli-proxy */
	struct event *ready_retry;
	int ready_fd;
	unsigned ready_delay_ms;

	int stream;                         /* opened before the start, not yet taken */
	struct sandbox_stream *kept_stream; /* its duplicate */
	struct sandbox_stream streams[SANDBOX_STREAMS_MAX];

	struct plan *plan;
	bool destroying;                             /* the plan is the destroy plan */
	struct step_record steps[SANDBOX_STEPS_MAX]; /* of the create plan, when it has ended */
	unsigned step_count;
	struct docker_call *wait;
	struct event *wait_retry;
	unsigned wait_failures;
	struct docker_call *signal;
	struct event *stop_timer;
	struct event *retry_timer;
	unsigned retry_s;

	struct denials *denials;

	struct err error; /* why it never ran */
	int exit_code;
	bool oom_killed;
	bool command_ended;
	char *reason;
	bool leftover; /* of an earlier awfd: nobody wants its result */
	bool leased;
	struct conn_watch *lease;
	unsigned telling; /* watchers are being called: free later */
	bool free_pending;

	LIST_HEAD(, sandbox_watch) watches;
	LIST_ENTRY(sandbox) entry;
};

/* sandbox.c */
void sandbox_tell(struct sandbox *s, enum sandbox_event event, const struct sandbox_news *news);
void sandbox_set_state(struct sandbox *s, enum sandbox_state state);
void sandbox_command_ended(struct sandbox *s, int exit_code, bool oom_killed);
void sandbox_created(struct sandbox *s, const struct err *e);
/* Ends it because a part of it failed: the exit code is awfd's, 125. */
void sandbox_fail(struct sandbox *s, const char *reason);
void sandbox_gone(struct sandbox *s, const struct err *e);

/* sandbox-attach.c */
int sandbox_keep_stream(struct sandbox *s, int fd, struct sandbox_stream **ret) _must_check_;
void sandbox_drop_stream(struct sandbox_stream *stream);
void sandbox_shutdown_streams(struct sandbox *s);

/* sandbox-create.c, sandbox-destroy.c */
struct plan *sandbox_create_plan(struct sandbox *s) _must_check_;
void sandbox_on_wait_retry(evutil_socket_t fd, short what, void *userdata);
struct plan *sandbox_destroy_plan(struct sandbox *s) _must_check_;
unsigned sandbox_create_plan_length(void);
const char *sandbox_create_plan_step(unsigned step);

/* sandbox-dirs.c */
int sandbox_dirs_make(struct sandbox *s, struct err *e) _must_check_;
int sandbox_dirs_remove(struct sandbox *s, struct err *e) _must_check_;
char *sandbox_dirs_ca_bundle(const struct sandbox *s) _must_check_;

/* sandbox-state.c */
int sandbox_state_save(struct sandbox *s, struct err *e) _must_check_;
int sandbox_state_remove(struct sandbox *s, struct err *e) _must_check_;
