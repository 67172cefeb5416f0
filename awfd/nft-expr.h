/* Builders of nftables expressions: each appends one match or statement to a rule, as nft(8) would
 * write it. Pure. */
#pragma once

#include <netinet/in.h> /* before linux/in.h */
#include <stdint.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <libnftnl/rule.h>

enum nft_field {
	NFT_FIELD_IP_SADDR,
	NFT_FIELD_IP_DADDR,
	NFT_FIELD_IP6_DADDR,
	NFT_FIELD_TCP_SPORT,
	NFT_FIELD_TCP_DPORT,
	NFT_FIELD_TCP_FLAGS,
	NFT_FIELD_COUNT,
};

/* `meta KEY VALUE` for the keys whose value is a byte (nfproto, l4proto) or a word (skuid, iif,
 * oif). */
void nft_expr_meta_u8(struct nftnl_rule *r, enum nft_meta_keys key, uint8_t value);
void nft_expr_meta_u32(struct nftnl_rule *r, enum nft_meta_keys key, uint32_t value);

/* `iifname NAME` or `oifname NAME`: the whole name, shorter than IFNAMSIZ. */
void nft_expr_meta_name(struct nftnl_rule *r, enum nft_meta_keys key, const char *name);

/* `ip saddr ADDRESS` and so on; value is the field as it is on the wire. The protocol is to be
 * matched before (meta nfproto, meta l4proto). */
void nft_expr_field(struct nftnl_rule *r, enum nft_field field, const void *value);

/* `tcp flags & (syn | ack) != syn`: not a packet that opens a connection. */
void nft_expr_not_opening(struct nftnl_rule *r);

/* `ADDRESS . tcp dport @SET`; the set is one of this batch, by name and id. */
void nft_expr_lookup_target(struct nftnl_rule *r, enum nft_field address, const char *set,
			    uint32_t id);

void nft_expr_counter(struct nftnl_rule *r);

/* `accept`, `drop` (NF_ACCEPT, NF_DROP), or `jump CHAIN` (NFT_JUMP). */
void nft_expr_verdict(struct nftnl_rule *r, int verdict, const char *chain);
