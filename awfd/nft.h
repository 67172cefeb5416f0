/* The kernel's nftables, by libnftnl and libmnl: transactions are atomic batches; a kernel error is
 * mapped to the object that failed. */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

struct nft;

struct nft_config {
	uid_t relay_uid;
};

/* Takes the host's table `inet awf` (owner and persist flags where the kernel has them): makes it,
 * or adopts one that an earlier awfd left, and installs the base chains and empty sets in one
 * batch. Fails when another living process owns the table. */
int nft_new(const struct nft_config *config, struct nft **ret, struct err *e) _must_check_;

/* Frees the handle. The table goes too when `remove` is set, else it stays for the next awfd. */
void nft_free(struct nft *n, bool remove);

/* Lets the relay uid connect to the address and port, or no longer. One transaction each; adding
 * twice and removing what is not there are success. All relays have the same uid, so sandboxes with
 * the same target share it: it is to be removed with the last of them. Removing it ends connections
 * to it, too. */
int nft_relay_target_add(struct nft *n, const struct sockaddr_storage *target,
			 struct err *e) _must_check_;
int nft_relay_target_remove(struct nft *n, const struct sockaddr_storage *target,
			    struct err *e) _must_check_;

/* One permitted TCP flow of a namespace's table, besides loopback (see struct nft_namespace). */
struct nft_flow {
	const char *link; /* interface inside the namespace */
	struct in_addr local;
	struct in_addr peer;
	uint16_t port; /* of the server */
	bool serve;    /* true: peer may connect to us; false: we may connect to peer */
};

/* The constant table of one sandbox namespace: everything but these is dropped and counted, both
 * ways, IPv4 and IPv6. */
struct nft_namespace {
	const struct nft_flow *flows;
	size_t flow_count;
	bool loopback_any;      /* the agent's own: any port on lo */
	uint16_t loopback_port; /* else only this TCP port on lo, and answers; 0: nothing on lo */
};

/* Installs the table inside the namespace of the process, in one batch. */
int nft_namespace_apply(int pidfd, const struct nft_namespace *ns, struct err *e) _must_check_;
