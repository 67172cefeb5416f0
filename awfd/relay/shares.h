/* How the connections that there may be are shared out: each upstream is sure of some, so that none
 * is shut out by the others, and the rest is for whoever comes first. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What one upstream has. */
struct share {
	size_t used;
};

struct shares {
	size_t max;
	size_t sure; /* connections that each upstream can count on */
	size_t used; /* by all */
	size_t kept; /* for those that have not taken all that they can count on */
};

/* Shares out `max` connections, which are at least as many as upstreams. */
void shares_init(struct shares *all, size_t max, size_t upstreams);

/* True when this upstream may have no more connections. */
bool shares_full(const struct shares *all, const struct share *one);

void shares_take(struct shares *all, struct share *one);
void shares_give(struct shares *all, struct share *one);
