#include "awfd/nft-set.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <libnftnl/expr.h>

#include "awfd/nft-table.h"

/* How nft(8) writes the type of a key: its fields' types by number, six bits each. */
enum { TYPE_IPV4_ADDR = 7, TYPE_IPV6_ADDR = 8, TYPE_INET_SERVICE = 13, TYPE_BITS = 6 };

static uint32_t type_of(enum nft_field field)
{
	switch (nft_field_length(field)) {
	case sizeof(struct in_addr):
		return TYPE_IPV4_ADDR;
	case sizeof(struct in6_addr):
		return TYPE_IPV6_ADDR;
	case sizeof(in_port_t):
		return TYPE_INET_SERVICE;
	default:
		abort();
	}
}

/* What a field takes of a key. */
static uint32_t padded(uint32_t length)
{
	return (length + NFT_REG32_SIZE - 1) / NFT_REG32_SIZE * NFT_REG32_SIZE;
}

void nft_key_append(struct nft_key *key, const void *field, uint32_t length)
{
	if (key->length + padded(length) > sizeof(key->bytes))
		abort();
	memcpy(key->bytes + key->length, field, length);
	key->length += padded(length);
}

static struct nftnl_set *set_named(const char *name)
{
	struct nftnl_set *s = nft_not_null(nftnl_set_alloc());

	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	(void)nftnl_set_set_str(s, NFTNL_SET_TABLE, NFT_TABLE);
	(void)nftnl_set_set_str(s, NFTNL_SET_NAME, name);
	return s;
}

void nft_set_put(struct nft_objects *list, const struct nft_set *set)
{
	struct nftnl_set *s = set_named(set->name);
	uint32_t type = 0, length = 0;
	uint8_t lengths[NFT_SET_FIELDS];

	for (uint8_t i = 0; i < set->field_count; i++) {
		lengths[i] = (uint8_t)nft_field_length(set->fields[i]);
		type = type << TYPE_BITS | type_of(set->fields[i]);
		length += padded(lengths[i]);
	}
	nftnl_set_set_u32(s, NFTNL_SET_ID, set->id);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS,
			  NFT_SET_EXPR | (set->field_count > 1 ? NFT_SET_CONCAT : 0));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, length);
	if (set->field_count > 1)
		(void)nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, lengths, set->field_count);
	nftnl_set_add_expr(s, nft_not_null(nftnl_expr_alloc("counter")));
	nft_objects_append(list, (struct nft_object){ NFT_OBJECT_KIND_SET, NFT_ADD, { .set = s } });
}

void nft_set_match(struct nftnl_rule *r, const struct nft_set *set)
{
	nft_expr_lookup(r, set->fields, set->field_count, set->name, set->id);
}

static void put_element(struct nft_objects *list, enum nft_action action, const struct nft_set *set,
			const struct nft_key *key)
{
	struct nftnl_set *s = set_named(set->name);
	struct nftnl_set_elem *element = nft_not_null(nftnl_set_elem_alloc());

	(void)nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key->bytes, key->length);
	nftnl_set_elem_add(s, element);
	nft_objects_append(list,
			   (struct nft_object){ NFT_OBJECT_KIND_ELEMENT, action, { .set = s } });
}

/* Deleting what is not there would fail, and the whole transaction with it. Adding it first makes
 * it be there, and no packet ever sees it: a transaction's end is all that packets see. */
void nft_set_put_element(struct nft_objects *list, enum nft_action action,
			 const struct nft_set *set, const struct nft_key *key)
{
	if (action == NFT_DELETE)
		put_element(list, NFT_ADD, set, key);
	put_element(list, action, set, key);
}
