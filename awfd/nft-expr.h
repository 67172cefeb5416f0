/* Builders of nftables expressions: each appends one match or statement to a rule, as nft(8) would
 * write it. Pure. */
#pragma once

#include <netinet/in.h> /* before linux/in.h */
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <libnftnl/rule.h>

/* What a rule can look at: fields of the packet's headers, or of its connection-tracking entry. */
enum nft_field {
	NFT_FIELD_IP_SADDR,
	NFT_FIELD_IP_DADDR,
	NFT_FIELD_IP6_SADDR,
	NFT_FIELD_IP6_DADDR,
	NFT_FIELD_TCP_SPORT,
	NFT_FIELD_TCP_DPORT,
	NFT_FIELD_TCP_FLAGS,
	NFT_FIELD_UDP_SPORT,
	NFT_FIELD_UDP_DPORT,
	NFT_FIELD_ICMP_TYPE,
	NFT_FIELD_ICMPV6_TYPE,
	NFT_FIELD_CT_STATE,
	NFT_FIELD_CT_STATUS,
	NFT_FIELD_CT_DIRECTION,
	NFT_FIELD_CT_ORIGINAL_IP_DADDR, /* as the packet was sent, before any NAT */
	NFT_FIELD_CT_ORIGINAL_IP6_DADDR,
	NFT_FIELD_CT_ORIGINAL_DPORT,
	NFT_FIELD_COUNT,
};

/* `meta KEY VALUE` for the keys whose value is a byte (nfproto, l4proto) or a word (skuid, iif,
 * oif). */
void nft_expr_meta_u8(struct nftnl_rule *r, enum nft_meta_keys key, uint8_t value);
void nft_expr_meta_u32(struct nftnl_rule *r, enum nft_meta_keys key, uint32_t value);

/* `iifname NAME` or `oifname NAME`, or any other: the whole name, shorter than IFNAMSIZ. */
void nft_expr_meta_name(struct nftnl_rule *r, enum nft_meta_keys key, const char *name);
void nft_expr_meta_not_name(struct nftnl_rule *r, enum nft_meta_keys key, const char *name);

/* `ip saddr ADDRESS` and so on; value is the field as it is on the wire. The protocol is to be
 * matched before (meta nfproto, meta l4proto). */
void nft_expr_field(struct nftnl_rule *r, enum nft_field field, const void *value);

/* `ip daddr ADDRESS/BITS` and so on; no bit of the address behind the prefix is set. */
void nft_expr_prefix(struct nftnl_rule *r, enum nft_field address, const void *value,
		     unsigned bits);

/* `ct state established,related`, `ct status dnat`: any of the bits is set. */
void nft_expr_any_bit(struct nftnl_rule *r, enum nft_field field, uint32_t bits);

/* `tcp flags & (syn | ack) != syn`: not a packet that opens a connection. */
void nft_expr_not_opening(struct nftnl_rule *r);

/* `FIELD . FIELD @SET`; the set is one of this batch, by name and id. */
void nft_expr_lookup(struct nftnl_rule *r, const enum nft_field *fields, size_t count,
		     const char *set, uint32_t id);

/* The field's length in bytes; in a concatenated key it takes whole words of 4. */
uint32_t nft_field_length(enum nft_field field);

void nft_expr_counter(struct nftnl_rule *r);

/* `limit rate PER_SECOND/second burst BURST packets`: the rule ends here when there are more. */
void nft_expr_limit(struct nftnl_rule *r, uint64_t per_second, uint32_t burst);

/* `log prefix PREFIX group GROUP`. */
void nft_expr_log(struct nftnl_rule *r, const char *prefix, uint16_t group);

void nft_expr_masquerade(struct nftnl_rule *r);

/* `accept`, `drop` (NF_ACCEPT, NF_DROP), or `jump CHAIN` (NFT_JUMP). */
void nft_expr_verdict(struct nftnl_rule *r, int verdict, const char *chain);
