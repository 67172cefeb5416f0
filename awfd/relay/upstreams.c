#include "awfd/relay/upstreams.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"

#define UPSTREAMS_MAX 16

struct upstreams {
	struct upstream *list[UPSTREAMS_MAX];
	size_t count;
};

/* The upstream of exactly this name, which may be NULL. */
static struct upstream *find(const struct upstreams *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++) {
		const char *other = upstream_name(all->list[i]);

		if (name && other ? strcmp(name, other) == 0 : name == other)
			return all->list[i];
	}
	return NULL;
}

static int add(struct upstreams *all, const char *text, struct err *e)
{
	_cleanup_(upstream_freep) struct upstream *u = NULL;
	int r = upstream_new(text, &u, e);

	if (r < 0)
		return r;
	if (find(all, upstream_name(u)))
		return err_invalid(e, "--upstream", text, "there is another for the same sockets");
	all->list[all->count++] = TAKE_PTR(u);
	return 0;
}

int upstreams_new(char *const *texts, struct upstreams **ret, struct err *e)
{
	_cleanup_(upstreams_freep) struct upstreams *all = xnew(struct upstreams);

	if (strv_length(texts) > UPSTREAMS_MAX)
		return err_set(e, -E2BIG, ERR_SYSTEM, "there are more than %d upstreams",
			       UPSTREAMS_MAX);
	for (; *texts; texts++) {
		int r = add(all, *texts, e);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(all);
	return 0;
}

size_t upstreams_count(const struct upstreams *all)
{
	return all->count;
}

struct upstream *upstreams_find(const struct upstreams *all, const char *name)
{
	struct upstream *u = find(all, name);

	return u ? u : find(all, NULL);
}

void upstreams_free(struct upstreams *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++)
		upstream_free(all->list[i]);
	free(all);
}
