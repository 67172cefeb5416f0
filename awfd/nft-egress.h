/* The host's wall around the bridge that the squids are on: who may send what where, as chains and
 * sets of the host's table, and a squid's elements in these. Pure; nft.c sends it. */
#pragma once

#include "awfd/nft.h"
#include "awfd/nft-objects.h"

/* -EINVAL when the configuration's bridge or subnet is none. */
int nft_egress_check(const struct nft_config *config, struct err *e) _must_check_;

/* The sets, empty, and the chains. */
void nft_egress_put(const struct nft_config *config, struct nft_objects *list);

/* Everything of one squid more or less, whether it is there or not. */
int nft_egress_squid(enum nft_action action, const struct nft_squid *squid,
		     struct nft_objects *list, struct err *e) _must_check_;
