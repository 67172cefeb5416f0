/* What awfd is: one loop, one engine, one firewall, the sandboxes. Passed to everything that needs
 * more than one of them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>

#include "awfd/docker-network.h"
#include "common/cleanup.h"
#include "common/err.h"

struct audit;
struct metrics;
struct metrics_file;
struct config;
struct docker;
struct engine_watch;
struct fd_store;
struct image_pulls;
struct link_watch;
struct nft;
struct nft_config;
struct nft_content;
struct nft_watch;
struct notify;
struct pool;
struct server;
struct start_queue;
struct reconcile;
struct sandbox_list;
struct relay_targets;
struct log_tails;
struct nflog;
struct diagnosis;
struct docker_network_ensure;
struct names;
struct names_wait;
struct quota;
struct quota_limits;
struct peer;

struct manager {
	struct event_base *base;
	struct config *config;
	struct audit *audit;
	struct metrics *metrics;
	struct metrics_file *metrics_file; /* NULL: there is to be none */
	struct docker *docker;
	struct image_pulls *image_pulls;
	struct diagnosis *diagnoses; /* that are being made */
	struct fd_store *fds;
	struct notify *notify;
	struct engine_watch *engine_watch;
	struct nft *nft;
	struct nft_watch *nft_watch;
	struct link_watch *link_watch;
	struct quota *quota;
	struct start_queue *starts;
	struct names *names;
	struct names_wait *naming; /* whom the policy is about */
	struct server *server;
	struct reconcile *reconcile;
	struct sandbox_list *sandboxes;
	struct relay_targets *relay_targets;
	struct log_tails *log_tails;
	struct nflog *nflog; /* what the host's table drops */
	struct docker_network_ensure *network;
	struct pool *pool;                            /* of prepared sandboxes */
	struct docker_network_ensure *egress_mending; /* somebody removed the network */
	uint32_t egress_number; /* of the address that the next squid may have */
	bool egress_ipv6;       /* squids may have IPv6 */
	uid_t relay_uid, probe_uid;
	gid_t relay_gid, probe_gid;
	bool stopping;
	bool leaving;            /* what is left is for the next awfd */
	bool log_level_is_given; /* on the command line: LogLevel= does not count */
	int lock;                /* of the runtime directory; -EBADF: not ours */
	struct event *signals[3];
	struct event *stop_timeout;
};

/* Prepares everything but clients: loop, firewall table, engine client, directories. Takes the
 * config over. */
int manager_new(struct config *config, struct manager **ret, struct err *e) _must_check_;

/* Goes on with what an earlier awfd left, as far as that is whole, and serves until SIGTERM or
 * SIGINT. Then it ends every sandbox, or after SIGTERM without StopJobs= those that don't run yet.
 * 0 when all that were to be ended were. */
int manager_run(struct manager *m, struct err *e) _must_check_;

/* Reads the configuration again, for sandboxes that are yet to come; those that are there keep
 * theirs. *kept (strv) names the keys that changed but count only after a restart. When the files
 * cannot be used, the old configuration stays in force. */
int manager_reload(struct manager *m, char ***kept, struct err *e) _must_check_;

/* Tells the manager that a sandbox is gone: the last one ends a manager that is stopping. */
void manager_sandbox_gone(struct manager *m);

/* No sandbox lives, or none is remembered: what many at once had of the heap lies about in it in
 * pieces, which free(3) keeps, and is given back to the kernel (malloc_trim(3)). */
void manager_at_rest(void);

/* Tells the service manager how many sandboxes there are (sd_notify(3), STATUS=). */
void manager_update_status(struct manager *m);

/* What the host's table is to hold at the moment; to be cleared by nft_content_clear(), before
 * anything else happens to a sandbox. */
void manager_firewall_content(struct manager *m, struct nft_content *ret);

/* Takes the host's table, as the owner that an earlier awfd was. */
int manager_take_firewall(struct manager *m, const struct nft_config *config,
			  struct err *e) _must_check_;

/* Has the host's table, and the isolation of squids' ports, put back whenever somebody else changes
 * them. */
int manager_watch_firewall(struct manager *m, struct err *e) _must_check_;

/* What the peer may use. Borrowed from the config. */
const struct quota_limits *quota_limits_of(const struct manager *m, const struct peer *peer);

/* What the engine's network for squids is to be. Borrowed from the config. */
struct docker_network_spec manager_network_spec(struct manager *m);

void manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager, manager_free)
