#include "awfd/nft-egress.h"

#include <net/if.h>
#include <netinet/in.h> /* before linux/in.h */
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include "awfd/nft-set.h"
#include "awfd/nft-table.h"

/* Rows of two: IPv4, IPv6. Ids go on from those of the relays' sets. */
static const struct nft_set squids[] = {
	{ "squids4", 3, NFPROTO_IPV4, 1, { NFT_FIELD_IP_SADDR } },
	{ "squids6", 4, NFPROTO_IPV6, 1, { NFT_FIELD_IP6_SADDR } },
};

/* Of squid and the address it asked for: where the operator's own rules lead that (a cluster's DNS
 * service, a published port) is the operator's business, as with the relays' targets. */
static const struct nft_set squid_dns[] = {
	{ "squid_dns4",
	  5,
	  NFPROTO_IPV4,
	  2,
	  { NFT_FIELD_IP_SADDR, NFT_FIELD_CT_ORIGINAL_IP_DADDR } },
	{ "squid_dns6",
	  6,
	  NFPROTO_IPV6,
	  2,
	  { NFT_FIELD_IP6_SADDR, NFT_FIELD_CT_ORIGINAL_IP6_DADDR } },
};

static const struct nft_set squid_grants[] = {
	{ "squid_grants4",
	  7,
	  NFPROTO_IPV4,
	  3,
	  { NFT_FIELD_IP_SADDR, NFT_FIELD_CT_ORIGINAL_IP_DADDR, NFT_FIELD_CT_ORIGINAL_DPORT } },
	{ "squid_grants6",
	  8,
	  NFPROTO_IPV6,
	  3,
	  { NFT_FIELD_IP6_SADDR, NFT_FIELD_CT_ORIGINAL_IP6_DADDR, NFT_FIELD_CT_ORIGINAL_DPORT } },
};

#define FAMILIES 2

/* Who an answer goes to: squids4 and squids6, looked up by the destination. */
static const enum nft_field destinations[FAMILIES] = { NFT_FIELD_IP_DADDR, NFT_FIELD_IP6_DADDR };

static void put_sets(struct nft_objects *list)
{
	static const struct nft_set *const kinds[] = { squids, squid_dns, squid_grants };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t j = 0; j < FAMILIES; j++)
			nft_set_put(list, &kinds[i][j]);
}

/* `iifname BRIDGE jump CHAIN`, or oifname. */
static void put_bridge_jump(struct nft_objects *list, const char *from, enum nft_meta_keys key,
			    const char *bridge, const char *to)
{
	struct nftnl_rule *r = nft_table_put_rule(list, from);

	nft_expr_meta_name(r, key, bridge);
	nft_expr_verdict(r, NFT_JUMP, to);
}

/* A squid's questions to its own servers, by UDP and TCP. */
static void put_dns(struct nft_objects *list)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP };
	const in_port_t port = htons(NFT_EGRESS_DNS_PORT);

	nft_table_put_chain(list, "dns");
	for (size_t i = 0; i < FAMILIES; i++)
		for (size_t j = 0; j < ARRAY_SIZE(protocols); j++) {
			struct nftnl_rule *r = nft_table_put_rule_for(
				list, "dns", squid_dns[i].family, protocols[j]);

			nft_expr_field(r, NFT_FIELD_CT_ORIGINAL_DPORT, &port);
			nft_set_match(r, &squid_dns[i]);
			nft_expr_verdict(r, NF_ACCEPT, NULL);
		}
}

static void put_jump(struct nft_objects *list, const char *from, const char *to)
{
	nft_expr_verdict(nft_table_put_rule(list, from), NFT_JUMP, to);
}

static void put_grant_rules(struct nft_objects *list)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		struct nftnl_rule *r =
			nft_table_put_rule_for(list, "squid", squid_grants[i].family, IPPROTO_TCP);

		nft_set_match(r, &squid_grants[i]);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
	}
}

/* What a squid that is known may send. What a rule of the host leads away from where squid meant it
 * to go is refused: else such a rule would turn a public address into a private one, or into a
 * container of the host whose addresses look public. */
static void put_squid(struct nft_objects *list)
{
	struct nftnl_rule *r;

	nft_table_put_chain(list, "squid");
	put_jump(list, "squid", "dns");
	put_grant_rules(list);
	r = nft_table_put_rule(list, "squid");
	nft_expr_any_bit(r, NFT_FIELD_CT_STATUS, IPS_DST_NAT);
	nft_expr_verdict(r, NFT_JUMP, "diverted");
	nft_table_put_private_rules(list, "squid", NF_INET_FORWARD);
	nft_table_put_web_rules(list, "squid", NF_INET_FORWARD);
	nft_table_put_refusal(list, "squid");
}

/* From the bridge outwards. A packet of no connection (a late one, mostly) is nothing to report,
 * and wouldn't be masqueraded. */
static void put_egress(struct nft_objects *list, const char *bridge)
{
	struct nftnl_rule *r;

	nft_table_put_chain(list, "egress");
	put_bridge_jump(list, "egress", NFT_META_OIFNAME, bridge, NFT_TABLE_PRIVATE);
	r = nft_table_put_rule(list, "egress");
	nft_expr_any_bit(r, NFT_FIELD_CT_STATE, NF_CT_STATE_INVALID_BIT);
	nft_expr_counter(r);
	nft_expr_verdict(r, NF_DROP, NULL);
	for (size_t i = 0; i < FAMILIES; i++) {
		r = nft_table_put_rule(list, "egress");
		nft_expr_meta_u8(r, NFT_META_NFPROTO, squids[i].family);
		nft_set_match(r, &squids[i]);
		nft_expr_verdict(r, NFT_JUMP, "squid");
	}
	nft_table_put_refusal(list, "egress");
}

/* Towards the bridge: answers to connections that a squid began, and ICMP errors about them. The
 * direction keeps out what a tracking helper expects from outside.
 *
 * Answers are told by connection tracking because every connection of the bridge is tracked anyway,
 * for the sake of masquerading; without it nothing would come back at all. Outwards each packet is
 * judged by the sets alone, so that the end of a squid or of a grant ends its connections. */
static void put_ingress(struct nft_objects *list)
{
	const uint8_t reply = IP_CT_DIR_REPLY;

	nft_table_put_chain(list, "ingress");
	for (size_t i = 0; i < FAMILIES; i++) {
		struct nftnl_rule *r = nft_table_put_rule(list, "ingress");

		nft_expr_any_bit(r, NFT_FIELD_CT_STATE,
				 NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
					 NF_CT_STATE_BIT(IP_CT_RELATED));
		nft_expr_field(r, NFT_FIELD_CT_DIRECTION, &reply);
		nft_expr_meta_u8(r, NFT_META_NFPROTO, squids[i].family);
		nft_expr_lookup(r, &destinations[i], 1, squids[i].name, squids[i].id);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
	}
	nft_table_put_refusal(list, "ingress");
}

/* To the host itself, whatever its address. Packets from a bridge to the host's addresses never
 * pass the forward hook. */
static void put_host(struct nft_objects *list)
{
	nft_table_put_chain(list, "host");
	nft_table_put_neighbour_rules(list, "host");
	nft_table_put_chatter_rules(list, "host");
	put_jump(list, "host", "dns");
	nft_table_put_refusal(list, "host");
}

/* IPv4 is masqueraded by the engine, which gives its networks no IPv6. */
static void put_masquerade(const struct nft_config *config, struct nft_objects *list)
{
	struct nftnl_rule *r;

	nft_table_put_base_chain(list, "postrouting", "nat", NF_INET_POST_ROUTING,
				 NF_IP_PRI_NAT_SRC, NF_ACCEPT);
	r = nft_table_put_rule(list, "postrouting");
	nft_expr_meta_u8(r, NFT_META_NFPROTO, NFPROTO_IPV6);
	nft_expr_prefix(r, NFT_FIELD_IP6_SADDR, &config->egress_subnet6, config->egress_prefix6);
	nft_expr_meta_not_name(r, NFT_META_OIFNAME, config->egress_bridge);
	nft_expr_masquerade(r);
}

int nft_egress_check(const struct nft_config *config, struct err *e)
{
	if (!config->egress_bridge)
		return 0;
	if (config->egress_bridge[0] == '\0' || strlen(config->egress_bridge) >= IFNAMSIZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is no name of a bridge",
			       config->egress_bridge);
	if (config->egress_prefix6 > 128)
		return err_set(e, -EINVAL, ERR_SYSTEM, "the prefix of %s is longer than 128 bits",
			       config->egress_bridge);
	return 0;
}

/* The base chains come before the engine's, whose own refusals would hide what is to be reported.
 * Accepting here is not the last word, the engine's and the operator's rules are still to come;
 * dropping is. With the bridge's packets in the forward hook (br_netfilter) those between two of
 * its ports come in by the bridge and leave by it. */
void nft_egress_put(const struct nft_config *config, struct nft_objects *list)
{
	const char *bridge = config->egress_bridge;

	put_sets(list);
	nft_table_put_refusing_chain(list, NFT_TABLE_PRIVATE);
	nft_table_put_refusing_chain(list, "diverted");
	put_dns(list);
	put_squid(list);
	put_egress(list, bridge);
	put_ingress(list);
	put_host(list);

	nft_table_put_base_chain(list, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_MANGLE,
				 NF_ACCEPT);
	put_bridge_jump(list, "forward", NFT_META_IIFNAME, bridge, "egress");
	put_bridge_jump(list, "forward", NFT_META_OIFNAME, bridge, "ingress");
	nft_table_put_base_chain(list, "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_MANGLE,
				 NF_ACCEPT);
	put_bridge_jump(list, "input", NFT_META_IIFNAME, bridge, "host");
	if (config->egress_prefix6 > 0)
		put_masquerade(config, list);
}

/* --- One squid ------------------------------------------------------------------------------- */

struct change {
	enum nft_action action;
	const struct nft_squid *squid;
	struct nft_objects *list;
};

/* Begins a key with squid's own address of the family; false when it has none. */
static bool begin_key(const struct change *c, size_t family, struct nft_key *key)
{
	*key = (struct nft_key){ 0 };
	if (family == 0)
		nft_key_append(key, &c->squid->address, sizeof(c->squid->address));
	else if (c->squid->has_v6)
		nft_key_append(key, &c->squid->address6, sizeof(c->squid->address6));
	return key->length > 0;
}

static void change_squid(const struct change *c)
{
	struct nft_key key;

	for (size_t i = 0; i < FAMILIES; i++)
		if (begin_key(c, i, &key))
			nft_set_put_element(c->list, c->action, &squids[i], &key);
}

/* An element of squid and another address, with its port where that is part of the key. */
static int change_pair(const struct change *c, const struct nft_set sets[FAMILIES],
		       const struct sockaddr_storage *other, struct err *e)
{
	const struct sockaddr_in *in = (const void *)other;
	const struct sockaddr_in6 *in6 = (const void *)other;
	const bool six = other->ss_family == AF_INET6;
	struct nft_key key;

	if (!six && other->ss_family != AF_INET)
		return err_system(e, -EAFNOSUPPORT, "destination of squid");
	if (!begin_key(c, six, &key))
		return 0;
	if (six)
		nft_key_append(&key, &in6->sin6_addr, sizeof(in6->sin6_addr));
	else
		nft_key_append(&key, &in->sin_addr, sizeof(in->sin_addr));
	if (sets[six].field_count == 3)
		nft_key_append(&key, six ? &in6->sin6_port : &in->sin_port, sizeof(in_port_t));
	nft_set_put_element(c->list, c->action, &sets[six], &key);
	return 0;
}

int nft_egress_squid(enum nft_action action, const struct nft_squid *squid,
		     struct nft_objects *list, struct err *e)
{
	const struct change c = { action, squid, list };
	int r = 0;

	change_squid(&c);
	for (size_t i = 0; r == 0 && i < squid->dns_count; i++)
		r = change_pair(&c, squid_dns, &squid->dns_servers[i], e);
	for (size_t i = 0; r == 0 && i < squid->grant_count; i++)
		r = change_pair(&c, squid_grants, &squid->grants[i], e);
	return r;
}
