#include "awfd/nft-objects.h"

#include <netinet/in.h> /* before linux/in.h */
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <libmnl/libmnl.h>

#include "common/alloc.h"

static void table_build(struct nlmsghdr *nlh, const struct nft_object *o)
{
	nftnl_table_nlmsg_build_payload(nlh, o->table);
}

static void table_free(const struct nft_object *o)
{
	nftnl_table_free(o->table);
}

static char *table_describe(const struct nft_objects *list, size_t index)
{
	const struct nftnl_table *table = list->items[index].table;

	return xasprintf("table inet %s", nftnl_table_get_str(table, NFTNL_TABLE_NAME));
}

static void set_build(struct nlmsghdr *nlh, const struct nft_object *o)
{
	nftnl_set_nlmsg_build_payload(nlh, o->set);
}

static void set_free(const struct nft_object *o)
{
	nftnl_set_free(o->set);
}

static char *set_describe(const struct nft_objects *list, size_t index)
{
	const struct nftnl_set *set = list->items[index].set;

	return xasprintf("set %s of table inet %s", nftnl_set_get_str(set, NFTNL_SET_NAME),
			 nftnl_set_get_str(set, NFTNL_SET_TABLE));
}

static void chain_build(struct nlmsghdr *nlh, const struct nft_object *o)
{
	nftnl_chain_nlmsg_build_payload(nlh, o->chain);
}

static void chain_free(const struct nft_object *o)
{
	nftnl_chain_free(o->chain);
}

static char *chain_describe(const struct nft_objects *list, size_t index)
{
	const struct nftnl_chain *chain = list->items[index].chain;

	return xasprintf("chain %s of table inet %s", nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME),
			 nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
}

static void rule_build(struct nlmsghdr *nlh, const struct nft_object *o)
{
	nftnl_rule_nlmsg_build_payload(nlh, o->rule);
}

static void rule_free(const struct nft_object *o)
{
	nftnl_rule_free(o->rule);
}

/* Rules have no names: the place in the chain, as nft(8) lists them, counted from 1. */
static char *rule_describe(const struct nft_objects *list, size_t index)
{
	const struct nftnl_rule *rule = list->items[index].rule;
	const char *chain = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);
	unsigned place = 1;

	for (size_t i = 0; i < index; i++)
		if (list->items[i].kind == NFT_OBJECT_KIND_RULE &&
		    strcmp(nftnl_rule_get_str(list->items[i].rule, NFTNL_RULE_CHAIN), chain) == 0)
			place++;
	return xasprintf("rule %u of chain %s of table inet %s", place, chain,
			 nftnl_rule_get_str(rule, NFTNL_RULE_TABLE));
}

static void element_build(struct nlmsghdr *nlh, const struct nft_object *o)
{
	nftnl_set_elems_nlmsg_build_payload(nlh, o->set);
}

static void element_free(const struct nft_object *o)
{
	nftnl_set_free(o->set);
}

static char *element_describe(const struct nft_objects *list, size_t index)
{
	_cleanup_free_ char *set = set_describe(list, index);

	return xasprintf("element of %s", set);
}

/* What each kind of object is to netlink. */
struct kind {
	uint16_t make, remove; /* messages */
	uint16_t make_flags;
	void (*build)(struct nlmsghdr *nlh, const struct nft_object *o);
	void (*free)(const struct nft_object *o);
	char *(*describe)(const struct nft_objects *list, size_t index);
};

#define KIND(noun, NOUN, flags)                                                                    \
	{                                                                                          \
		NFT_MSG_NEW##NOUN, NFT_MSG_DEL##NOUN, flags, noun##_build, noun##_free,            \
			noun##_describe                                                            \
	}

static const struct kind kinds[NFT_OBJECT_KIND_COUNT] = {
	[NFT_OBJECT_KIND_TABLE] = KIND(table, TABLE, NLM_F_CREATE),
	[NFT_OBJECT_KIND_SET] = KIND(set, SET, NLM_F_CREATE),
	[NFT_OBJECT_KIND_CHAIN] = KIND(chain, CHAIN, NLM_F_CREATE),
	[NFT_OBJECT_KIND_RULE] = KIND(rule, RULE, NLM_F_CREATE | NLM_F_APPEND),
	[NFT_OBJECT_KIND_ELEMENT] = KIND(element, SETELEM, NLM_F_CREATE),
};

void nft_objects_append(struct nft_objects *list, struct nft_object object)
{
	list->items = xrealloc(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = object;
}

void nft_objects_clear(struct nft_objects *list)
{
	for (size_t i = 0; i < list->count; i++)
		kinds[list->items[i].kind].free(&list->items[i]);
	free(list->items);
	*list = (struct nft_objects){ 0 };
}

struct nlmsghdr *nft_object_build(const struct nft_object *o, void *buffer, uint16_t flags,
				  uint32_t seq)
{
	const struct kind *kind = &kinds[o->kind];
	uint16_t type = o->action == NFT_DELETE ? kind->remove : kind->make;
	struct nlmsghdr *nlh;

	if (o->action != NFT_DELETE)
		flags |= kind->make_flags;
	if (o->action == NFT_CREATE)
		flags |= NLM_F_EXCL;
	if (o->action == NFT_INSERT)
		flags &= (uint16_t)~NLM_F_APPEND;
	nlh = nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, flags, seq);
	kind->build(nlh, o);
	return nlh;
}

char *nft_objects_describe(const struct nft_objects *list, size_t index)
{
	return kinds[list->items[index].kind].describe(list, index);
}
