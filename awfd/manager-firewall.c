/* The manager's part of the host's walls: what its table is to hold, and that it and the bridge's
 * ports stay as they were made. */
#include "awfd/manager.h"

#include "awfd/config.h"
#include "awfd/fd-store.h"
#include "awfd/link-watch.h"
#include "awfd/nft-watch.h"
#include "awfd/nft.h"
#include "awfd/notify.h"
#include "awfd/relay-targets.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"

#define OWNER_NAME "nft" /* in the store of descriptors */

void manager_firewall_content(struct manager *m, struct nft_content *ret)
{
	struct nft_squid *squids;
	size_t n = 0;

	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		n++;
	squids = xcalloc(n + 1, sizeof(*squids));
	*ret = (struct nft_content){ .squids = squids };
	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		if (sandbox_squid(s))
			squids[ret->squid_count++] = *sandbox_squid(s);
	ret->targets = relay_targets_list(m->relay_targets, &ret->target_count);
}

/* The table's owner is a socket, which the service manager holds for the next awfd. */
static void keep_owner(struct manager *m)
{
	if (nft_is_shared(m->nft))
		fd_store_forget(m->fds, OWNER_NAME);
	else
		fd_store_keep(m->fds, OWNER_NAME, nft_socket(m->nft));
}

/* With what the loaded sandboxes have there: their connections do not notice. */
int manager_take_firewall(struct manager *m, const struct nft_config *config, struct err *e)
{
	_cleanup_nft_content_ struct nft_content content = { 0 };
	int r;

	manager_firewall_content(m, &content);
	r = nft_new_with(fd_store_take(m->fds, OWNER_NAME), config, &content, &m->nft, e);
	if (r == 0)
		keep_owner(m);
	return r;
}

static int restore(void *userdata, struct err *e)
{
	_cleanup_nft_content_ struct nft_content content = { 0 };
	struct manager *m = userdata;

	manager_firewall_content(m, &content);
	return nft_restore(m->nft, &content, e);
}

static void on_trouble(void *userdata)
{
	struct manager *m = userdata;

	notify_problem(m->notify, NOTIFY_FIREWALL, nft_watch_trouble(m->nft_watch));
}

static int check_owner(const struct manager *m, struct err *e)
{
	if (m->config->table_owner != CONFIG_YES || !nft_is_shared(m->nft))
		return 0;
	return err_set(e, -EOPNOTSUPP, ERR_SYSTEM,
		       "[Network] TableOwner=yes: this kernel has no owned, persistent tables: it "
		       "takes Linux 6.9, or TableOwner=auto");
}

static void on_link(unsigned index, void *userdata)
{
	sandbox_bridge_changed(userdata, index);
}

/* What was changed between the taking of the table and the beginning of the watch is put back by
 * once more taking it, unless nobody could change it. */
int manager_watch_firewall(struct manager *m, struct err *e)
{
	static const struct nft_watch_events events = { restore, on_trouble };
	const struct nft_watch_config config = {
		.own = nft_port(m->nft), .repairs = 10, .window_ms = 10000, .pause_ms = 1000
	};
	int r = check_owner(m, e);

	if (r == 0)
		r = nft_watch_new(m->base, &config, &events, m, &m->nft_watch, e);
	if (r == 0)
		r = link_watch_new(m->base, on_link, m, &m->link_watch, e);
	return r < 0 || !nft_is_shared(m->nft) ? r : restore(m, e);
}
