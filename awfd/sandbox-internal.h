/* The body of a sandbox, for the files named sandbox-*.c only. */
#pragma once

#include <sys/queue.h>
#include <sys/socket.h>

#include "awfd/difc-address.h"
#include "awfd/difc-probe.h"
#include "awfd/docker-attach.h"
#include "awfd/docker-image.h"
#include "awfd/docker-spec.h"
#include "awfd/egress.h"
#include "awfd/image-bring.h"
#include "awfd/job-limits.h"
#include "awfd/log-tail.h"
#include "awfd/mount-masks.h"
#include "awfd/mount-open.h"
#include "awfd/mount-spec.h"
#include "awfd/nflog.h"
#include "awfd/nft.h"
#include "awfd/plan.h"
#include "awfd/pool.h"
#include "awfd/process.h"
#include "awfd/relay-proc.h"
#include "awfd/relay-targets.h"
#include "awfd/sandbox-container.h"
#include "awfd/sandbox-counter.h"
#include "awfd/sandbox.h"
#include "awfd/start-queue.h"
#include "common/counters.h"
#include "common/log.h"

/* squid's way out, in its namespace; the other links are named after who is there. */
#define SANDBOX_LINK_EGRESS "eth0"

#define SANDBOX_STREAMS_MAX 8 /* attached clients at once */
#define SANDBOX_STEPS_MAX   PLAN_STEPS_MAX
#define SANDBOX_HOST_HOST   1 /* granted host ports, on the agent's own loopback */
#define SANDBOX_HOST_SQUID  10
#define SANDBOX_HOST_AGENT  20
#define SANDBOX_HOST_CLI    50
#define SANDBOX_SQUID_PORT  3128
#define SANDBOX_CLI_ID      65532 /* whom they run as in their images */
#define SANDBOX_SQUID_ID    65533

#define SANDBOX_DIFC_LISTENERS 2 /* 127.0.0.1 and ::1 */
#define SANDBOX_SIDECARS       2 /* cli-proxy and squid */

struct sandbox_watch {
	struct sandbox *sandbox; /* NULL once it is gone */
	sandbox_watch_fn fn;
	void *userdata;
	bool dead; /* unwatched while being told */
	LIST_ENTRY(sandbox_watch) entry;
};

/* A duplicate of one stream, kept to shut it down. */
struct sandbox_stream {
	struct sandbox *sandbox;
	int fd;                    /* -EBADF: the place is free */
	struct conn_watch *client; /* of the connection that it was passed to */
	bool stored;               /* the service manager has it, too */
};

struct step_record {
	const char *name;
	enum plan_step_state state;
	int64_t elapsed_us;
};

/* A connection attempt to a sidecar (sandbox-ready.c). */
struct ready {
	struct sandbox *sandbox;
	struct sockaddr_in address;
	struct event *event;
	struct event *retry;
	int fd;
};

/* The names of a relay's upstreams, and the one by which the agent knows the host. */
#define SANDBOX_RELAY_DIFC      "difc"
#define SANDBOX_RELAY_HOST      "host"
#define SANDBOX_RELAY_HOST_NAME "host.docker.internal"

enum sandbox_log_kind {
	SANDBOX_LOG_SQUID,
	SANDBOX_LOG_GH,
	SANDBOX_LOG_RELAY,
	SANDBOX_LOG_FIREWALL,
	SANDBOX_LOG_AUDIT,
	SANDBOX_LOG_COUNT,
};

struct sandbox_log {
	int fd;
	int64_t size;
	uint64_t lost;         /* lines that could not be written */
	struct log_tail *tail; /* of what a sidecar or the relay writes; or NULL */
};

struct sandbox {
	struct manager *manager;
	struct config *config; /* as it was when the sandbox was asked for */
	char id[SANDBOX_ID_LENGTH + 1];
	enum sandbox_state state;
	struct peer owner;
	struct quota_charge charge;
	struct start_request request;
	char **environment; /* the agent's, complete */
	char **dropped;     /* names of variables that were not passed on */
	char *image;
	struct docker_image image_content; /* what is created from it: the image as it was found */
	struct docker_call *image_call;
	enum image_when pull; /* when images are brought */
	struct image_bring *bring;
	char *user;                     /* the owner's name */
	char *home;                     /* the owner's, in the agent */
	int64_t created_s;              /* wall clock, UTC */
	uint64_t created_ms;            /* by clock_ms() */
	struct json_object **audit_due; /* records from before its log was opened */
	size_t audit_due_count;
	char *directory;

	bool has_difc;
	bool has_redirects; /* artifact storage that cli-proxy is redirected to */
	struct difc_address difc;
	uint64_t difc_wait_ms;
	uint64_t difc_wait_end; /* by clock_ms() */
	bool waits_for_difc;

	struct mount_specs mounts;
	struct mount_open *mount_open;
	struct mount_masks *mount_masks;
	char **masked;           /* credentials in the mounts that are out of reach; each once */
	char *workspace_refusal; /* why the current directory is none; or NULL */
	struct policy *policy;   /* the owner's; NULL of a leftover */
	struct job_limits limits;

	struct egress egress;
	struct resolve *resolve;
	struct docker_network_ensure *network;
	struct nft_squid squid; /* its place in the host's table; points into squid_targets */
	struct sockaddr_storage *squid_targets;
	bool squid_known;
	unsigned squid_port; /* index of the host's end of its way to the bridge; 0: none */
	struct background *squid_removal; /* of that */
	bool squid_is_cut;                /* from the bridge, which is being made anew */
	struct sandbox_log logs[SANDBOX_LOG_COUNT];
	uint64_t *counters; /* by enum sandbox_counter; NULL: not counted */
	bool settled;       /* they are in the metrics of what is gone */
	struct nflog *nflogs[DOCKER_ROLE_COUNT];

	struct container containers[DOCKER_ROLE_COUNT];
	struct difc_probe *probe;
	struct docker_attach *attach;
	struct relay_proc *relay;
	struct process_id relay_id;  /* of the one that an earlier awfd started */
	uint64_t relay_restarted_ms; /* the first time of those that are counted */
	unsigned relay_restarts;
	bool relay_stopping; /* it was asked to end */
	struct relay_grant relay_grant;
	bool relay_granted;
	int *listeners;
	const char **listener_names;
	size_t listener_count;
	struct ready ready[SANDBOX_SIDECARS];
	unsigned ready_pending;

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
	unsigned wait_retry_ms;
	char *memory_group;    /* the agent's, once it has started; NULL: not known */
	struct oom_watch *oom; /* of it; NULL: only the engine knows */
	int64_t engine_away_s; /* since when the engine was away while it ran; 0: never */
	struct docker_call *signal;
	struct event *stop_timer;
	struct event *timeout; /* of the command */
	uint64_t deadline_ms;  /* when that is, by clock_ms(); 0: never */
	bool timed_out;
	struct event *retry_timer;
	unsigned retry_s;

	struct denials *denials;
	bool denials_forgotten; /* loaded: what the logs have is still to be added */

	struct err error; /* why it never ran */
	int exit_code;
	bool oom_killed;
	bool command_ended;
	bool over; /* SANDBOX_OVER was told */
	char *reason;
	bool ahead; /* nobody's: prepared, or being prepared; then `part` is what */
	bool taken; /* it was prepared ahead, and is somebody's now */
	struct pool_part part;
	char *pool;            /* how the pool served it; or NULL */
	char *left;            /* why not everything could be removed yet; or NULL */
	struct event *waiting; /* for its place: until when; NULL: it does not wait */
	struct start_turn turn;
	struct event *turn_wait; /* for that: when it is news; NULL: it does not wait */
	bool leftover;           /* of an earlier awfd: nobody wants its result */
	bool forgotten;          /* stopped when its job was over: its result goes, too */
	bool same_boot;          /* loaded: the machine was not started again since */
	bool leased;
	struct conn_watch *lease;  /* NULL: its client is to come back */
	struct process_id client;  /* whose lease it is */
	struct event *lease_timer; /* until its client must have come back */
	unsigned telling;          /* watchers are being called: free later */
	bool free_pending;

	LIST_HEAD(, sandbox_watch) watches;
	LIST_ENTRY(sandbox) entry;
};

/* sandbox-watch.c. Dead are those that were unwatched while they were being told. When the sandbox
 * goes, each that is still watched is its owner's to unwatch. */
void sandbox_tell(struct sandbox *s, enum sandbox_event event, const struct sandbox_news *news);
void sandbox_watches_drop_dead(struct sandbox *s);
void sandbox_watches_free(struct sandbox *s);

/* sandbox.c */
void sandbox_set_state(struct sandbox *s, enum sandbox_state state);
void sandbox_command_ended(struct sandbox *s, int exit_code);
void sandbox_created(struct sandbox *s, const struct err *e);

/* Moves one that an earlier awfd had to its place in the list, which is from the newest on. */
void sandbox_put_in_order(struct sandbox *s);
/* Ends it because a part of it failed: the exit code is awfd's, 125. */
void sandbox_fail(struct sandbox *s, const char *reason);
void sandbox_gone(struct sandbox *s, const struct err *e);
bool sandbox_is_worth_keeping(const struct sandbox *s);
/* One that is in the list and has nothing but an id: that one, or without `id` a new one. */
struct sandbox *sandbox_alloc(struct manager *m, const char *id) _must_check_;
/* For the next awfd's: a sandbox of which only the id is known yet; its charge; its time. */
struct sandbox *sandbox_new_loaded(struct manager *m, const char *id) _must_check_;
struct sandbox *sandbox_new_ahead(struct manager *m, const struct pool_part *part) _must_check_;
void sandbox_charge_anyway(struct sandbox *s);
void sandbox_start_timeout(struct sandbox *s);
void sandbox_start_destroy_plan(struct sandbox *s);
void sandbox_free(struct sandbox *s);
void sandbox_wait_for_agent(struct sandbox *s); /* sandbox-create.c */

/* sandbox-pool.c: what was prepared, and waits, goes on with what it was granted; and a squid that
 * waits for its network. */
bool sandbox_squid_waits(const struct sandbox *s);
int sandbox_release(struct sandbox *s, struct err *e) _must_check_;

/* sandbox-images.c: brought, then sandbox_images_ended() is called once. Refreshed: whether the
 * agent's is asked of its registry whatever is there, which needs a grant. */
int sandbox_images_check(struct sandbox *s, const struct start_request *r,
			 struct err *e) _must_check_;
bool sandbox_images_refreshed(const struct sandbox *s);
void sandbox_images_start(struct sandbox *s);
void sandbox_images_cancel(struct sandbox *s);
void sandbox_images_ended(struct sandbox *s, const struct err *e); /* sandbox-create.c */

/* sandbox-probe.c: calls sandbox_probe_ended() once. Live: through the relay, from cli-proxy's
 * network. */
int sandbox_probe_start(struct sandbox *s, bool live, struct err *e) _must_check_;
void sandbox_probe_cancel(struct sandbox *s);
void sandbox_probe_ended(struct sandbox *s, bool live, const struct err *e); /* sandbox-create.c */

/* sandbox-resolve.c: whether there are any to resolve. The start returns what a step's does; when
 * it is running, sandbox_resolve_ended() is called once. */
bool sandbox_has_names(const struct sandbox *s);
int sandbox_resolve_start(struct sandbox *s, struct err *e) _must_check_;
void sandbox_resolve_cancel(struct sandbox *s);
void sandbox_resolve_ended(struct sandbox *s, const struct err *e); /* sandbox-create.c */

/* sandbox-spec.c: the body of the engine's call that creates it. The caller owns it. */
struct json_object *sandbox_container_spec(struct sandbox *s, enum docker_role role) _must_check_;

/* sandbox-policy.c: on every value that needs a grant. */
void sandbox_decide(const struct sandbox *s, struct policy_decisions *ret);

/* Ends the sandbox when that container ends. */
void sandbox_watch_sidecar(struct sandbox *s, struct container *c);

/* sandbox-lease.c: a client's lease is given, or awaited after a restart of awfd. */
void sandbox_lease_init(struct sandbox *s);
void sandbox_lease_clear(struct sandbox *s);
void sandbox_lease_give(struct sandbox *s, struct conn *client);
void sandbox_lease_await(struct sandbox *s);
void sandbox_lease_end(struct sandbox *s); /* its client may go */

/* sandbox-attach.c */
int sandbox_keep_stream(struct sandbox *s, int fd, struct sandbox_stream **ret) _must_check_;
bool sandbox_stream_is_cut(const struct sandbox *s);
void sandbox_drop_stream(struct sandbox_stream *stream);
void sandbox_store_stream(struct sandbox_stream *stream);
void sandbox_load_streams(struct sandbox *s);
void sandbox_shutdown_streams(struct sandbox *s);

/* sandbox-create.c, sandbox-destroy.c */
struct plan *sandbox_create_plan(struct sandbox *s) _must_check_;
void sandbox_on_wait_retry(evutil_socket_t fd, short what, void *userdata);
struct plan *sandbox_destroy_plan(struct sandbox *s) _must_check_;
unsigned sandbox_create_plan_length(void);
const char *sandbox_create_plan_step(unsigned step);

/* sandbox-removal.c. The job is over; why something is left of it (NULL: nothing). */
void sandbox_over(struct sandbox *s);
void sandbox_set_left(struct sandbox *s, const struct err *e);
/* A start waits until few enough of its owner's are being removed; then, or after a time that is
 * too long, sandbox_placed() is called once. */
bool sandbox_has_to_wait(const struct sandbox *s);
void sandbox_wait_for_place(struct sandbox *s);
void sandbox_wait_no_more(struct sandbox *s);
void sandbox_removed(struct manager *m);
void sandbox_placed(struct sandbox *s, const struct err *e); /* sandbox-create.c */

/* sandbox-turn.c. Whether it has one at once; else sandbox_has_turn() is called once. Over: however
 * far it came, or it had none. */
bool sandbox_take_turn(struct sandbox *s) _must_check_;
void sandbox_turn_over(struct sandbox *s);
void sandbox_has_turn(struct sandbox *s); /* sandbox-create.c */

/* sandbox-info.c: what it consists of. */
bool sandbox_has_cli_proxy(const struct sandbox *s);
bool sandbox_has_egress(const struct sandbox *s);
bool sandbox_has_redirects(const struct sandbox *s);
bool sandbox_has_squid(const struct sandbox *s);
bool sandbox_has_relay(const struct sandbox *s);
bool sandbox_has_mounts(const struct sandbox *s);

/* Logs about a sandbox, with its id and owner as fields. */
struct log_fields sandbox_log_fields(const struct sandbox *s);
#define sandbox_log(level, s, ...)                                                                 \
	do {                                                                                       \
		struct log_fields fields_ = sandbox_log_fields(s);                                 \
		log_write(level, &fields_, __VA_ARGS__);                                           \
	} while (0)

/* sandbox-host.c. Adding: the mounts of the host's programs, if it has those, and the workspace. */
bool sandbox_has_host_view(const struct sandbox *s);
const char *sandbox_image_of_agent(const struct sandbox *s); /* as the engine knows it */
int sandbox_host_view_add(struct sandbox *s, const struct start_request *r,
			  struct err *e) _must_check_;
const char *sandbox_workspace(const struct sandbox *s); /* NULL: it has none */
const char *sandbox_workdir(const struct sandbox *s);   /* NULL: the image's */

/* sandbox-mounts.c: staged; then sandbox_mounts_staged() is called once. Removing the stage, which
 * may not be there, leaves the agent what it has. */
int sandbox_mounts_start(struct sandbox *s, struct err *e) _must_check_;
void sandbox_mounts_cancel(struct sandbox *s);
void sandbox_mounts_staged(struct sandbox *s, const struct err *e); /* sandbox-create.c */
struct docker_mount *sandbox_mounts_list(const struct sandbox *s, size_t *count) _must_check_;
void sandbox_mounts_list_free(struct docker_mount *list, size_t count);
int sandbox_mounts_remove(struct sandbox *s, struct err *e) _must_check_;
char *sandbox_mounts_directory(const struct sandbox *s) _must_check_; /* the stage's */

/* sandbox-masks.c: once they are staged, with the descriptors of the sources and of what was staged
 * (the roots are taken over, always); ends in sandbox_mounts_staged(). */
int sandbox_masks_start(struct sandbox *s, const int *fds, const int *roots,
			struct err *e) _must_check_;
void sandbox_masks_cancel(struct sandbox *s);

/* What its containers may use together, in bytes and in processes. */
void sandbox_limits(const struct sandbox *s, uint64_t *memory, uint64_t *pids);

/* sandbox-links.c. The namespace of that container is sealed and has its rules, and squid's its way
 * out; a prepared one's gets what its job was granted. */
int sandbox_links_rules(struct sandbox *s, enum docker_role role, struct err *e) _must_check_;

/* The links between them, once all have their rules. */
int sandbox_links_make(struct sandbox *s, struct err *e) _must_check_;

/* Plugs squid's namespace into the bridge, with an address of its own, which is then s->squid's; an
 * IPv6 address too where that has_v6. Adopting: its port of the bridge is isolated, and watched. */
int sandbox_bridge_plug_in(struct sandbox *s, struct err *e) _must_check_;
int sandbox_bridge_adopt(struct sandbox *s, struct err *e) _must_check_;

/* A step of the destroy plan: the namespace, and with it its end of the link, may live on for a
 * while, for connections whose end nobody has confirmed. sandbox_bridge_removed() is its end. */
int sandbox_bridge_remove(struct sandbox *s, struct err *e) _must_check_;
void sandbox_bridge_removed(struct sandbox *s, const struct err *e);
void sandbox_bridge_remove_cancel(struct sandbox *s);

/* sandbox-relay.c: started; then sandbox_relay_step_ended() is called once it serves, or not. One
 * that ends later is started again. Adopting is going on with that of an earlier awfd. */
int sandbox_relay_start(struct sandbox *s, struct err *e) _must_check_;
bool sandbox_relay_step_ended(struct sandbox *s, const struct err *e); /* sandbox-create.c */
void sandbox_relay_end(struct sandbox *s);

/* Has it end: true when it has, else sandbox_relay_stopped() follows. */
bool sandbox_relay_stop(struct sandbox *s);
void sandbox_relay_stopped(struct sandbox *s); /* sandbox-destroy.c */
int sandbox_relay_revoke(struct sandbox *s, struct err *e) _must_check_;
bool sandbox_relay_adopt(struct sandbox *s);
void sandbox_relay_revive(struct sandbox *s);

/* sandbox-ready.c: calls sandbox_ready_ended() once. */
int sandbox_ready_start(struct sandbox *s, struct err *e) _must_check_;
void sandbox_ready_cancel(struct sandbox *s);
void sandbox_ready_ended(struct sandbox *s, const struct err *e); /* sandbox-create.c */

/* sandbox-squid.c: the files that squid's container mounts. */
int sandbox_squid_configure(struct sandbox *s, struct err *e) _must_check_;
char *sandbox_squid_url(const struct sandbox *s) _must_check_;
char *sandbox_squid_directory(const struct sandbox *s) _must_check_;

/* sandbox-logs.c. A source is what a sidecar writes, on the host; following makes it, or it is made
 * ahead and then resumed. Reopening is going on with all that an earlier awfd made. */
int sandbox_logs_open(struct sandbox *s, struct err *e) _must_check_;
void sandbox_logs_close(struct sandbox *s);
char *sandbox_logs_source(const struct sandbox *s, enum sandbox_log_kind kind) _must_check_;
void sandbox_logs_reopen(struct sandbox *s);
int sandbox_logs_follow(struct sandbox *s, enum sandbox_log_kind kind, struct err *e) _must_check_;
int sandbox_logs_prepare(struct sandbox *s, enum sandbox_log_kind kind, struct err *e) _must_check_;
int sandbox_logs_resume(struct sandbox *s, enum sandbox_log_kind kind, struct err *e) _must_check_;
int sandbox_logs_follow_firewall(struct sandbox *s, enum docker_role role,
				 struct err *e) _must_check_;

/* For a relay that is started, the first or another one: what it writes to, which is followed. */
int sandbox_logs_of_relay(struct sandbox *s, struct err *e) _must_check_;
void sandbox_logs_relay_began(struct sandbox *s, pid_t pid);
void sandbox_logs_relay_ended(struct sandbox *s, const char *reason);
void sandbox_logs_end(struct sandbox *s);

/* The last `max` bytes of a log, NUL-terminated, which the caller owns. */
int sandbox_logs_read_end(const struct sandbox *s, enum sandbox_log_kind kind, size_t max,
			  char **ret, struct err *e) _must_check_;

/* sandbox-memory.c: whether the agent has run out of memory. Watched from its start on, and by the
 * awfd that comes after. */
void sandbox_memory_watch(struct sandbox *s);
bool sandbox_memory_ran_out(const struct sandbox *s);
void sandbox_memory_unwatch(struct sandbox *s);

/* sandbox-stats.c: files in its runtime directory, which it goes on with after a restart of awfd.
 */
int sandbox_counters_make(struct sandbox *s, struct err *e) _must_check_;
void sandbox_counters_reopen(struct sandbox *s);
void sandbox_counters_close(struct sandbox *s);
/* Before the files go: what they have is in the metrics from then on. */
void sandbox_counters_settle(struct sandbox *s);
int sandbox_counters_of_relay(const struct sandbox *s, struct err *e) _must_check_;
void sandbox_relay_counters(const struct sandbox *s, uint64_t ret[COUNTERS_MAX]);
void sandbox_count(struct sandbox *s, enum sandbox_counter which);

/* sandbox-denials.c: adds what an earlier awfd counted. */
void sandbox_denials_recall(struct sandbox *s);

/* sandbox-audit.c. Opened: what was due is written. */
void sandbox_audit_opened(struct sandbox *s);
void sandbox_audit_masks(struct sandbox *s, char *const *masked, char *const *named);
void sandbox_audit_end(struct sandbox *s);
void sandbox_audit_clear(struct sandbox *s);

/* sandbox-logs.c: takes the object over. */
void sandbox_logs_write(struct sandbox *s, enum sandbox_log_kind kind, struct json_object *line);

/* sandbox-dirs.c: what the containers mount, and what is in there of the job's. */
int sandbox_dirs_make(struct sandbox *s, struct err *e) _must_check_;
int sandbox_dirs_remove(struct sandbox *s, struct err *e) _must_check_;
char *sandbox_dirs_cli_proxy(const struct sandbox *s) _must_check_;
char *sandbox_dirs_agent(const struct sandbox *s) _must_check_;

/* sandbox-state.c: phase is "creating" or a later state's name. Updating is saving what the state
 * is now; that it cannot be is a warning. Loading fails for what was not running yet, is of another
 * version, or is no state at all. */
int sandbox_state_save(struct sandbox *s, const char *phase, struct err *e) _must_check_;
void sandbox_state_update(struct sandbox *s);
int sandbox_state_load(struct manager *m, const char *id, struct sandbox **ret,
		       struct err *e) _must_check_;
int sandbox_state_remove(struct sandbox *s, struct err *e) _must_check_;
