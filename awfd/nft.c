#include "awfd/nft.h"

#include <netinet/in.h> /* before linux/in.h */
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <libnftnl/batch.h>
#include <libnftnl/common.h>

#include "awfd/netlink.h"
#include "awfd/nft-egress.h"
#include "awfd/nft-namespace.h"
#include "awfd/nft-ruleset.h"
#include "awfd/nft-table.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"

/* A batch is made of pages; no message of ours comes near the overrun, the room of the last one. */
#define BATCH_PAGE    16384
#define BATCH_OVERRUN 4096

struct nft {
	struct netlink nl; /* owns the table: as long as it is open nobody else can change that */
	struct nft_config config;
	char *bridge; /* that the configuration names */
	bool shared;  /* the table has no owner */
};

/* What came of a transaction. */
struct verdict {
	uint32_t first; /* message: the batch's header; the objects follow */
	uint32_t last;  /* the only one to be acknowledged */
	bool done;
	int error;       /* of the first message that failed */
	uint32_t failed; /* that message; `first` when it is the batch as a whole */
};

static void take_verdict(const struct nlmsghdr *nlh, void *userdata)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);
	struct verdict *v = userdata;

	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*answer))
		return;
	if (nlh->nlmsg_seq < v->first || nlh->nlmsg_seq > v->last)
		return;
	if (answer->error == 0)
		v->done = true;
	else if (v->error == 0) {
		v->error = answer->error;
		v->failed = nlh->nlmsg_seq;
	}
}

static void *next_message(struct nftnl_batch *batch)
{
	if (nftnl_batch_update(batch) < 0)
		abort();
	return nftnl_batch_buffer(batch);
}

/* Writes a transaction: header, objects, end. Only the last object asks for an acknowledgement: the
 * others are silent unless they fail, so that answers never outgrow the socket. */
static struct nftnl_batch *build_batch(const struct nft_objects *objects, const struct verdict *v)
{
	struct nftnl_batch *batch = nftnl_batch_alloc(BATCH_PAGE, BATCH_OVERRUN);
	uint32_t seq = v->first;

	if (!batch)
		abort();
	(void)nftnl_batch_begin(nftnl_batch_buffer(batch), seq++);
	for (size_t i = 0; i < objects->count; i++, seq++)
		(void)nft_object_build(&objects->items[i], next_message(batch),
				       seq == v->last ? NLM_F_ACK : 0, seq);
	(void)nftnl_batch_end(next_message(batch), seq);
	if (nftnl_batch_update(batch) < 0)
		abort();
	return batch;
}

static size_t length_of(const struct iovec *iov, size_t count)
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += iov[i].iov_len;
	return length;
}

static int send_batch(struct netlink *nl, const struct nft_objects *objects, struct verdict *v)
{
	struct nftnl_batch *batch = build_batch(objects, v);
	size_t pages = (size_t)nftnl_batch_iovec_len(batch);
	_cleanup_free_ struct iovec *iov = xcalloc(pages, sizeof(*iov));
	int r;

	nftnl_batch_iovec(batch, iov, (uint32_t)pages);
	netlink_make_room(nl, length_of(iov, pages));
	r = netlink_send(nl, iov, pages);
	nftnl_batch_free(batch);
	return r;
}

/* Runs a transaction: all of it happens or nothing. On failure *failed is the index of the object
 * that the kernel refused, or the number of objects when it was none in particular. */
static int run_batch(struct netlink *nl, const struct nft_objects *objects, size_t *failed)
{
	struct verdict v = { .first = nl->seq + 1, .last = nl->seq + 1 + (uint32_t)objects->count };
	int r;

	*failed = objects->count;
	v.failed = v.first;
	nl->seq = v.last + 1;
	r = send_batch(nl, objects, &v);
	if (r < 0)
		return r;
	r = netlink_receive(nl, take_verdict, &v);
	if (v.failed != v.first)
		*failed = v.failed - v.first - 1;
	if (v.error < 0)
		return v.error;
	if (r < 0)
		return r;
	return v.done ? 0 : -EIO;
}

/* The error of a transaction, with the name of what failed. */
static int explain(const struct nft_objects *objects, size_t failed, int error, struct err *e)
{
	_cleanup_free_ char *what = NULL;

	if (failed < objects->count) {
		what = nft_objects_describe(objects, failed);
		return err_system(e, error, "nftables: %s", what);
	}
	if (error == -EPERM)
		return err_set(e, error, ERR_SYSTEM,
			       "nftables: not permitted: CAP_NET_ADMIN is missing");
	return err_system(e, error, "nftables: transaction");
}

/* Drops the error of an attempt that another one is to make good. */
static void forget(struct err *e)
{
	if (e)
		err_clear(e);
}

static int commit(struct netlink *nl, const struct nft_objects *objects, struct err *e)
{
	size_t failed;
	int r = run_batch(nl, objects, &failed);

	return r < 0 ? explain(objects, failed, r, e) : 0;
}

static void take_owner(const struct nlmsghdr *nlh, void *userdata)
{
	struct nftnl_table *t = nftnl_table_alloc();
	uint32_t *owner = userdata;

	if (t && nftnl_table_nlmsg_parse(nlh, t) == 0 && nftnl_table_is_set(t, NFTNL_TABLE_OWNER))
		*owner = nftnl_table_get_u32(t, NFTNL_TABLE_OWNER);
	nftnl_table_free(t);
}

/* The netlink port of the table's owner, usually its process id; 0 when it has none. */
static uint32_t table_owner(struct netlink *nl)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;
	uint32_t owner = 0;

	if (!t)
		abort();
	nlh = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETTABLE, NFPROTO_INET, 0, 0);
	(void)nftnl_table_set_str(t, NFTNL_TABLE_NAME, NFT_TABLE);
	nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	return netlink_request(nl, nlh, take_owner, &owner) < 0 ? 0 : owner;
}

/* Ways to take the table, the best first: as the owner whose rules outlive it, from an earlier awfd
 * or from anyone's table of that name; on kernels without such tables as an ordinary one, which
 * outlives awfd too but which another root process can change; the same from an earlier awfd that
 * had the flags. An owned table that dies with awfd is no way: it would let the relays go anywhere
 * when awfd is killed. */
static const struct nft_ruleset_flags ways[] = {
	{ NFT_RULESET_OWNER | NFT_RULESET_PERSIST, NFT_RULESET_OWNER | NFT_RULESET_PERSIST },
	{ 0, NFT_RULESET_OWNER | NFT_RULESET_PERSIST },
	{ 0, 0 },
	{ NFT_RULESET_PERSIST, 0 },
};

static int take_table_by(struct nft *n, const struct nft_content *content,
			 struct nft_ruleset_flags way, bool *table_refused, struct err *e)
{
	_cleanup_nft_objects_ struct nft_objects objects = { 0 };
	size_t failed;
	int r;

	*table_refused = false;
	r = nft_ruleset_host(&n->config, way, content, &objects, e);
	if (r < 0)
		return r;
	r = run_batch(&n->nl, &objects, &failed);
	*table_refused = r < 0 && failed < objects.count &&
			 objects.items[failed].kind == NFT_OBJECT_KIND_TABLE;
	return r < 0 ? explain(&objects, failed, r, e) : 0;
}

static int owned_by_other(struct nft *n, struct err *e)
{
	return err_set(e, -EPERM, ERR_SYSTEM,
		       "nftables: table inet " NFT_TABLE
		       " is owned by another living process (netlink port %u, as a rule its pid): "
		       "is another awfd running? Stop that first",
		       table_owner(&n->nl));
}

/* Says once that the kernel can't do better. */
static void note_way(struct nft *n, struct nft_ruleset_flags way)
{
	bool shared = way.make == 0;

	if (shared && !n->shared && !n->config.shared)
		log_warning("nftables: this kernel has no owned, persistent tables: other root "
			    "processes can change table inet " NFT_TABLE
			    ", which awfd then puts back");
	n->shared = shared;
}

static int take_table(struct nft *n, const struct nft_content *content, struct err *e)
{
	bool table_refused;
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (n->config.shared && ways[i].make != 0)
			continue;
		forget(e);
		r = take_table_by(n, content, ways[i], &table_refused, e);
		if (r == -EPERM && table_refused)
			return owned_by_other(n, e);
		if (r == 0)
			note_way(n, ways[i]);
		if (!table_refused || (r != -EOPNOTSUPP && r != -EINVAL))
			return r;
	}
	return r;
}

static void take_config(struct nft *n, const struct nft_config *config)
{
	n->config = *config;
	n->bridge = config->egress_bridge ? xstrdup(config->egress_bridge) : NULL;
	n->config.egress_bridge = n->bridge;
}

static int begin(struct nft *n, const struct nft_content *content, int socket, struct err *e)
{
	int r = socket < 0 ? netlink_open(NETLINK_OWN, NETLINK_NETFILTER, &n->nl, e)
			   : netlink_adopt(socket, NETLINK_NETFILTER, &n->nl, e);

	return r < 0 ? r : take_table(n, content, e);
}

int nft_new_with(int socket, const struct nft_config *config, const struct nft_content *content,
		 struct nft **ret, struct err *e)
{
	struct nft *n;
	int r;

	if (config->relay_uid == 0) {
		fd_close(socket);
		return err_set(e, -EINVAL, ERR_SYSTEM, "the relays' user must not be root");
	}
	n = xnew(struct nft);
	n->nl = NETLINK_UNSET;
	take_config(n, config);
	r = begin(n, content, socket, e);
	if (r < 0) {
		nft_free(n, false);
		return r;
	}
	*ret = n;
	return 0;
}

int nft_new(const struct nft_config *config, const struct nft_content *content, struct nft **ret,
	    struct err *e)
{
	return nft_new_with(-EBADF, config, content, ret, e);
}

int nft_socket(const struct nft *n)
{
	return n->nl.fd;
}

void nft_content_clear(struct nft_content *content)
{
	free((void *)content->squids);
	free((void *)content->targets);
	*content = (struct nft_content){ 0 };
}

int nft_restore(struct nft *n, const struct nft_content *content, struct err *e)
{
	return take_table(n, content, e);
}

bool nft_is_shared(const struct nft *n)
{
	return n->shared;
}

uint32_t nft_port(const struct nft *n)
{
	return netlink_port(&n->nl);
}

void nft_free(struct nft *n, bool remove)
{
	_cleanup_nft_objects_ struct nft_objects objects = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (!n)
		return;
	nft_ruleset_remove(&objects);
	if (remove && commit(&n->nl, &objects, &e) < 0 && e.error != -ENOENT)
		log_warning("cannot remove: %s", e.message);
	netlink_close(&n->nl);
	free(n->bridge);
	free(n);
}

static int change_targets(struct nft *n, enum nft_action action,
			  const struct sockaddr_storage *targets, size_t count, struct err *e)
{
	_cleanup_nft_objects_ struct nft_objects objects = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = nft_ruleset_relay_target(action, &targets[i], &objects, e);
	return r < 0 || count == 0 ? r : commit(&n->nl, &objects, e);
}

/* Removing from a set, or a table, that is not there is success too. */
static int unless_gone(int r, const struct err *own, struct err *e)
{
	if (r == 0 || r == -ENOENT)
		return 0;
	if (e)
		err_copy(e, own);
	return r;
}

int nft_relay_targets_add(struct nft *n, const struct sockaddr_storage *targets, size_t count,
			  struct err *e)
{
	return change_targets(n, NFT_ADD, targets, count, e);
}

int nft_relay_targets_remove(struct nft *n, const struct sockaddr_storage *targets, size_t count,
			     struct err *e)
{
	_cleanup_err_ struct err own = { 0 };

	return unless_gone(change_targets(n, NFT_DELETE, targets, count, &own), &own, e);
}

int nft_relay_target_add(struct nft *n, const struct sockaddr_storage *target, struct err *e)
{
	return nft_relay_targets_add(n, target, 1, e);
}

int nft_relay_target_remove(struct nft *n, const struct sockaddr_storage *target, struct err *e)
{
	return nft_relay_targets_remove(n, target, 1, e);
}

static int change_squid(struct nft *n, enum nft_action action, const struct nft_squid *squid,
			struct err *e)
{
	_cleanup_nft_objects_ struct nft_objects objects = { 0 };
	int r = nft_egress_squid(action, squid, &objects, e);

	return r < 0 ? r : commit(&n->nl, &objects, e);
}

int nft_squid_add(struct nft *n, const struct nft_squid *squid, struct err *e)
{
	return change_squid(n, NFT_ADD, squid, e);
}

int nft_squid_remove(struct nft *n, const struct nft_squid *squid, struct err *e)
{
	_cleanup_err_ struct err own = { 0 };

	return unless_gone(change_squid(n, NFT_DELETE, squid, &own), &own, e);
}

static int apply_namespace(struct netlink *nl, const struct nft_namespace *ns, bool replace,
			   struct err *e)
{
	_cleanup_nft_objects_ struct nft_objects objects = { 0 };
	int r = nft_namespace_put(ns, replace, &objects, e);

	return r < 0 ? r : commit(nl, &objects, e);
}

int nft_namespace_apply(int pidfd, const struct nft_namespace *ns, struct err *e)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_UNSET;
	int r = netlink_open(pidfd, NETLINK_NETFILTER, &nl, e);

	if (r < 0)
		return r;
	r = apply_namespace(&nl, ns, false, e);
	if (r != -EEXIST)
		return r;
	forget(e);
	return apply_namespace(&nl, ns, true, e);
}

static int grant_in_namespace(struct netlink *nl, const struct nft_namespace *ns, struct err *e)
{
	_cleanup_nft_objects_ struct nft_objects objects = { 0 };
	int r = nft_namespace_put_grants(ns, &objects, e);

	if (r == 0 && objects.count == 0)
		r = -ENOENT; /* nothing that would find out whether the table is there */
	return r < 0 ? r : commit(nl, &objects, e);
}

int nft_namespace_grant(int pidfd, const struct nft_namespace *ns, struct err *e)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_UNSET;
	int r = netlink_open(pidfd, NETLINK_NETFILTER, &nl, e);

	if (r < 0)
		return r;
	r = grant_in_namespace(&nl, ns, e);
	if (r != -ENOENT)
		return r;
	forget(e);
	return apply_namespace(&nl, ns, true, e);
}
