/* awfd.conf(5): an ini file in systemd's style and its drop-ins, read through a table of keys. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "awfd/cli-proxy-limits.h"
#include "awfd/host-addresses.h"
#include "awfd/quota.h"
#include "common/cleanup.h"
#include "common/err.h"

struct policy_rules;

enum config_switch { CONFIG_NO, CONFIG_YES, CONFIG_AUTO };

struct config {
	char *socket;
	char *runtime_directory;
	char *state_directory;
	char *log_directory;
	uint64_t log_level;
	uint64_t stop_jobs;     /* enum config_switch: SIGTERM ends them */
	uint64_t lease_seconds; /* that clients have to come back after a restart */
	char *engine_socket;
	char *cgroup_parent;
	char *image_pause;
	char *image_squid;
	char *image_cli_proxy;
	char *image_agent;      /* IMAGE_REFERENCE_HOST: none, but the host's own programs */
	char *image_host;       /* what they are mounted into */
	char *image_archives;   /* directory of those that awfd comes with */
	uint64_t pulls;         /* that go on at once */
	uint64_t pull_size_max; /* bytes that one downloads */
	uint64_t pull_seconds;  /* that one may take */
	char **host_view_paths; /* directories of the host that such a sandbox has besides */
	char *network_prefix;   /* "172.30.0.0/24" as written */
	struct in_addr network;
	uint64_t table_owner; /* enum config_switch */
	char *relay_user;
	char *host_address_text;              /* as written */
	struct host_addresses host_addresses; /* where granted ports of the host lead to, too */
	char *probe_user;
	char *metrics_file; /* NULL: none */
	uint64_t metrics_interval_s;
	uint64_t probe_timeout_ms;
	uint64_t difc_wait_s;
	char *ca_bundle;
	char *helper_directory; /* of awf-relay, awf-difc-probe and awf-gh */
	char **redirect_hosts;  /* of artifact storage, for cli-proxy alone */
	char *egress_subnet;
	char *egress_subnet6;
	uint64_t egress_ipv6;    /* enum config_switch */
	char **dns_servers;      /* none: the host's own */
	char *upstream_proxy;    /* NULL: that of awfd's environment */
	char **no_proxy;         /* what the upstream proxy is not asked for; likewise */
	char **private_networks; /* that --allow-private may reach */
	struct cli_proxy_limits gh;
	uint64_t memory_bytes;
	uint64_t pids;
	uint64_t pool_size; /* of each kind; 0: nothing is prepared */
	char **pool_kinds;
	struct policy_rules *policy; /* who may have what */
	char *path;                  /* the file, NULL: where it was installed */
	unsigned references;
	struct quota_limits quota_user; /* of each */
	struct quota_limits quota_host; /* of all together */
	uint64_t message_seconds;
};

/* Defaults, then `path` (NULL: awfd.conf where it was installed, which may be missing), then
 * `<path>.d` / *.conf in the order of their names. Errors name file, line, key and value. */
int config_load(const char *path, struct config **ret, struct err *e) _must_check_;

/* The address with this host part inside the configured prefix. */
struct in_addr config_address(const struct config *c, unsigned host);

/* What is to be in force after `old`: `next`, in which what cannot change while awfd runs is as it
 * was; *kept (strv) names the keys that the files want otherwise. Takes `next` over. */
struct config *config_succeed(struct config *old, struct config *next, char ***kept) _must_check_;

/* One more user of it, who gives it back by config_free(). */
struct config *config_ref(struct config *c) _must_check_;
void config_free(struct config *c);
DEFINE_CLEANUP(struct config, config_free)
