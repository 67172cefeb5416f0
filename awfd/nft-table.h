/* The parts that every table of ours is built of: the table `inet awf`, its chains, its rules, and
 * the way in which all of them refuse. Pure. */
#pragma once

#include <netinet/in.h> /* before linux/in.h */
#include <stdint.h>

#include "awfd/nft-expr.h"
#include "awfd/nft-objects.h"

#define NFT_TABLE "awf" /* of family inet, in the host as in a sandbox */

/* The chain that private destinations are sent to; see nft_table_put_private_rules(). */
#define NFT_TABLE_PRIVATE "private"

#define NFT_EGRESS_DNS_PORT 53

/* What an allocation of libnftnl returned, or the end. */
void *nft_not_null(void *p);

void nft_table_put(struct nft_objects *list, enum nft_action action, uint32_t flags);

/* A chain that others jump to. */
void nft_table_put_chain(struct nft_objects *list, const char *name);

/* A chain that the kernel calls: of type "filter" or "nat". */
void nft_table_put_base_chain(struct nft_objects *list, const char *name, const char *type,
			      uint32_t hook, int32_t priority, uint32_t policy);

/* An empty rule at the end of a chain. */
struct nftnl_rule *nft_table_put_rule(struct nft_objects *list, const char *chain);

/* An empty rule that looks at one protocol over one family (NFPROTO_UNSPEC: both). */
struct nftnl_rule *nft_table_put_rule_for(struct nft_objects *list, const char *chain,
					  uint8_t family, uint8_t protocol);

/* The last rules of every chain that refuses. This is the one place where a refusal is reported,
 * with the chain's name, and counted. */
void nft_table_put_refusal(struct nft_objects *list, const char *chain);

/* A chain of its own that refuses whatever jumps to it. */
void nft_table_put_refusing_chain(struct nft_objects *list, const char *name);

/* Sends packets to the chain NFT_TABLE_PRIVATE when their source (NF_INET_LOCAL_IN) or else their
 * destination is in one of the private networks. */
void nft_table_put_private_rules(struct nft_objects *list, const char *chain, uint32_t hook);

/* Accepts TCP to ports 80 and 443, or from these (NF_INET_LOCAL_IN) what opens nothing. */
void nft_table_put_web_rules(struct nft_objects *list, const char *chain, uint32_t hook);

/* Accepts the ICMPv6 messages without which no IPv6 address on a link finds another. */
void nft_table_put_neighbour_rules(struct nft_objects *list, const char *chain);

/* Drops, counted but not reported, what every IPv6 stack says by itself. */
void nft_table_put_chatter_rules(struct nft_objects *list, const char *chain);
