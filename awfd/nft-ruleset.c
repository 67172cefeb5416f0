#include "awfd/nft-ruleset.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter/nf_tables.h>
#include <libnftnl/expr.h>

#include "awfd/nft-expr.h"
#include "common/alloc.h"

#define LOOPBACK_INDEX 1 /* of lo, in every network namespace */

/* The relays' targets, one set for each address family. */
struct target_set {
	const char *name;
	uint32_t id; /* within a batch */
	uint8_t family;
	enum nft_field address;
	uint8_t address_length;
	uint32_t key_type;
};

/* How nft(8) writes the type of a concatenated key: its types' numbers, six bits each. */
enum { TYPE_IPV4_ADDR = 7, TYPE_IPV6_ADDR = 8, TYPE_INET_SERVICE = 13, TYPE_BITS = 6 };

static const struct target_set target_sets[] = {
	{ "relay_targets4", 1, NFPROTO_IPV4, NFT_FIELD_IP_DADDR, 4,
	  TYPE_IPV4_ADDR << TYPE_BITS | TYPE_INET_SERVICE },
	{ "relay_targets6", 2, NFPROTO_IPV6, NFT_FIELD_IP6_DADDR, 16,
	  TYPE_IPV6_ADDR << TYPE_BITS | TYPE_INET_SERVICE },
};

/* A port in a concatenated key takes a whole 4 byte word, as every field does. */
#define TARGET_KEY_MAX (16 + NFT_REG32_SIZE)

/* The base chains of a sandbox namespace. */
static const struct direction {
	const char *chain;
	uint32_t hook;
	enum nft_meta_keys loopback, link;
} directions[] = {
	{ "input", NF_INET_LOCAL_IN, NFT_META_IIF, NFT_META_IIFNAME },
	{ "output", NF_INET_LOCAL_OUT, NFT_META_OIF, NFT_META_OIFNAME },
};

static void *not_null(void *p)
{
	if (!p)
		abort();
	return p;
}

static void put_table(struct nft_objects *list, enum nft_action action, uint32_t flags)
{
	struct nftnl_table *t = not_null(nftnl_table_alloc());

	nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	(void)nftnl_table_set_str(t, NFTNL_TABLE_NAME, NFT_RULESET_TABLE);
	if (flags)
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_TABLE, action, { .table = t } });
}

/* Adding succeeds whether the table is there or not (no NLM_F_EXCL), so deleting it and making it
 * anew does too. It is one transaction: a packet sees the old content or the new, never none. */
static void replace_table(struct nft_objects *list, struct nft_ruleset_flags flags)
{
	put_table(list, NFT_ADD, flags.adopt);
	put_table(list, NFT_DELETE, 0);
	put_table(list, NFT_ADD, flags.make);
}

static struct nftnl_chain *put_chain(struct nft_objects *list, const char *name)
{
	struct nftnl_chain *c = not_null(nftnl_chain_alloc());

	nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	(void)nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, NFT_RULESET_TABLE);
	(void)nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_CHAIN, NFT_ADD, { .chain = c } });
	return c;
}

static void put_base_chain(struct nft_objects *list, const char *name, uint32_t hook,
			   int32_t priority, uint32_t policy)
{
	struct nftnl_chain *c = put_chain(list, name);

	(void)nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, policy);
}

/* An empty rule at the end of a chain. */
static struct nftnl_rule *put_rule(struct nft_objects *list, const char *chain)
{
	struct nftnl_rule *r = not_null(nftnl_rule_alloc());

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	(void)nftnl_rule_set_str(r, NFTNL_RULE_TABLE, NFT_RULESET_TABLE);
	(void)nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_RULE, NFT_ADD, { .rule = r } });
	return r;
}

/* The last rule of every chain that refuses. This is the one place where a refusal is counted, and
 * where it is to be reported. */
static void put_refusal(struct nft_objects *list, const char *chain)
{
	struct nftnl_rule *r = put_rule(list, chain);

	nft_expr_counter(r);
	nft_expr_verdict(r, NF_DROP, NULL);
}

static struct nftnl_set *set_named(const char *name)
{
	struct nftnl_set *s = not_null(nftnl_set_alloc());

	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	(void)nftnl_set_set_str(s, NFTNL_SET_TABLE, NFT_RULESET_TABLE);
	(void)nftnl_set_set_str(s, NFTNL_SET_NAME, name);
	return s;
}

static void put_target_set(struct nft_objects *list, const struct target_set *t)
{
	const uint8_t fields[] = { t->address_length, sizeof(in_port_t) };
	struct nftnl_set *s = set_named(t->name);

	nftnl_set_set_u32(s, NFTNL_SET_ID, t->id);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_CONCAT | NFT_SET_EXPR);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, t->key_type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, t->address_length + NFT_REG32_SIZE);
	(void)nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, fields, sizeof(fields));
	nftnl_set_add_expr(s, not_null(nftnl_expr_alloc("counter")));
	nft_objects_append(list, (struct nft_object){ NFT_OBJECT_KIND_SET, NFT_ADD, { .set = s } });
}

/* `ip daddr . tcp dport @relay_targets4 accept`, or that of IPv6. */
static void put_target_rule(struct nft_objects *list, const struct target_set *t)
{
	struct nftnl_rule *r = put_rule(list, "relay");

	nft_expr_meta_u8(r, NFT_META_NFPROTO, t->family);
	nft_expr_meta_u8(r, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_expr_lookup_target(r, t->address, t->name, t->id);
	nft_expr_verdict(r, NF_ACCEPT, NULL);
}

/* What a socket of the relay's user sends goes to a target of a live sandbox or nowhere; that
 * covers UDP, ICMP and everything else. Packets that belong to no process have no skuid and pass:
 * resets and the acknowledgements of closed connections, which the kernel makes as answers and
 * which carry nothing of the relay's, and what it had sent to a target before it closed.
 *
 * The hook's priority is before destination NAT (an engine's published port is one): a target is
 * the address that the relay asked for, and wherever the operator's own rules lead that. */
void nft_ruleset_host(const struct nft_config *config, struct nft_ruleset_flags flags,
		      struct nft_objects *list)
{
	struct nftnl_rule *r;

	replace_table(list, flags);
	for (size_t i = 0; i < ARRAY_SIZE(target_sets); i++)
		put_target_set(list, &target_sets[i]);

	(void)put_chain(list, "relay");
	for (size_t i = 0; i < ARRAY_SIZE(target_sets); i++)
		put_target_rule(list, &target_sets[i]);
	put_refusal(list, "relay");

	put_base_chain(list, "output", NF_INET_LOCAL_OUT, NF_IP_PRI_MANGLE, NF_ACCEPT);
	r = put_rule(list, "output");
	nft_expr_meta_u32(r, NFT_META_SKUID, config->relay_uid);
	nft_expr_verdict(r, NFT_JUMP, "relay");
}

/* A sandbox's own loopback, one way: any traffic, or only one TCP port and what it answers. */
static void put_loopback(struct nft_objects *list, const struct direction *d,
			 const struct nft_namespace *ns)
{
	const enum nft_field ends[] = { NFT_FIELD_TCP_DPORT, NFT_FIELD_TCP_SPORT };
	const in_port_t port = htons(ns->loopback_port);
	struct nftnl_rule *r;

	if (ns->loopback_any) {
		r = put_rule(list, d->chain);
		nft_expr_meta_u32(r, d->loopback, LOOPBACK_INDEX);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
		return;
	}
	for (size_t i = 0; ns->loopback_port != 0 && i < ARRAY_SIZE(ends); i++) {
		r = put_rule(list, d->chain);
		nft_expr_meta_u32(r, d->loopback, LOOPBACK_INDEX);
		nft_expr_meta_u8(r, NFT_META_L4PROTO, IPPROTO_TCP);
		nft_expr_field(r, ends[i], &port);
		if (ends[i] == NFT_FIELD_TCP_SPORT)
			nft_expr_not_opening(r);
		nft_expr_verdict(r, NF_ACCEPT, NULL);
	}
}

/* One direction of a flow. Without conntrack there is nothing to fill or to confuse: towards the
 * server every packet to its port passes, back every packet from its port that opens nothing. */
static void put_flow(struct nft_objects *list, const struct direction *d, const struct nft_flow *f)
{
	const bool incoming = d->hook == NF_INET_LOCAL_IN;
	const bool to_server = incoming == f->serve;
	const in_port_t port = htons(f->port);
	struct nftnl_rule *r = put_rule(list, d->chain);

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

static int check_flow(const struct nft_flow *f, struct err *e)
{
	size_t length = strlen(f->link);

	if (length == 0 || length >= IFNAMSIZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is no name of an interface", f->link);
	if (f->port == 0)
		return err_set(e, -EINVAL, ERR_SYSTEM, "flow on %s without a port", f->link);
	return 0;
}

int nft_ruleset_namespace(const struct nft_namespace *ns, bool replace, struct nft_objects *list,
			  struct err *e)
{
	for (size_t i = 0; i < ns->flow_count; i++) {
		int r = check_flow(&ns->flows[i], e);

		if (r < 0)
			return r;
	}
	if (replace)
		replace_table(list, (struct nft_ruleset_flags){ 0 });
	else
		put_table(list, NFT_CREATE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		const struct direction *d = &directions[i];

		put_base_chain(list, d->chain, d->hook, NF_IP_PRI_FILTER, NF_DROP);
		put_loopback(list, d, ns);
		for (size_t j = 0; j < ns->flow_count; j++)
			put_flow(list, d, &ns->flows[j]);
		put_refusal(list, d->chain);
	}
	put_base_chain(list, "forward", NF_INET_FORWARD, NF_IP_PRI_FILTER, NF_DROP);
	put_refusal(list, "forward");
	return 0;
}

/* Writes a key, in network order: the address, then the port in a word of its own. */
static const struct target_set *make_key(const struct target_set *set, const void *address,
					 in_port_t port, unsigned char key[TARGET_KEY_MAX])
{
	memset(key, 0, TARGET_KEY_MAX);
	memcpy(key, address, set->address_length);
	memcpy(key + set->address_length, &port, sizeof(port));
	return set;
}

/* The set of a target and its key there; NULL for an address family that has none. */
static const struct target_set *target_key(const struct sockaddr_storage *target,
					   unsigned char key[TARGET_KEY_MAX])
{
	const struct sockaddr_in *in = (const void *)target;
	const struct sockaddr_in6 *in6 = (const void *)target;

	if (target->ss_family == AF_INET)
		return make_key(&target_sets[0], &in->sin_addr, in->sin_port, key);
	if (target->ss_family != AF_INET6)
		return NULL;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return make_key(&target_sets[0], &in6->sin6_addr.s6_addr[12], in6->sin6_port, key);
	return make_key(&target_sets[1], &in6->sin6_addr, in6->sin6_port, key);
}

int nft_ruleset_relay_target(enum nft_action action, const struct sockaddr_storage *target,
			     struct nft_objects *list, struct err *e)
{
	unsigned char key[TARGET_KEY_MAX];
	const struct target_set *t = target_key(target, key);
	struct nftnl_set_elem *element;
	struct nftnl_set *s;

	if (!t)
		return err_system(e, -EAFNOSUPPORT, "relay target");
	s = set_named(t->name);
	element = not_null(nftnl_set_elem_alloc());
	(void)nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key,
				 t->address_length + NFT_REG32_SIZE);
	nftnl_set_elem_add(s, element);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_ELEMENT, action, { .set = s } });
	return 0;
}

void nft_ruleset_remove(struct nft_objects *list)
{
	put_table(list, NFT_DELETE, 0);
}
