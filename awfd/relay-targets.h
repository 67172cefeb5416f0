/* Where relays may connect to: every relay has the same uid, so the firewall holds a target once
 * for all sandboxes that have it. This counts them. */
#pragma once

#include <sys/socket.h>

#include "awfd/host-addresses.h"
#include "awfd/host-ports.h"
#include "awfd/nft.h"
#include "common/cleanup.h"
#include "common/err.h"

struct relay_targets;

/* What one sandbox's relay connects to. */
struct relay_grant {
	bool has_difc;
	struct sockaddr_storage difc;
	struct host_ports ports; /* of the host: its loopback, and its other addresses */
};

/* Ports of the host are those of its loopback and of these addresses, which are copied; NULL for
 * none. */
struct relay_targets *relay_targets_new(const struct host_addresses *host) _must_check_;
void relay_targets_free(struct relay_targets *t);

/* Counts a grant that is in the firewall already, with the sandbox of an earlier awfd. */
void relay_targets_adopt(struct relay_targets *t, const struct relay_grant *grant);

/* The firewall (borrowed) that the following are about. */
void relay_targets_use(struct relay_targets *t, struct nft *nft);

/* Lets relays connect there, or no longer unless another sandbox has the same. Each is one
 * transaction; after a failure the call may be repeated. */
int relay_targets_add(struct relay_targets *t, const struct relay_grant *grant,
		      struct err *e) _must_check_;
int relay_targets_remove(struct relay_targets *t, const struct relay_grant *grant,
			 struct err *e) _must_check_;

/* All of them at the moment, as they are in the firewall; the caller owns the list. */
struct sockaddr_storage *relay_targets_list(const struct relay_targets *t,
					    size_t *ret_count) _must_check_;
