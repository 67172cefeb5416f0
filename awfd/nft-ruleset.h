/* What awfd asks of nftables for the host: the table with the relays' walls, and the changes to
 * their targets. Pure; nft.c sends it. */
#pragma once

#include <stdint.h>

#include "awfd/nft.h"
#include "awfd/nft-objects.h"

/* How the host's table is taken. */
struct nft_ruleset_flags {
	uint32_t adopt; /* flags of a table that is there already; 0: whatever it has */
	uint32_t make;  /* flags of the new one */
};

#define NFT_RULESET_OWNER   (1U << 1) /* NFT_TABLE_F_OWNER, Linux 5.12 */
#define NFT_RULESET_PERSIST (1U << 2) /* NFT_TABLE_F_PERSIST, Linux 6.9 */

/* The host's table in place of what had its name, with the content (NULL: none) in its sets.
 * -EINVAL when the configuration names no bridge that could be. */
int nft_ruleset_host(const struct nft_config *config, struct nft_ruleset_flags flags,
		     const struct nft_content *content, struct nft_objects *list,
		     struct err *e) _must_check_;

/* One target of the relays more or less, whether it is there or not. An IPv4-mapped IPv6 address is
 * the IPv4 address, since that is where a connection to it goes. */
int nft_ruleset_relay_target(enum nft_action action, const struct sockaddr_storage *target,
			     struct nft_objects *list, struct err *e) _must_check_;

/* The table's end. */
void nft_ruleset_remove(struct nft_objects *list);
