#include "awfd/nft-namespace.h"

#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h> /* before linux/in.h */
#include <netinet/ip_icmp.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter/nf_tables.h>

#include "awfd/nft-table.h"

#define LOOPBACK_INDEX 1 /* of lo, in every network namespace */

/* The base chains, and the chains of the way out that they lead to. */
static const struct direction {
	const char *chain;
	uint32_t hook;
	enum nft_meta_keys loopback, link;
	const char *outside;
} directions[] = {
	{ "input", NF_INET_LOCAL_IN, NFT_META_IIF, NFT_META_IIFNAME, "ingress" },
	{ "output", NF_INET_LOCAL_OUT, NFT_META_OIF, NFT_META_OIFNAME, "egress" },
};

/* A sandbox's own loopback, one way: any traffic, or only one TCP port and what it answers. */
static void put_loopback(struct nft_objects *list, const struct direction *d,
			 const struct nft_namespace *ns)
{
	const enum nft_field ends[] = { NFT_FIELD_TCP_DPORT, NFT_FIELD_TCP_SPORT };
	const in_port_t port = htons(ns->loopback_port);
	struct nftnl_rule *r;

	if (ns->loopback_any) {
		r = nft_table_put_rule(list, d->chain);
		nft_expr_meta_u32(r, d->loopback, LOOPBACK_INDEX);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
		return;
	}
	for (size_t i = 0; ns->loopback_port != 0 && i < ARRAY_SIZE(ends); i++) {
		r = nft_table_put_rule(list, d->chain);
		nft_expr_meta_u32(r, d->loopback, LOOPBACK_INDEX);
		nft_expr_meta_u8(r, NFT_META_L4PROTO, IPPROTO_TCP);
		nft_expr_field(r, ends[i], &port);
		if (ends[i] == NFT_FIELD_TCP_SPORT)
			nft_expr_not_opening(r);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
	}
}

/* TCP from 127.0.0.1 to itself: squid talks to its helper that way. The engine's resolver, which is
 * in every namespace that has an engine's network, listens on another address of loopback. */
static void put_loopback_helpers(struct nft_objects *list, const struct direction *d)
{
	const struct in_addr loopback = { .s_addr = htonl(INADDR_LOOPBACK) };
	struct nftnl_rule *r = nft_table_put_rule(list, d->chain);

	nft_expr_meta_u32(r, d->loopback, LOOPBACK_INDEX);
	nft_expr_meta_u8(r, NFT_META_NFPROTO, NFPROTO_IPV4);
	nft_expr_field(r, NFT_FIELD_IP_SADDR, &loopback);
	nft_expr_field(r, NFT_FIELD_IP_DADDR, &loopback);
	nft_expr_meta_u8(r, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_expr_verdict(r, NF_ACCEPT, NULL);
}

/* One direction of a flow. Without conntrack there is nothing to fill or to confuse: towards the
 * server every packet to its port passes, back every packet from its port that opens nothing. */
static void put_flow(struct nft_objects *list, const struct direction *d, const struct nft_flow *f)
{
	const bool incoming = d->hook == NF_INET_LOCAL_IN;
	const bool to_server = incoming == f->serve;
	const in_port_t port = htons(f->port);
	struct nftnl_rule *r = nft_table_put_rule(list, d->chain);

	nft_expr_meta_name(r, d->link, f->link);
	nft_expr_meta_u8(r, NFT_META_NFPROTO, NFPROTO_IPV4);
	nft_expr_field(r, NFT_FIELD_IP_SADDR, incoming ? &f->peer : &f->local);
	nft_expr_field(r, NFT_FIELD_IP_DADDR, incoming ? &f->local : &f->peer);
	nft_expr_meta_u8(r, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_expr_field(r, to_server ? NFT_FIELD_TCP_DPORT : NFT_FIELD_TCP_SPORT, &port);
	if (!to_server)
		nft_expr_not_opening(r);
	nft_expr_verdict(r, NF_ACCEPT, NULL);
}

/* --- The way out ----------------------------------------------------------------------------- */

/* A rule for one end of the way out: packets to it, or those from it. */
static void put_end(struct nft_objects *list, const struct direction *d, uint8_t protocol,
		    const struct sockaddr_storage *end, in_port_t port)
{
	static const enum nft_field addresses[2][2] = {
		{ NFT_FIELD_IP_DADDR, NFT_FIELD_IP_SADDR },
		{ NFT_FIELD_IP6_DADDR, NFT_FIELD_IP6_SADDR },
	};
	static const enum nft_field tcp[] = { NFT_FIELD_TCP_DPORT, NFT_FIELD_TCP_SPORT };
	static const enum nft_field udp[] = { NFT_FIELD_UDP_DPORT, NFT_FIELD_UDP_SPORT };
	const bool six = end->ss_family == AF_INET6, incoming = d->hook == NF_INET_LOCAL_IN;
	const void *address = six ? (const void *)&((const struct sockaddr_in6 *)end)->sin6_addr
				  : (const void *)&((const struct sockaddr_in *)end)->sin_addr;
	struct nftnl_rule *r = nft_table_put_rule(list, d->outside);

	nft_expr_meta_u8(r, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_expr_field(r, addresses[six][incoming], address);
	nft_expr_meta_u8(r, NFT_META_L4PROTO, protocol);
	nft_expr_field(r, protocol == IPPROTO_TCP ? tcp[incoming] : udp[incoming], &port);
	if (incoming && protocol == IPPROTO_TCP)
		nft_expr_not_opening(r);
	nft_expr_verdict(r, NF_ACCEPT, NULL);
}

static void put_ends(struct nft_objects *list, const struct direction *d,
		     const struct nft_egress *out)
{
	for (size_t i = 0; i < out->dns_count; i++) {
		put_end(list, d, IPPROTO_UDP, &out->dns_servers[i], htons(NFT_EGRESS_DNS_PORT));
		put_end(list, d, IPPROTO_TCP, &out->dns_servers[i], htons(NFT_EGRESS_DNS_PORT));
	}
	for (size_t i = 0; i < out->grant_count; i++) {
		const struct sockaddr_in *in = (const void *)&out->grants[i];

		put_end(list, d, IPPROTO_TCP, &out->grants[i], in->sin_port); /* sin6_port, too */
	}
}

/* What tells a connection that it can't go on like this. The kernel looks for the connection that
 * is meant, and ignores an error about none. */
static void put_icmp_errors(struct nft_objects *list, const char *chain)
{
	static const struct error {
		uint8_t family, protocol, type;
	} errors[] = {
		{ NFPROTO_IPV4, IPPROTO_ICMP, ICMP_DEST_UNREACH }, /* packet too big, too */
		{ NFPROTO_IPV4, IPPROTO_ICMP, ICMP_TIME_EXCEEDED },
		{ NFPROTO_IPV4, IPPROTO_ICMP, ICMP_PARAMETERPROB },
		{ NFPROTO_IPV6, IPPROTO_ICMPV6, ICMP6_DST_UNREACH },
		{ NFPROTO_IPV6, IPPROTO_ICMPV6, ICMP6_PACKET_TOO_BIG },
		{ NFPROTO_IPV6, IPPROTO_ICMPV6, ICMP6_TIME_EXCEEDED },
		{ NFPROTO_IPV6, IPPROTO_ICMPV6, ICMP6_PARAM_PROB },
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		const struct error *x = &errors[i];
		struct nftnl_rule *r = nft_table_put_rule_for(list, chain, x->family, x->protocol);

		nft_expr_field(
			r, x->family == NFPROTO_IPV6 ? NFT_FIELD_ICMPV6_TYPE : NFT_FIELD_ICMP_TYPE,
			&x->type);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
	}
}

/* One direction of the way out, in a chain of its own. Stateless as the flows are. The named ends
 * come before the private networks that they may be in, and those before the web at large. */
static void put_outside(struct nft_objects *list, const struct direction *d,
			const struct nft_egress *out)
{
	nft_table_put_chain(list, d->outside);
	nft_table_put_neighbour_rules(list, d->outside);
	nft_table_put_chatter_rules(list, d->outside);
	if (d->hook == NF_INET_LOCAL_IN)
		put_icmp_errors(list, d->outside);
	put_ends(list, d, out);
	nft_table_put_private_rules(list, d->outside, d->hook);
	nft_table_put_web_rules(list, d->outside, d->hook);
	nft_table_put_refusal(list, d->outside);
}

static void put_outside_jump(struct nft_objects *list, const struct direction *d,
			     const struct nft_egress *out)
{
	struct nftnl_rule *r = nft_table_put_rule(list, d->chain);

	nft_expr_meta_name(r, d->link, out->link);
	nft_expr_verdict(r, NFT_JUMP, d->outside);
}

/* --- The table ------------------------------------------------------------------------------- */

static int check_link(const char *link, struct err *e)
{
	if (link[0] == '\0' || strlen(link) >= IFNAMSIZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is no name of an interface", link);
	return 0;
}

static int check_flow(const struct nft_flow *f, struct err *e)
{
	int r = check_link(f->link, e);

	if (r == 0 && f->port == 0)
		return err_set(e, -EINVAL, ERR_SYSTEM, "flow on %s without a port", f->link);
	return r;
}

static int check_ends(const struct sockaddr_storage *ends, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (ends[i].ss_family != AF_INET && ends[i].ss_family != AF_INET6)
			return err_system(e, -EAFNOSUPPORT, "destination of squid");
	return 0;
}

static int check_egress(const struct nft_egress *out, struct err *e)
{
	int r = check_link(out->link, e);

	if (r == 0)
		r = check_ends(out->dns_servers, out->dns_count, e);
	return r < 0 ? r : check_ends(out->grants, out->grant_count, e);
}

static int check(const struct nft_namespace *ns, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ns->flow_count; i++)
		r = check_flow(&ns->flows[i], e);
	return r < 0 || !ns->egress ? r : check_egress(ns->egress, e);
}

static void put_table(struct nft_objects *list, bool replace)
{
	if (replace) {
		nft_table_put(list, NFT_ADD, 0);
		nft_table_put(list, NFT_DELETE, 0);
	}
	nft_table_put(list, replace ? NFT_ADD : NFT_CREATE, 0);
}

static void put_direction(struct nft_objects *list, const struct direction *d,
			  const struct nft_namespace *ns)
{
	nft_table_put_base_chain(list, d->chain, "filter", d->hook, NF_IP_PRI_FILTER, NF_DROP);
	put_loopback(list, d, ns);
	if (ns->loopback_helpers)
		put_loopback_helpers(list, d);
	for (size_t i = 0; i < ns->flow_count; i++)
		put_flow(list, d, &ns->flows[i]);
	if (ns->egress)
		put_outside_jump(list, d, ns->egress);
	nft_table_put_refusal(list, d->chain);
}

static void put_ways_out(struct nft_objects *list, const struct nft_egress *out)
{
	nft_table_put_refusing_chain(list, NFT_TABLE_PRIVATE);
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++)
		put_outside(list, &directions[i], out);
}

int nft_namespace_put(const struct nft_namespace *ns, bool replace, struct nft_objects *list,
		      struct err *e)
{
	int r = check(ns, e);

	if (r < 0)
		return r;
	put_table(list, replace);
	if (ns->egress)
		put_ways_out(list, ns->egress);
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++)
		put_direction(list, &directions[i], ns);
	nft_table_put_base_chain(list, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER,
				 NF_DROP);
	nft_table_put_refusal(list, "forward");
	return 0;
}

/* Their order among the others does not matter: no packet is on two links. */
int nft_namespace_put_grants(const struct nft_namespace *ns, struct nft_objects *list,
			     struct err *e)
{
	size_t first;
	int r = check(ns, e);

	if (r < 0)
		return r;
	if (ns->egress)
		put_ways_out(list, ns->egress);
	first = list->count;
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		put_loopback(list, &directions[i], ns);
		if (ns->egress)
			put_outside_jump(list, &directions[i], ns->egress);
	}
	for (size_t i = first; i < list->count; i++)
		list->items[i].action = NFT_INSERT;
	return 0;
}
