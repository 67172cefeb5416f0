#include "awfd/caller.h"

#include "awfd/config.h"
#include "awfd/names.h"
#include "awfd/policy.h"
#include "awfd/quota.h"
#include "common/alloc.h"

struct caller {
	struct manager *manager;
	struct call *call;
	struct config *config; /* whose names are awaited */
	bool by_policy;
	struct names_wait *wait;
	caller_fn fn;
};

static void caller_free(struct caller *c)
{
	names_cancel(c->wait);
	config_free(c->config);
	free(c);
}

static void on_gone(void *userdata)
{
	caller_free(userdata);
}

void caller_name(struct manager *m, uid_t uid)
{
	_cleanup_free_ char *name = names_shown(m->names, uid);

	quota_set_user_name(m->quota, uid, name);
}

void caller_expect(struct manager *m, uid_t uid)
{
	_cleanup_free_ char *text = xasprintf("%u", uid);

	names_cancel(names_await(m->names, &(struct name_key){ NAME_OF_UID, text }, 1, NULL, NULL));
}

static void proceed(struct manager *m, struct call *call, caller_fn fn)
{
	caller_name(m, conn_peer(call_conn(call))->uid);
	fn(m, call);
}

static struct names_wait *await(struct manager *m, const struct call *call, bool by_policy,
				names_fn fn, void *userdata)
{
	_cleanup_free_ char *uid = xasprintf("%u", conn_peer(call_conn(call))->uid);
	size_t count = 0;
	_cleanup_free_ struct name_key *keys =
		by_policy ? policy_rules_names(m->config->policy, &count) : NULL;

	keys = xrealloc(keys, count + 1, sizeof(*keys));
	keys[count++] = (struct name_key){ NAME_OF_UID, uid };
	return names_await(m->names, keys, count, fn, userdata);
}

/* Another configuration may name others by now. */
static void on_known(void *userdata)
{
	struct caller *c = userdata;
	struct manager *m = c->manager;
	struct call *call = c->call;
	caller_fn fn = c->fn;

	c->wait = NULL;
	if (c->by_policy && c->config != m->config) {
		config_free(c->config);
		c->config = config_ref(m->config);
		c->wait = await(m, call, true, on_known, c);
		if (c->wait)
			return;
	}
	call_on_gone(call, NULL, NULL);
	caller_free(c);
	call_hold(call, false);
	proceed(m, call, fn);
}

void caller_await(struct manager *m, struct call *call, bool by_policy, caller_fn fn)
{
	struct caller *c = xnew(struct caller);

	c->wait = await(m, call, by_policy, on_known, c);
	if (!c->wait) {
		free(c);
		proceed(m, call, fn);
		return;
	}
	c->manager = m;
	c->call = call;
	c->config = config_ref(m->config);
	c->by_policy = by_policy;
	c->fn = fn;
	call_hold(call, true);
	call_on_gone(call, on_gone, c);
}
