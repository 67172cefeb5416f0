#include "awfd/nft-watch.h"

#include <event2/event.h>
#include <stdbool.h>
#include <string.h>

#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "awfd/netlink.h"
#include "awfd/nft-table.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

/* In one turn of the loop: more than the socket's buffer holds, so that what a large transaction of
 * somebody else leaves there is read before the table is put back. */
#define DATAGRAMS_MAX 4096
#define COMMAND_MAX   32 /* longer than the kernel's names of processes */

#define HOW_TO_MEND                                                                                \
	"find out what runs that, and keep it from table inet " NFT_TABLE                          \
	": a script with `flush ruleset`, say, can delete its own tables instead"

/* Who made the transaction whose notifications were read last; unset where it did not tell. */
struct author {
	uint32_t port; /* of netlink */
	uint32_t pid;
	char command[COMMAND_MAX];
};

struct nft_watch {
	struct netlink nl;
	struct event *readable;
	struct event *later; /* pending: the table is put back then */
	const struct nft_watch_events *events;
	void *userdata;
	bool touched; /* by the transaction that is being read */
	bool changed; /* since it was put back */
	bool lost;    /* notifications, so that it may have been changed */
	struct author author;
	struct nft_watch_config config;
	uint64_t window; /* when the first of `count` repairs was made, by clock_ms() */
	uint64_t last;   /* when the last one was */
	unsigned count;
	bool fighting;
	uint64_t repairs;
	char *trouble;
};

/* --- Notifications --------------------------------------------------------------------------- */

static void take_author(struct nft_watch *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_PID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			w->author.pid = ntohl(mnl_attr_get_u32(attr));
		else if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_NAME &&
			 mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			snprintf(w->author.command, sizeof(w->author.command), "%s",
				 mnl_attr_get_str(attr));
	}
}

/* The name of its table is the first attribute of every object, whatever its kind. */
_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
		       NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 &&
		       NFTA_OBJ_TABLE == 1 && NFTA_FLOWTABLE_TABLE == 1,
	       "an object's first attribute is not the table's name");

static bool is_about_table(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (header->nfgen_family != NFPROTO_INET)
		return false;
	mnl_attr_for_each (attr, nlh, sizeof(*header))
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME)
			return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
			       strcmp(mnl_attr_get_str(attr), NFT_TABLE) == 0;
	return false;
}

/* A transaction's notifications are followed by that of the new generation, which says whose it
 * was. Until then it may still be telling: what is put back before would look changed again by the
 * rest. */
static void end_transaction(struct nft_watch *w, const struct nlmsghdr *nlh)
{
	if (!w->touched)
		return;
	w->touched = false;
	w->changed = true;
	w->author = (struct author){ .port = nlh->nlmsg_pid };
	take_author(w, nlh);
}

static void take_notification(const struct nlmsghdr *nlh, void *userdata)
{
	struct nft_watch *w = userdata;

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return;
	if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWGEN)
		end_transaction(w, nlh);
	else if (is_about_table(nlh))
		w->touched = true;
}

/* --- Repair ---------------------------------------------------------------------------------- */

static char *describe_author(const struct nft_watch *w)
{
	if (w->lost && !w->changed)
		return xstrdup("perhaps by somebody: notifications were lost");
	if (w->author.pid != 0)
		return xasprintf("by '%s' (pid %u)", w->author.command, w->author.pid);
	return xasprintf("by an unknown program (netlink port %u)", w->author.port);
}

static void set_trouble(struct nft_watch *w, char *text)
{
	free(w->trouble);
	w->trouble = text;
	w->events->trouble(w->userdata);
}

static void pause_first(struct nft_watch *w)
{
	const unsigned ms = w->config.pause_ms;
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (int)(ms % 1000) * 1000 };

	event_add(w->later, &tv);
}

static void begin_fight(struct nft_watch *w, const char *author)
{
	w->fighting = true;
	log_error("table inet " NFT_TABLE " is changed again and again, last %s: from now on it is "
		  "put back once in %u ms; " HOW_TO_MEND,
		  author, w->config.pause_ms);
}

/* What was wrong is said once; the table is tried again until it is right. */
static void report_failure(struct nft_watch *w, const struct err *e)
{
	_cleanup_free_ char *text =
		xasprintf("table inet " NFT_TABLE " can't be put back: %s", e->message);

	if (!w->trouble || strcmp(w->trouble, text) != 0) {
		log_error("%s; this is tried again once in %u ms", text, w->config.pause_ms);
		set_trouble(w, TAKE_PTR(text));
	}
}

/* Counts the repair; a fight begins with too many of them. */
static void count_repair(struct nft_watch *w, const char *author)
{
	w->repairs++;
	w->last = clock_ms();
	if (w->count == 0 || w->last - w->window >= w->config.window_ms) {
		w->window = w->last;
		w->count = 0;
	}
	w->count++;
	if (!w->fighting && w->count >= w->config.repairs)
		begin_fight(w, author);
}

static void report_repair(struct nft_watch *w, const char *author)
{
	if (w->fighting)
		set_trouble(w, xasprintf("table inet " NFT_TABLE
					 " is changed again and again, last %s",
					 author));
	else if (w->trouble)
		set_trouble(w, NULL);
}

static void repair(struct nft_watch *w)
{
	_cleanup_free_ char *author = describe_author(w);
	_cleanup_err_ struct err e = { 0 };

	if (w->events->restore(w->userdata, &e) < 0) {
		report_failure(w, &e);
		pause_first(w);
		return;
	}
	w->changed = w->lost = false;
	log_write(w->fighting ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, NULL,
		  "table inet " NFT_TABLE " was changed %s: put back", author);
	count_repair(w, author);
	report_repair(w, author);
	if (w->fighting)
		pause_first(w);
}

static void end_fight(struct nft_watch *w)
{
	w->fighting = false;
	w->count = 0;
	log_info("table inet " NFT_TABLE " is left alone again");
	set_trouble(w, NULL);
}

/* After each pause. */
static void on_later(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct nft_watch *w = userdata;

	if (w->changed || w->lost)
		repair(w);
	else if (w->fighting && clock_ms() - w->last >= w->config.window_ms)
		end_fight(w);
	else if (w->fighting)
		pause_first(w);
}

/* Reads what waits, or a part of it: what is left over makes the loop call again. */
static int read_some(struct nft_watch *w)
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		int r = netlink_receive_one(&w->nl, take_notification, w);

		if (r == -ENOBUFS)
			w->lost = true;
		else if (r < 0)
			return r == -EAGAIN ? 0 : r;
	}
	return 0;
}

static void on_readable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct nft_watch *w = userdata;
	int r = read_some(w);

	if (r < 0) {
		log_error("cannot watch table inet " NFT_TABLE " any longer: %s", strerror(-r));
		event_del(w->readable);
	} else if ((w->changed || w->lost) && !event_pending(w->later, EV_TIMEOUT, NULL)) {
		repair(w);
	}
}

/* --- Begin and end --------------------------------------------------------------------------- */

/* Has the kernel leave out what comes of our own transactions, of which one can be larger than any
 * buffer: it would be lost, and look like another's change. */
static int ignore_own(const struct netlink *nl, uint32_t own)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(nl->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

static int start(struct nft_watch *w, struct event_base *base, struct err *e)
{
	int r = netlink_open(NETLINK_OWN, NETLINK_NETFILTER, &w->nl, e);

	if (r < 0)
		return r;
	r = ignore_own(&w->nl, w->config.own);
	if (r == 0)
		r = netlink_join(&w->nl, NFNLGRP_NFTABLES);
	if (r < 0)
		return err_system(e, r, "cannot watch table inet " NFT_TABLE);
	w->readable = event_new(base, w->nl.fd, EV_READ | EV_PERSIST, on_readable, w);
	w->later = evtimer_new(base, on_later, w);
	if (!w->readable || !w->later || event_add(w->readable, NULL) < 0)
		abort();
	return 0;
}

int nft_watch_new(struct event_base *base, const struct nft_watch_config *config,
		  const struct nft_watch_events *events, void *userdata, struct nft_watch **ret,
		  struct err *e)
{
	struct nft_watch *w = xnew(struct nft_watch);
	int r;

	w->nl = NETLINK_UNSET;
	w->config = *config;
	w->events = events;
	w->userdata = userdata;
	r = start(w, base, e);
	if (r < 0) {
		nft_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void nft_watch_free(struct nft_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	if (w->later)
		event_free(w->later);
	netlink_close(&w->nl);
	free(w->trouble);
	free(w);
}

const char *nft_watch_trouble(const struct nft_watch *w)
{
	return w ? w->trouble : NULL;
}

uint64_t nft_watch_repairs(const struct nft_watch *w)
{
	return w->repairs;
}
