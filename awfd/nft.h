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

#define _cleanup_nft_content_ _cleanup_(nft_content_clear)

struct nft_config {
	uid_t relay_uid;
	const char *egress_bridge;      /* that the squids are on; NULL: there are none */
	struct in6_addr egress_subnet6; /* of that bridge, to be masqueraded; no bit of it set */
	unsigned egress_prefix6;        /* behind its prefix; 0: the bridge has no IPv6 */
	bool shared; /* without the owner and persist flags, as on kernels that have none */
};

/* A squid on the egress bridge, and what it may reach besides public addresses on ports 80 and 443.
 * Servers and grants of IPv6 are left out when it has no IPv6 address itself. */
struct nft_squid {
	struct in_addr address;
	struct in6_addr address6;
	bool has_v6;
	const struct sockaddr_storage *dns_servers; /* UDP and TCP, port 53 whatever they say */
	size_t dns_count;
	const struct sockaddr_storage *grants; /* TCP, address and port; may be private */
	size_t grant_count;
};

/* Everything that the table's sets hold. */
struct nft_content {
	const struct nft_squid *squids; /* what they point to is somebody else's */
	size_t squid_count;
	const struct sockaddr_storage *targets; /* of the relays */
	size_t target_count;
};

/* Frees the two lists. */
void nft_content_clear(struct nft_content *content);

/* Takes the host's table `inet awf` (owner and persist flags where the kernel has them): makes it,
 * or adopts one that an earlier awfd left, and puts the chains and the content (NULL: empty sets)
 * in place of what was there. It is one transaction: what the old table and the new one both permit
 * is not disturbed. Fails when another living process owns the table. */
int nft_new(const struct nft_config *config, const struct nft_content *content, struct nft **ret,
	    struct err *e) _must_check_;

/* The same by a netlink socket that an earlier handle had (-EBADF: a new one), which is taken over,
 * also on failure: the table that it owns has not been without an owner in between. */
int nft_new_with(int socket, const struct nft_config *config, const struct nft_content *content,
		 struct nft **ret, struct err *e) _must_check_;

/* The netlink socket that owns the table, for as long as anybody has it open. Borrowed. */
int nft_socket(const struct nft *n);

/* The same once more, whatever others made of the table meanwhile. On failure the table is as it
 * was. */
int nft_restore(struct nft *n, const struct nft_content *content, struct err *e) _must_check_;

/* The netlink port of the handle, by which the kernel's notifications name its transactions. */
uint32_t nft_port(const struct nft *n);

/* Whether the table has no owner, so that other root processes can change it. */
bool nft_is_shared(const struct nft *n);

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

/* The same for many targets, all of them in one transaction. */
int nft_relay_targets_add(struct nft *n, const struct sockaddr_storage *targets, size_t count,
			  struct err *e) _must_check_;
int nft_relay_targets_remove(struct nft *n, const struct sockaddr_storage *targets, size_t count,
			     struct err *e) _must_check_;

/* Lets a squid out, or no longer: removing ends its connections, too. One transaction each, whose
 * cost does not depend on how many there are; adding twice and removing what is not there are
 * success. What is removed is to be the same that was added. */
int nft_squid_add(struct nft *n, const struct nft_squid *squid, struct err *e) _must_check_;
int nft_squid_remove(struct nft *n, const struct nft_squid *squid, struct err *e) _must_check_;

/* One permitted TCP flow of a namespace's table, besides loopback (see struct nft_namespace). */
struct nft_flow {
	const char *link; /* interface inside the namespace */
	struct in_addr local;
	struct in_addr peer;
	uint16_t port; /* of the server */
	bool serve;    /* true: peer may connect to us; false: we may connect to peer */
};

/* The way out of squid's namespace: what struct nft_squid says, once more and inside. */
struct nft_egress {
	const char *link; /* interface inside the namespace */
	const struct sockaddr_storage *dns_servers;
	size_t dns_count;
	const struct sockaddr_storage *grants;
	size_t grant_count;
};

/* The constant table of one sandbox namespace: everything but these is dropped and counted, both
 * ways, IPv4 and IPv6. */
struct nft_namespace {
	const struct nft_flow *flows;
	size_t flow_count;
	bool loopback_any;      /* the agent's own: any port on lo */
	uint16_t loopback_port; /* else only this TCP port on lo, and answers; 0: nothing on lo */
	bool loopback_helpers;  /* else TCP between 127.0.0.1 and itself: squid and its helper */
	const struct nft_egress *egress; /* NULL: no way out but the flows */
};

/* Installs the table inside the namespace of the process, in one batch. */
int nft_namespace_apply(int pidfd, const struct nft_namespace *ns, struct err *e) _must_check_;

/* Adds the loopback and the way out of `ns` to the table that nft_namespace_apply() has installed
 * without them, at once; its flows stay. Where somebody removed that table, all of it is installed
 * again. */
int nft_namespace_grant(int pidfd, const struct nft_namespace *ns, struct err *e) _must_check_;
