/* Sets of our table, each with a key of one or several fields, and their elements. Every element
 * counts what it matched. Pure. */
#pragma once

#include <netinet/in.h> /* before linux/in.h */
#include <stdint.h>

#include "awfd/nft-expr.h"
#include "awfd/nft-objects.h"

#define NFT_SET_FIELDS 3
#define NFT_SET_KEY    64 /* as much as the kernel's registers hold */

struct nft_set {
	const char *name;
	uint32_t id; /* within a batch */
	uint8_t family;
	uint8_t field_count;
	enum nft_field fields[NFT_SET_FIELDS]; /* that the key is made of */
};

/* A key while it is being made: its fields in order, as they are on the wire. */
struct nft_key {
	uint8_t bytes[NFT_SET_KEY];
	uint32_t length;
};

void nft_key_append(struct nft_key *key, const void *field, uint32_t length);

/* The set, empty. */
void nft_set_put(struct nft_objects *list, const struct nft_set *set);

/* `FIELD . FIELD @SET` in a rule. */
void nft_set_match(struct nftnl_rule *r, const struct nft_set *set);

/* Adds an element or deletes it, both whether it is there or not. */
void nft_set_put_element(struct nft_objects *list, enum nft_action action,
			 const struct nft_set *set, const struct nft_key *key);
