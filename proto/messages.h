/* The parameters of io.awf.Sandbox's methods as structs, with the field tables that read and write
 * them. The interface file is the source of truth; a test compares the two. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/json-fields.h"

#define AWF_INTERFACE "io.awf.Sandbox"

#define MESSAGE_COMMAND_MAX (128 * 1024) /* bytes of all arguments of the command */
#define MESSAGE_ENV_MAX     (512 * 1024) /* bytes of all variables, names included */
#define MESSAGE_CA_MAX      (64 * 1024)  /* bytes of a PEM bundle */
#define MESSAGE_DOMAINS_MAX (128 * 1024) /* bytes of all domains of one list */
#define MESSAGE_MASKED_MAX  (64 * 1024)  /* bytes of all paths that are masked */
#define MESSAGE_METRICS_MAX (128 * 1024) /* bytes of all metrics */
#define MESSAGE_MOUNTS_MAX  (320 * 1024) /* bytes of all mounts */

/* What a sandbox is asked to be: parameters of Start and Check. */
struct start_request {
	char **command;
	char *image;
	char **environment; /* KEY=value */
	char *workdir;
	char *difc_proxy_host;
	char *difc_proxy_ca_cert; /* PEM text, not a path */
	int64_t difc_wait;        /* seconds, or FIELD_INT_ABSENT: as awfd is configured */
	bool tty;
	bool open_stdin;
	bool attach; /* open the attach stream before the agent starts; Attach then hands it over */
	bool lease;
	bool keep;            /* destroy the sandbox when this connection ends */
	char **allow_domains; /* as awfd/domain.h has them; none of both: no egress */
	char **block_domains;
	char **allow_private;            /* exact names that may have private addresses */
	char **dns_servers;              /* addresses */
	char *upstream_proxy;            /* URL; empty: none, even if awfd has a default */
	bool enable_host_access;         /* ports 80 and 443 when none is named */
	char **allow_host_ports;         /* "80", "3000-3010" */
	char **allow_host_service_ports; /* the same; dangerous ones too */
	char **mounts;                   /* as awfd/mount-spec.h has them */
	char *workspace;                 /* of the host, mounted at its own place */
	char *current_directory;         /* the caller's: its workspace when it names none */
	int64_t memory_limit;            /* bytes; these are FIELD_INT_ABSENT when not asked for */
	int64_t pids_limit;
	int64_t nano_cpus;     /* billionths of a processor */
	int64_t agent_timeout; /* seconds */
	char *name;            /* what its owner calls it; or NULL */
	char *pull;            /* "never" (absent), "missing" or "always": have images brought */
};

/* One reply of Start: a phase that ended, what is waited for, or with `id` the last one. */
struct start_reply {
	char *phase;
	int64_t elapsed_us; /* time the phase took */
	char *waiting_for;  /* what is not as it should be yet, for a person */
	char *id;
	char **dropped_environment; /* names of variables that were not passed on */
	char *no_workspace;         /* why the command has none, where it could have one */
};

/* One value of a request that needs a grant, and what decides on it. */
struct decision_info {
	char *what; /* the field of Start */
	char *value;
	bool allowed;
	char *where; /* section, key and line of awfd.conf */
};

struct check_reply {
	struct decision_info **decisions;
};

/* Parameters of Diagnose: both, or none. */
struct diagnose_request {
	char *difc_proxy_host;
	char *difc_proxy_ca_cert; /* PEM text */
};

/* What was found when one thing of the host was looked at. */
struct finding_info {
	char *name;    /* of what was looked at */
	char *status;  /* "ok", "warning", "failure", "unknown" */
	char *message; /* for a person */
	char *cure;    /* the command that mends it; or NULL */
};

struct diagnose_reply {
	struct finding_info **findings;
};

struct reload_reply {
	char **kept; /* keys that changed but count only after a restart */
};

struct predownload_request {
	char *reference; /* of the agent's image; as awfd is configured when absent */
	bool difc_proxy; /* what a DIFC proxy needs, too */
};

struct load_images_request {
	int64_t archive; /* index of the descriptor passed with the call: always 0 */
};

/* A layer of an image that is being brought. */
struct layer_info {
	char *id;
	char *status;    /* in the engine's words */
	int64_t current; /* bytes, in this status; 0 when there is nothing to count */
	int64_t total;
};

struct image_info {
	char *reference;
	char *id;
	char *origin; /* "present", "imported", "pulled", "loaded" */
};

/* One reply of Predownload or LoadImages: what is being brought, or with `images` the last one. */
struct predownload_reply {
	char *reference;
	struct layer_info **layers; /* those of which there is news */
	struct image_info **images;
};

/* Parameters of Inspect, Attach, Denials and Logs. */
struct id_request {
	char *id;
};

struct wait_request {
	char *id;
	bool lease; /* the sandbox is leased to this connection from now on */
};

/* Parameters of Resize. */
struct resize_request {
	char *id;
	int64_t width; /* characters */
	int64_t height;
};

struct stop_request {
	char *id;
	char *signal;     /* "SIGTERM" when absent */
	int64_t grace_ms; /* between the signal and the end; 0: at once */
};

struct attach_reply {
	int64_t stream; /* index of the descriptor passed with this reply: always 0 */
	bool tty;
};

struct wait_reply {
	int64_t exit_code;
	bool oom_killed;
	int64_t memory_limit; /* bytes, when oom_killed; else FIELD_INT_ABSENT */
	char *reason;         /* why the sandbox ended when not by its command; absent otherwise */
};

struct step_info {
	char *name;
	char *state; /* "pending", "running", "done", "failed", "skipped" */
	int64_t elapsed_us;
};

struct sandbox_info {
	char *id;
	char *name;        /* or NULL */
	char *state;       /* "creating", "prepared", "running", "kept", "destroying", "exited" */
	int64_t owner_uid; /* -1: it is prepared, and nobody's */
	char *owner;       /* the uid's name, or its number */
	char *image;
	char **command;
	char *created_at; /* RFC 3339, UTC */
	char *difc_proxy;
	char **mounts;       /* as they were asked for; not in List */
	char **masked;       /* credentials in them that are out of reach; not in List */
	char *log_directory; /* not in List */
	int64_t exit_code;
	bool oom_killed;
	char *reason;
	char *left; /* why not everything of it could be removed yet; awfd goes on trying */
	char *pool; /* "hit", or "miss: " and why; NULL without a pool */
	struct step_info **steps; /* of its start; not in List */
};

/* Something that a sandbox tried to reach and was refused, however often. */
struct denial_info {
	char *time;     /* of the last attempt, RFC 3339, UTC */
	char *source;   /* who refused: "squid", "firewall" */
	char *from;     /* "agent", "cli-proxy", "squid" */
	char *protocol; /* "CONNECT", "GET", ..., "tcp", "udp", "icmp", ... */
	char *host;     /* name or address */
	int64_t port;
	char *sni;    /* what the client's TLS asked for, where that matters */
	char *reason; /* "not allowed", "blocked by ...", ... */
	int64_t count;
	char *grant; /* the option of awfctl that would grant it; absent when none does */
};

/* With `more`, one reply of all so far and then one for each that is added or counts on. */
struct denials_reply {
	struct denial_info **denials;
};

/* What a sandbox uses and does; FIELD_INT_ABSENT where that is not known. */
struct stats_info {
	char *id;
	char *owner;
	int64_t cpu_us;
	int64_t memory;
	int64_t memory_limit;
	int64_t pids;
	int64_t pids_limit;
	int64_t relay_connections;
	int64_t relay_open;
	int64_t relay_failed;
	int64_t relay_sent;
	int64_t relay_received;
	int64_t requests_allowed;
	int64_t requests_refused;
	int64_t gh_allowed;
	int64_t gh_refused;
	int64_t packets_dropped;
};

struct stats_reply {
	struct stats_info **stats;
};

struct metrics_reply {
	char *text;
};

/* With `more`, one reply at once and one when the logs are complete. */
struct logs_reply {
	char *directory;
};

struct list_reply {
	struct sandbox_info **sandboxes;
};

struct inspect_reply {
	struct sandbox_info *sandbox;
};

/* For parameters that are empty. */
struct empty_message {
	char none;
};

extern const struct field_table start_request_table;
extern const struct field_table start_reply_table;
extern const struct field_table decision_info_table;
extern const struct field_table check_reply_table;
extern const struct field_table diagnose_request_table;
extern const struct field_table finding_info_table;
extern const struct field_table diagnose_reply_table;
extern const struct field_table reload_reply_table;
extern const struct field_table predownload_request_table;
extern const struct field_table load_images_request_table;
extern const struct field_table layer_info_table;
extern const struct field_table image_info_table;
extern const struct field_table predownload_reply_table;
extern const struct field_table id_request_table;
extern const struct field_table wait_request_table;
extern const struct field_table resize_request_table;
extern const struct field_table stop_request_table;
extern const struct field_table attach_reply_table;
extern const struct field_table wait_reply_table;
extern const struct field_table step_info_table;
extern const struct field_table sandbox_info_table;
extern const struct field_table denial_info_table;
extern const struct field_table denials_reply_table;
extern const struct field_table metrics_reply_table;
extern const struct field_table logs_reply_table;
extern const struct field_table stats_info_table;
extern const struct field_table stats_reply_table;
extern const struct field_table list_reply_table;
extern const struct field_table inspect_reply_table;
extern const struct field_table empty_table;

/* One method: its name without the interface, and the tables of what goes in and out. */
struct message_method {
	const char *name;
	const struct field_table *in;
	const struct field_table *out;
};

extern const struct message_method message_methods[];
extern const size_t message_method_count;
