#include "awfd/relay/shares.h"

#include "common/cleanup.h"

void shares_init(struct shares *all, size_t max, size_t upstreams)
{
	size_t sure = MAX(max / 2 / upstreams, (size_t)1);

	*all = (struct shares){ .max = max, .sure = sure, .kept = sure * upstreams };
}

bool shares_full(const struct shares *all, const struct share *one)
{
	return one->used >= all->sure && all->used + all->kept >= all->max;
}

void shares_take(struct shares *all, struct share *one)
{
	if (one->used < all->sure)
		all->kept--;
	one->used++;
	all->used++;
}

void shares_give(struct shares *all, struct share *one)
{
	one->used--;
	all->used--;
	if (one->used < all->sure)
		all->kept++;
}
