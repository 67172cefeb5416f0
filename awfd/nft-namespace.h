/* The constant table of a sandbox namespace. Pure; nft.c sends it. */
#pragma once

#include <stdbool.h>

#include "awfd/nft.h"
#include "awfd/nft-objects.h"

/* The table: created, which fails with EEXIST when one of that name is there, or in place of that.
 * A transaction that deletes something makes the closing of its socket wait for the kernel's memory
 * (some 10 ms), so replacing is not the way to begin. */
int nft_namespace_put(const struct nft_namespace *ns, bool replace, struct nft_objects *list,
		      struct err *e) _must_check_;

/* What comes to a table that is there when its namespace becomes a job's: the loopback of `ns` and
 * its way out, before what refuses the rest. Nothing is deleted, so nothing waits. */
int nft_namespace_put_grants(const struct nft_namespace *ns, struct nft_objects *list,
			     struct err *e) _must_check_;
