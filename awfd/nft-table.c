#include "awfd/nft-table.h"

#include <netinet/icmp6.h>
#include <stdbool.h>
#include <stdlib.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "awfd/nflog-group.h"
#include "awfd/private-networks.h"

/* Of reports, from one rule: what a person can read. The counter behind it counts everything. */
#define REPORTS_PER_SECOND 20
#define REPORTS_BURST      50

#define ICMPV6_MLD2_REPORT 143 /* RFC 3810, 5.2 */

void *nft_not_null(void *p)
{
	if (!p)
		abort();
	return p;
}

void nft_table_put(struct nft_objects *list, enum nft_action action, uint32_t flags)
{
	struct nftnl_table *t = nft_not_null(nftnl_table_alloc());

	nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	(void)nftnl_table_set_str(t, NFTNL_TABLE_NAME, NFT_TABLE);
	if (flags)
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_TABLE, action, { .table = t } });
}

static struct nftnl_chain *put_chain(struct nft_objects *list, const char *name)
{
	struct nftnl_chain *c = nft_not_null(nftnl_chain_alloc());

	nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	(void)nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, NFT_TABLE);
	(void)nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_CHAIN, NFT_ADD, { .chain = c } });
	return c;
}

void nft_table_put_chain(struct nft_objects *list, const char *name)
{
	(void)put_chain(list, name);
}

void nft_table_put_base_chain(struct nft_objects *list, const char *name, const char *type,
			      uint32_t hook, int32_t priority, uint32_t policy)
{
	struct nftnl_chain *c = put_chain(list, name);

	(void)nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, policy);
}

struct nftnl_rule *nft_table_put_rule(struct nft_objects *list, const char *chain)
{
	struct nftnl_rule *r = nft_not_null(nftnl_rule_alloc());

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	(void)nftnl_rule_set_str(r, NFTNL_RULE_TABLE, NFT_TABLE);
	(void)nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_RULE, NFT_ADD, { .rule = r } });
	return r;
}

struct nftnl_rule *nft_table_put_rule_for(struct nft_objects *list, const char *chain,
					  uint8_t family, uint8_t protocol)
{
	struct nftnl_rule *r = nft_table_put_rule(list, chain);

	if (family != NFPROTO_UNSPEC)
		nft_expr_meta_u8(r, NFT_META_NFPROTO, family);
	nft_expr_meta_u8(r, NFT_META_L4PROTO, protocol);
	return r;
}

/* Two rules, since a rule ends at its limit. */
void nft_table_put_refusal(struct nft_objects *list, const char *chain)
{
	struct nftnl_rule *r = nft_table_put_rule(list, chain);

	nft_expr_limit(r, REPORTS_PER_SECOND, REPORTS_BURST);
	nft_expr_log(r, chain, NFLOG_GROUP);
	r = nft_table_put_rule(list, chain);
	nft_expr_counter(r);
	nft_expr_verdict(r, NF_DROP, NULL);
}

void nft_table_put_refusing_chain(struct nft_objects *list, const char *name)
{
	nft_table_put_chain(list, name);
	nft_table_put_refusal(list, name);
}

static void put_private_rule(struct nft_objects *list, const char *chain, bool is_source,
			     const struct network *n)
{
	const bool six = n->family == AF_INET6;
	struct nftnl_rule *r = nft_table_put_rule(list, chain);
	enum nft_field address;

	if (is_source)
		address = six ? NFT_FIELD_IP6_SADDR : NFT_FIELD_IP_SADDR;
	else
		address = six ? NFT_FIELD_IP6_DADDR : NFT_FIELD_IP_DADDR;
	nft_expr_meta_u8(r, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_expr_prefix(r, address, n->address, n->bits);
	nft_expr_verdict(r, NFT_JUMP, NFT_TABLE_PRIVATE);
}

void nft_table_put_private_rules(struct nft_objects *list, const char *chain, uint32_t hook)
{
	for (size_t i = 0; i < private_networks_count; i++)
		put_private_rule(list, chain, hook == NF_INET_LOCAL_IN, &private_networks[i]);
}

void nft_table_put_web_rules(struct nft_objects *list, const char *chain, uint32_t hook)
{
	const bool answers = hook == NF_INET_LOCAL_IN;
	const in_port_t ports[] = { htons(80), htons(443) };

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		struct nftnl_rule *r =
			nft_table_put_rule_for(list, chain, NFPROTO_UNSPEC, IPPROTO_TCP);

		nft_expr_field(r, answers ? NFT_FIELD_TCP_SPORT : NFT_FIELD_TCP_DPORT, &ports[i]);
		if (answers)
			nft_expr_not_opening(r);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
	}
}

static struct nftnl_rule *put_icmpv6_rule(struct nft_objects *list, const char *chain, uint8_t type)
{
	struct nftnl_rule *r = nft_table_put_rule_for(list, chain, NFPROTO_IPV6, IPPROTO_ICMPV6);

	nft_expr_field(r, NFT_FIELD_ICMPV6_TYPE, &type);
	return r;
}

void nft_table_put_neighbour_rules(struct nft_objects *list, const char *chain)
{
	static const uint8_t types[] = { ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		nft_expr_verdict(put_icmpv6_rule(list, chain, types[i]), NF_ACCEPT, NULL);
}

void nft_table_put_chatter_rules(struct nft_objects *list, const char *chain)
{
	static const uint8_t types[] = { ND_ROUTER_SOLICIT, ICMPV6_MLD2_REPORT };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct nftnl_rule *r = put_icmpv6_rule(list, chain, types[i]);

		nft_expr_counter(r);
		nft_expr_verdict(r, NF_DROP, NULL);
	}
}
