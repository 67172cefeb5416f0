/* An ordered list of libnftnl objects, each to be added or deleted: what one transaction consists
 * of, before it becomes netlink messages. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include "common/cleanup.h"

enum nft_object_kind {
	NFT_OBJECT_KIND_TABLE,
	NFT_OBJECT_KIND_SET,
	NFT_OBJECT_KIND_CHAIN,
	NFT_OBJECT_KIND_RULE,
	NFT_OBJECT_KIND_ELEMENT, /* a set's table, name and elements */
	NFT_OBJECT_KIND_COUNT,
};

/* Adding what is there already is no error, creating it is. A rule is added behind the others of
 * its chain, and inserted before them. */
enum nft_action { NFT_ADD, NFT_CREATE, NFT_INSERT, NFT_DELETE };

struct nft_object {
	enum nft_object_kind kind;
	enum nft_action action;
	union {
		struct nftnl_table *table;
		struct nftnl_set *set;
		struct nftnl_chain *chain;
		struct nftnl_rule *rule;
	};
};

struct nft_objects {
	struct nft_object *items;
	size_t count;
};

#define _cleanup_nft_objects_ _cleanup_(nft_objects_clear)

/* Takes the object over. */
void nft_objects_append(struct nft_objects *list, struct nft_object object);
void nft_objects_clear(struct nft_objects *list);

/* Writes the message of an object into the buffer, and returns its header. */
struct nlmsghdr *nft_object_build(const struct nft_object *o, void *buffer, uint16_t flags,
				  uint32_t seq);

/* The object's place for people: "rule 2 of chain relay of table inet awf". The caller owns it. */
char *nft_objects_describe(const struct nft_objects *list, size_t index) _must_check_;
