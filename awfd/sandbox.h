/* A sandbox: its life from Start to gone. All functions are called from the loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awfd/conn.h"
#include "awfd/denials.h"
#include "awfd/docker.h"
#include "awfd/manager.h"
#include "awfd/policy.h"
#include "proto/messages.h"

struct pool_part;
struct sandbox;
struct sandbox_list;

#define SANDBOX_ID_LENGTH 10
#define SANDBOX_CLI_PORT  11000

enum sandbox_state {
	SANDBOX_CREATING,
	SANDBOX_PREPARED, /* nobody's: it waits to be taken */
	SANDBOX_RUNNING,
	SANDBOX_DESTROYING,
	SANDBOX_EXITED, /* nothing of it is left but this record with its result */
};

enum sandbox_event {
	SANDBOX_PHASE,   /* a step of the create plan ended: news has name and time */
	SANDBOX_WAITING, /* its start waits for what news->error tells */
	SANDBOX_STARTED, /* the agent runs */
	SANDBOX_DENIED,  /* it was refused something: news->denial */
	SANDBOX_KEPT,    /* the command has ended, the rest stays until it is stopped */
	SANDBOX_OVER,    /* its job is over, the result is known and the logs are whole; the rest is
			  * being removed */
	SANDBOX_ENDED,   /* nothing is left; news->error is why it never ran, or NULL */
};

struct sandbox_news {
	const char *phase;
	int64_t elapsed_us;
	const struct err *error;
	const struct denial *denial;
	const struct err *left; /* SANDBOX_ENDED: why something of it is left, or NULL */
};

/* Checks the request (emptied on success) and makes the object, in state creating; nothing outside
 * this process is touched. ERR_INVALID_ARGUMENT and ERR_PERMISSION_DENIED name the field. */
int sandbox_new(struct manager *m, const struct peer *owner, struct start_request *request,
		struct sandbox **ret, struct err *e) _must_check_;

/* What would be permitted of such a request, whose form is checked; nothing is made. */
int sandbox_check(struct manager *m, const struct peer *owner, const struct start_request *request,
		  struct policy_decisions *ret, struct err *e) _must_check_;

/* --- Prepared ahead of any request ---------------------------------------------------------------
 */

/* Makes what such sandboxes have in common: nobody's, without any grant. It is in the list of all;
 * pool_failed() is told when it, or a part of it, fails. */
void sandbox_prepare(struct manager *m, const struct pool_part *part);

/* What was prepared, or is being prepared; NULL for a sandbox that is somebody's. */
const struct pool_part *sandbox_prepared_part(const struct sandbox *s);

/* Whether it can be taken: ready, and all its processes run. */
bool sandbox_is_ready_to_take(const struct sandbox *s);

/* Makes `prepared` a part of a new sandbox, whose id is that one's from now on; frees it. */
void sandbox_take(struct sandbox *s, struct sandbox *prepared);

/* While it is held its preparation does not go on. */
void sandbox_hold_preparation(struct sandbox *s, bool held);

/* Somebody's that is being created or destroyed at the moment. */
bool sandbox_is_busy(const struct sandbox *s);

/* What its request needs of a prepared one; config and images are the caller's to fill in. */
struct pool_part sandbox_wanted_part(const struct sandbox *s);

/* How the pool served it, for Inspect; takes the text over. */
void sandbox_set_pool(struct sandbox *s, char *text);

/* A sandbox of which only the id is known: leftovers to be destroyed. */
struct sandbox *sandbox_new_leftover(struct manager *m, const char *id) _must_check_;

/* Runs the create plan. With `lease`, the sandbox is destroyed when that connection ends. */
void sandbox_create(struct sandbox *s, struct conn *lease);

/* Gives the lease of one whose client's connection went with an earlier awfd to that client's new
 * connection. ERR_INVALID_ARGUMENT when there is none to give. */
int sandbox_lease_renew(struct sandbox *s, struct conn *client, struct err *e) _must_check_;

/* What an earlier awfd left and noted: objects, so far with nothing but what is in their state
 * files and the pidfds of their processes. What cannot be loaded is for reconcile.h. */
void sandbox_load_all(struct manager *m);

/* Goes on with the loaded ones: those that are whole run on, the others are destroyed. */
void sandbox_adopt_all(struct manager *m);

/* Ends it, from any state; reason says why, NULL after its command ended by itself. Idempotent. */
void sandbox_destroy(struct sandbox *s, const char *reason);

/* Sends the signal, waits grace_ms for the command to end, and destroys the sandbox. Of one
 * whose job is over nobody wants the result any more. */
void sandbox_stop(struct sandbox *s, const char *signal, int64_t grace_ms);

/* Ends it if its command does not run yet. */
void sandbox_give_up(struct sandbox *s, const char *reason);

/* Watches until SANDBOX_ENDED was told or sandbox_unwatch(); the handle stays valid until then. */
struct sandbox_watch;
typedef void (*sandbox_watch_fn)(struct sandbox *s, enum sandbox_event event,
				 const struct sandbox_news *news, void *userdata);
struct sandbox_watch *sandbox_watch(struct sandbox *s, sandbox_watch_fn fn,
				    void *userdata) _must_check_;
void sandbox_unwatch(struct sandbox_watch *w);

/* The sandbox that is watched, or NULL when there is none any more. */
struct sandbox *sandbox_watched(const struct sandbox_watch *w);

/* The agent's stream: the one opened before it started if nobody took it, else a new one. fn is
 * called once, from the loop, with a descriptor (taken over by fn) or an error. The stream is shut
 * down when the client's connection ends. */
typedef void (*sandbox_attach_fn)(int fd, const struct err *e, void *userdata);
struct sandbox_attach;
struct sandbox_attach *sandbox_attach(struct sandbox *s, struct conn *client, sandbox_attach_fn fn,
				      void *userdata) _must_check_;
void sandbox_attach_cancel(struct sandbox_attach *a);

/* Gives the terminal of its running command a size, in characters. */
struct docker_call *sandbox_resize(struct sandbox *s, unsigned width, unsigned height,
				   docker_reply_fn fn, void *userdata) _must_check_;

/* "creating", "prepared", "running", "destroying", "exited". */
const char *sandbox_state_name(enum sandbox_state state);

const char *sandbox_id(const struct sandbox *s);
uid_t sandbox_owner(const struct sandbox *s);
enum sandbox_state sandbox_state(const struct sandbox *s);
bool sandbox_is_kept(const struct sandbox *s); /* running, but its command has ended */
/* Why not everything of it could be removed yet, or NULL. */
const char *sandbox_left(const struct sandbox *s);
bool sandbox_is_over(const struct sandbox *s); /* what is left of it, if anything, is no job */
bool sandbox_tty(const struct sandbox *s);
char *const *sandbox_dropped_environment(const struct sandbox *s);

/* Why it has no workspace although it could have one, or NULL. The caller owns it. */
char *sandbox_no_workspace(const struct sandbox *s) _must_check_;

/* What it was granted, as the audit log has it. The caller owns it. */
struct json_object *sandbox_grants(const struct sandbox *s) _must_check_;

/* Adds a record to the sandbox's own audit log, which its owner can read, while it has one. */
void sandbox_audit(struct sandbox *s, struct json_object *record);

/* What it was refused; also after it has exited. */
const struct denials *sandbox_denials(struct sandbox *s);

/* Counts a refusal and tells the watchers. */
void sandbox_denied(struct sandbox *s, const struct denial *attempt);

/* The host's table dropped a packet: of the sandbox whose squid has its source address, if any. */
struct nflog_packet;
void sandbox_host_packet_dropped(struct manager *m, const struct nflog_packet *packet);

/* Its place in the host's table, or NULL while it has none. */
struct nft_squid;
const struct nft_squid *sandbox_squid(const struct sandbox *s);

/* Its relay's, also one that is yet to be gone on with, or 0. */
pid_t sandbox_relay_pid(const struct sandbox *s);

/* An interface of the host changed, or any may have (LINK_WATCH_ALL): what it means for squids. */
void sandbox_bridge_changed(struct manager *m, unsigned index);

/* The network is there, or cannot be made: squids that were cut off are on it again, or their
 * sandboxes end. They wait for an engine that is away. */
void sandbox_bridge_network_made(struct manager *m, const struct err *e);

/* Whether squids are plugged into the bridge. */
bool sandbox_bridge_is_used(struct manager *m);

/* Fills a zeroed message; its strings are the caller's (fields_clear()). */
void sandbox_describe(const struct sandbox *s, struct sandbox_info *ret);

/* Its mounts as they were asked for (strv, the caller's), which can be long; NULL without any. */
char **sandbox_mounts_asked(const struct sandbox *s) _must_check_;
char *sandbox_log_directory(const struct sandbox *s) _must_check_;

/* What it does, in numbers; what its command uses is absent. */
void sandbox_describe_stats(const struct sandbox *s, struct stats_info *ret);

/* Asks the engine about the command's container as docker_container_inspect() does, or not at all
 * (NULL) when no command runs. */
struct docker_call *sandbox_ask_container(struct sandbox *s, docker_reply_fn fn,
					  void *userdata) _must_check_;

/* Adds what there is of it to the metrics. */
struct metrics_now;
void sandbox_add_metrics(const struct sandbox *s, struct metrics_now *now);

/* That of a sandbox that awfd does not know any more, whose logs are this user's; NULL when there
 * is none. */
char *sandbox_log_directory_of_gone(const struct manager *m, const char *id,
				    uid_t owner) _must_check_;
char **sandbox_masked(const struct sandbox *s) _must_check_;
struct step_info **sandbox_describe_steps(const struct sandbox *s) _must_check_;
void sandbox_result(const struct sandbox *s, struct wait_reply *ret);

/* --- All sandboxes -----------------------------------------------------------------------------
 */

struct sandbox_list *sandbox_list_new(void) _must_check_;
void sandbox_list_free(struct sandbox_list *l);
struct sandbox *sandbox_find(struct manager *m, const char *id);
struct sandbox *sandbox_first(struct manager *m);
struct sandbox *sandbox_next(struct sandbox *s);
unsigned sandbox_count_alive(struct manager *m); /* somebody's, and not exited */
