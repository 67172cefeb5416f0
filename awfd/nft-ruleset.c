#include "awfd/nft-ruleset.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter/nf_tables.h>

#include "awfd/nft-egress.h"
#include "awfd/nft-set.h"
#include "awfd/nft-table.h"

/* The relays' targets, one set for each address family. */
static const struct nft_set target_sets[] = {
	{ "relay_targets4", 1, NFPROTO_IPV4, 2, { NFT_FIELD_IP_DADDR, NFT_FIELD_TCP_DPORT } },
	{ "relay_targets6", 2, NFPROTO_IPV6, 2, { NFT_FIELD_IP6_DADDR, NFT_FIELD_TCP_DPORT } },
};

/* `ip daddr . tcp dport @relay_targets4 accept`, or that of IPv6. */
static void put_target_rule(struct nft_objects *list, const struct nft_set *set)
{
	struct nftnl_rule *r = nft_table_put_rule_for(list, "relay", set->family, IPPROTO_TCP);

	nft_set_match(r, set);
	nft_expr_verdict(r, NF_ACCEPT, NULL);
}

/* What a socket of the relay's user sends goes to a target of a live sandbox or nowhere; that
 * covers UDP, ICMP and everything else. Packets that belong to no process have no skuid and pass:
 * resets and the acknowledgements of closed connections, which the kernel makes as answers and
 * which carry nothing of the relay's, and what it had sent to a target before it closed.
 *
 * The hook's priority is before destination NAT (an engine's published port is one): a target is
 * the address that the relay asked for, and wherever the operator's own rules lead that. */
static void put_relay(const struct nft_config *config, struct nft_objects *list)
{
	struct nftnl_rule *r;

	for (size_t i = 0; i < ARRAY_SIZE(target_sets); i++)
		nft_set_put(list, &target_sets[i]);
	nft_table_put_chain(list, "relay");
	for (size_t i = 0; i < ARRAY_SIZE(target_sets); i++)
		put_target_rule(list, &target_sets[i]);
	nft_table_put_refusal(list, "relay");

	nft_table_put_base_chain(list, "output", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_MANGLE,
				 NF_ACCEPT);
	r = nft_table_put_rule(list, "output");
	nft_expr_meta_u32(r, NFT_META_SKUID, config->relay_uid);
	nft_expr_verdict(r, NFT_JUMP, "relay");
}

/* The set of a target and its key there; NULL for an address family that has none. */
static const struct nft_set *target_key(const struct sockaddr_storage *target, struct nft_key *key)
{
	const struct sockaddr_in *in = (const void *)target;
	const struct sockaddr_in6 *in6 = (const void *)target;
	const bool six = target->ss_family == AF_INET6;
	const bool mapped = six && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

	if (!six && target->ss_family != AF_INET)
		return NULL;
	if (!six)
		nft_key_append(key, &in->sin_addr, sizeof(in->sin_addr));
	else if (mapped)
		nft_key_append(key, &in6->sin6_addr.s6_addr[12], sizeof(in->sin_addr));
	else
		nft_key_append(key, &in6->sin6_addr, sizeof(in6->sin6_addr));
	nft_key_append(key, six ? &in6->sin6_port : &in->sin_port, sizeof(in_port_t));
	return &target_sets[six && !mapped];
}

int nft_ruleset_relay_target(enum nft_action action, const struct sockaddr_storage *target,
			     struct nft_objects *list, struct err *e)
{
	struct nft_key key = { 0 };
	const struct nft_set *set = target_key(target, &key);

	if (!set)
		return err_system(e, -EAFNOSUPPORT, "relay target");
	nft_set_put_element(list, action, set, &key);
	return 0;
}

static int put_content(const struct nft_content *content, struct nft_objects *list, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < content->squid_count; i++)
		r = nft_egress_squid(NFT_ADD, &content->squids[i], list, e);
	for (size_t i = 0; r == 0 && i < content->target_count; i++)
		r = nft_ruleset_relay_target(NFT_ADD, &content->targets[i], list, e);
	return r;
}

/* Adding succeeds whether the table is there or not (no NLM_F_EXCL), so deleting it and making it
 * anew does too. It is one transaction: a packet sees the old content or the new, never none. */
int nft_ruleset_host(const struct nft_config *config, struct nft_ruleset_flags flags,
		     const struct nft_content *content, struct nft_objects *list, struct err *e)
{
	int r = nft_egress_check(config, e);

	if (r < 0)
		return r;
	nft_table_put(list, NFT_ADD, flags.adopt);
	nft_table_put(list, NFT_DELETE, 0);
	nft_table_put(list, NFT_ADD, flags.make);
	put_relay(config, list);
	if (config->egress_bridge)
		nft_egress_put(config, list);
	return content ? put_content(content, list, e) : 0;
}

void nft_ruleset_remove(struct nft_objects *list)
{
	nft_table_put(list, NFT_DELETE, 0);
}
