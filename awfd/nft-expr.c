#include "awfd/nft-expr.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "common/cleanup.h"

#define TCP_FLAGS_OFFSET 13 /* RFC 9293, 3.1 */

/* Where a header field is. */
static const struct field {
	uint32_t base;
	uint32_t offset;
	uint32_t length;
} fields[NFT_FIELD_COUNT] = {
	[NFT_FIELD_IP_SADDR] = { NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, saddr), 4 },
	[NFT_FIELD_IP_DADDR] = { NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, daddr), 4 },
	[NFT_FIELD_IP6_DADDR] = { NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct ip6_hdr, ip6_dst),
				  16 },
	[NFT_FIELD_TCP_SPORT] = { NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, source),
				  2 },
	[NFT_FIELD_TCP_DPORT] = { NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, dest), 2 },
	[NFT_FIELD_TCP_FLAGS] = { NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1 },
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

static void load_field(struct nftnl_rule *r, enum nft_field field, uint32_t reg)
{
	struct nftnl_expr *x = append(r, "payload");

	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, fields[field].base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, fields[field].offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, fields[field].length);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg);
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

void nft_expr_meta_name(struct nftnl_rule *r, enum nft_meta_keys key, const char *name)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	load_meta(r, key);
	compare(r, NFT_CMP_EQ, padded, sizeof(padded));
}

void nft_expr_field(struct nftnl_rule *r, enum nft_field field, const void *value)
{
	load_field(r, field, NFT_REG_1);
	compare(r, NFT_CMP_EQ, value, fields[field].length);
}

void nft_expr_not_opening(struct nftnl_rule *r)
{
	const uint8_t mask = TH_SYN | TH_ACK, none = 0, opening = TH_SYN;
	struct nftnl_expr *x;

	load_field(r, NFT_FIELD_TCP_FLAGS, NFT_REG_1);
	x = append(r, "bitwise");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, &none, sizeof(none));
	compare(r, NFT_CMP_NEQ, &opening, sizeof(opening));
}

/* The first 16 byte register is also the first four of 4 bytes, NFT_REG32_00 to NFT_REG32_03: the
 * port goes into the word right behind the address. */
void nft_expr_lookup_target(struct nftnl_rule *r, enum nft_field address, const char *set,
			    uint32_t id)
{
	uint32_t words = fields[address].length / NFT_REG32_SIZE;
	struct nftnl_expr *x;

	load_field(r, address, NFT_REG_1);
	load_field(r, NFT_FIELD_TCP_DPORT, NFT_REG32_00 + words);
	x = append(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SET_ID, id);
}

void nft_expr_counter(struct nftnl_rule *r)
{
	(void)append(r, "counter");
}

void nft_expr_verdict(struct nftnl_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *x = append(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}
