#include "awfd/nft-expr.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <libnftnl/expr.h>

#include "common/cleanup.h"

#define TCP_FLAGS_OFFSET 13 /* RFC 9293, 3.1 */

#define NETWORK(at, size)                                                                          \
	{                                                                                          \
		"payload", NFT_PAYLOAD_NETWORK_HEADER, at, size, 0, false                          \
	}
#define TRANSPORT(at, size)                                                                        \
	{                                                                                          \
		"payload", NFT_PAYLOAD_TRANSPORT_HEADER, at, size, 0, false                        \
	}

#define FIELD_MAX 16 /* an IPv6 address */

/* Where a field is: in a header, or in the tracking entry. */
static const struct field {
	const char *source;    /* the expression that loads it */
	uint32_t base, offset; /* of a header; base 0: none, it is in the tracking entry */
	uint32_t length;
	enum nft_ct_keys key;
	bool original; /* of the packet that began the connection */
} fields[NFT_FIELD_COUNT] = {
	[NFT_FIELD_IP_SADDR] = NETWORK(offsetof(struct iphdr, saddr), 4),
	[NFT_FIELD_IP_DADDR] = NETWORK(offsetof(struct iphdr, daddr), 4),
	[NFT_FIELD_IP6_SADDR] = NETWORK(offsetof(struct ip6_hdr, ip6_src), 16),
	[NFT_FIELD_IP6_DADDR] = NETWORK(offsetof(struct ip6_hdr, ip6_dst), 16),
	[NFT_FIELD_TCP_SPORT] = TRANSPORT(offsetof(struct tcphdr, source), 2),
	[NFT_FIELD_TCP_DPORT] = TRANSPORT(offsetof(struct tcphdr, dest), 2),
	[NFT_FIELD_TCP_FLAGS] = TRANSPORT(TCP_FLAGS_OFFSET, 1),
	[NFT_FIELD_UDP_SPORT] = TRANSPORT(offsetof(struct udphdr, source), 2),
	[NFT_FIELD_UDP_DPORT] = TRANSPORT(offsetof(struct udphdr, dest), 2),
	[NFT_FIELD_ICMP_TYPE] = TRANSPORT(0, 1),
	[NFT_FIELD_ICMPV6_TYPE] = TRANSPORT(0, 1),
	[NFT_FIELD_CT_STATE] = { "ct", .length = 4, .key = NFT_CT_STATE },
	[NFT_FIELD_CT_STATUS] = { "ct", .length = 4, .key = NFT_CT_STATUS },
	[NFT_FIELD_CT_DIRECTION] = { "ct", .length = 1, .key = NFT_CT_DIRECTION },
	[NFT_FIELD_CT_ORIGINAL_IP_DADDR] = { "ct", .length = 4, .key = NFT_CT_DST_IP,
					     .original = true },
	[NFT_FIELD_CT_ORIGINAL_IP6_DADDR] = { "ct", .length = 16, .key = NFT_CT_DST_IP6,
					      .original = true },
	[NFT_FIELD_CT_ORIGINAL_DPORT] = { "ct", .length = 2, .key = NFT_CT_PROTO_DST,
					  .original = true },
};

/* A new expression at the end of the rule, which owns it. */
static struct nftnl_expr *append(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	if (!x)
		abort();
	nftnl_rule_add_expr(r, x);
	return x;
}

static void load_meta(struct nftnl_rule *r, enum nft_meta_keys key)
{
	struct nftnl_expr *x = append(r, "meta");

	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

static void load_payload(struct nftnl_expr *x, const struct field *f, uint32_t reg)
{
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, f->base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, f->offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, f->length);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void load_tracked(struct nftnl_expr *x, const struct field *f, uint32_t reg)
{
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, f->key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, reg);
	if (f->original)
		nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
}

static void load_field(struct nftnl_rule *r, enum nft_field field, uint32_t reg)
{
	const struct field *f = &fields[field];
	struct nftnl_expr *x = append(r, f->source);

	if (f->base != 0)
		load_payload(x, f, reg);
	else
		load_tracked(x, f, reg);
}

static void compare(struct nftnl_rule *r, enum nft_cmp_ops op, const void *value, uint32_t length)
{
	struct nftnl_expr *x = append(r, "cmp");

	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, value, length);
}

void nft_expr_meta_u8(struct nftnl_rule *r, enum nft_meta_keys key, uint8_t value)
{
	load_meta(r, key);
	compare(r, NFT_CMP_EQ, &value, sizeof(value));
}

void nft_expr_meta_u32(struct nftnl_rule *r, enum nft_meta_keys key, uint32_t value)
{
	load_meta(r, key);
	compare(r, NFT_CMP_EQ, &value, sizeof(value));
}

static void match_name(struct nftnl_rule *r, enum nft_meta_keys key, enum nft_cmp_ops op,
		       const char *name)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	load_meta(r, key);
	compare(r, op, padded, sizeof(padded));
}

void nft_expr_meta_name(struct nftnl_rule *r, enum nft_meta_keys key, const char *name)
{
	match_name(r, key, NFT_CMP_EQ, name);
}

void nft_expr_meta_not_name(struct nftnl_rule *r, enum nft_meta_keys key, const char *name)
{
	match_name(r, key, NFT_CMP_NEQ, name);
}

void nft_expr_field(struct nftnl_rule *r, enum nft_field field, const void *value)
{
	load_field(r, field, NFT_REG_1);
	compare(r, NFT_CMP_EQ, value, fields[field].length);
}

/* Loads the field and keeps the bits of the mask. */
static void load_masked(struct nftnl_rule *r, enum nft_field field, const void *mask)
{
	static const uint8_t none[FIELD_MAX];
	uint32_t length = fields[field].length;
	struct nftnl_expr *x;

	load_field(r, field, NFT_REG_1);
	x = append(r, "bitwise");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, length);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, length);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, none, length);
}

void nft_expr_prefix(struct nftnl_rule *r, enum nft_field address, const void *value, unsigned bits)
{
	uint8_t mask[FIELD_MAX] = { 0 };

	for (unsigned i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80u >> i % 8);
	load_masked(r, address, mask);
	compare(r, NFT_CMP_EQ, value, fields[address].length);
}

void nft_expr_any_bit(struct nftnl_rule *r, enum nft_field field, uint32_t bits)
{
	const uint32_t none = 0;

	load_masked(r, field, &bits);
	compare(r, NFT_CMP_NEQ, &none, sizeof(none));
}

void nft_expr_not_opening(struct nftnl_rule *r)
{
	const uint8_t mask = TH_SYN | TH_ACK, opening = TH_SYN;

	load_masked(r, NFT_FIELD_TCP_FLAGS, &mask);
	compare(r, NFT_CMP_NEQ, &opening, sizeof(opening));
}

uint32_t nft_field_length(enum nft_field field)
{
	return fields[field].length;
}

/* The first 16 byte register is also the first four of 4 bytes, NFT_REG32_00 to NFT_REG32_03, and
 * they go on behind it: each field begins in the word after the one before. */
void nft_expr_lookup(struct nftnl_rule *r, const enum nft_field *key, size_t count, const char *set,
		     uint32_t id)
{
	uint32_t word = 0;
	struct nftnl_expr *x;

	for (size_t i = 0; i < count; i++) {
		load_field(r, key[i], word == 0 ? NFT_REG_1 : NFT_REG32_00 + word);
		word += (fields[key[i]].length + NFT_REG32_SIZE - 1) / NFT_REG32_SIZE;
	}
	x = append(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SET_ID, id);
}

void nft_expr_counter(struct nftnl_rule *r)
{
	(void)append(r, "counter");
}

void nft_expr_limit(struct nftnl_rule *r, uint64_t per_second, uint32_t burst)
{
	struct nftnl_expr *x = append(r, "limit");

	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, per_second);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, burst);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

void nft_expr_log(struct nftnl_rule *r, const char *prefix, uint16_t group)
{
	struct nftnl_expr *x = append(r, "log");

	nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, prefix);
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, group);
}

void nft_expr_masquerade(struct nftnl_rule *r)
{
	(void)append(r, "masq");
}

void nft_expr_verdict(struct nftnl_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *x = append(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}
