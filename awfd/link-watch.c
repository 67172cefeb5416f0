#include "awfd/link-watch.h"

#include <event2/event.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "awfd/netlink.h"
#include "common/alloc.h"
#include "common/log.h"

#define DATAGRAMS_MAX 32 /* in one turn of the loop */

struct link_watch {
	struct netlink nl;
	struct event *readable;
	link_watch_fn fn;
	void *userdata;
};

static void take_notification(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct link_watch *w = userdata;

	if ((nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info) && info->ifi_index > 0)
		w->fn((unsigned)info->ifi_index, w->userdata);
}

/* What is left over makes the loop call again. */
static int read_some(struct link_watch *w)
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		int r = netlink_receive_one(&w->nl, take_notification, w);

		if (r == -ENOBUFS)
			w->fn(LINK_WATCH_ALL, w->userdata);
		else if (r < 0)
			return r == -EAGAIN ? 0 : r;
	}
	return 0;
}

static void on_readable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct link_watch *w = userdata;
	int r = read_some(w);

	if (r == 0)
		return;
	log_error("cannot watch the host's interfaces any longer: %s", strerror(-r));
	event_del(w->readable);
}

static int start(struct link_watch *w, struct event_base *base, struct err *e)
{
	int r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &w->nl, e);

	if (r < 0)
		return r;
	r = netlink_join(&w->nl, RTNLGRP_LINK);
	if (r < 0)
		return err_system(e, r, "cannot watch the host's interfaces");
	w->readable = event_new(base, w->nl.fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable || event_add(w->readable, NULL) < 0)
		abort();
	return 0;
}

int link_watch_new(struct event_base *base, link_watch_fn fn, void *userdata,
		   struct link_watch **ret, struct err *e)
{
	struct link_watch *w = xnew(struct link_watch);
	int r;

	*w = (struct link_watch){ .nl = NETLINK_UNSET, .fn = fn, .userdata = userdata };
	r = start(w, base, e);
	if (r < 0) {
		link_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void link_watch_free(struct link_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	netlink_close(&w->nl);
	free(w);
}
