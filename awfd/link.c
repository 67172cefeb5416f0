#include "awfd/link.h"

#include <string.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "awfd/link-request.h"
#include "awfd/netlink.h"
#include "awfd/netns.h"
#include "common/fd.h"
#include "common/log.h"

/* One end while it is being made. */
struct end {
	const struct link_end *spec;
	struct in_addr peer;
	const char *alias;
	struct netlink nl; /* in the end's namespace */
	unsigned index;
};

static int end_find(struct end *end)
{
	return link_request_index(&end->nl, end->spec->name, &end->index);
}

static int end_mark(struct end *end)
{
	return link_request_alias(&end->nl, end->index, end->alias);
}

static int end_refuse_ipv6(struct end *end)
{
	return link_request_no_ipv6_address(&end->nl, end->index);
}

static int end_address(struct end *end)
{
	return link_request_address(&end->nl, end->index, end->spec->address, end->peer);
}

static int end_up(struct end *end)
{
	return link_set_up(&end->nl, end->index);
}

/* What makes an end of a new pair complete, in this order. */
static const struct end_step {
	const char *what;
	int (*run)(struct end *end);
} end_steps[] = {
	{ "find", end_find },
	{ "mark", end_mark },
	{ "switch off IPv6 addresses of", end_refuse_ipv6 },
	{ "give an address to", end_address },
	{ "set up", end_up },
};

static int complete_end(struct end *end, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(end_steps); i++) {
		int r = end_steps[i].run(end);

		if (r < 0)
			return err_system(e, r, "cannot %s interface %s", end_steps[i].what,
					  end->spec->name);
	}
	return 0;
}

/* Asks for the pair in the namespace of the first end; the other is born in its own. */
static int make_pair(struct end *a, const struct end *b, int b_namespace)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_NEWLINK, 0, a->spec->name);
	struct nlattr *info, *data, *peer;

	nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	(void)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, b->spec->name);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)b_namespace);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return netlink_request(&a->nl, nlh, NULL, NULL);
}

/* Removes the pair with one of its ends. */
static void unmake_pair(struct end *a)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_DELLINK, a->index, a->spec->name);

	int r = netlink_request(&a->nl, nlh, NULL, NULL);

	if (r < 0)
		log_debug("cannot remove interface %s: %s", a->spec->name, strerror(-r));
}

static int connect_ends(struct end *a, struct end *b, int b_namespace, struct err *e)
{
	int r = make_pair(a, b, b_namespace);

	if (r < 0)
		return err_system(e, r, "cannot make the pair of interfaces %s and %s",
				  a->spec->name, b->spec->name);
	r = complete_end(a, e);
	if (r == 0)
		r = complete_end(b, e);
	if (r < 0)
		unmake_pair(a);
	else
		link_await_running(&a->nl, a->index);
	return r;
}

static int open_end(struct end *end, struct err *e)
{
	int r = link_check_name(end->spec->name, e);

	if (r == 0)
		r = link_check_alias(end->spec->name, end->alias, e);
	return r < 0 ? r : netlink_open(end->spec->pidfd, NETLINK_ROUTE, &end->nl, e);
}

int link_connect(const struct link_end *a, const struct link_end *b, const char *alias,
		 struct err *e)
{
	struct end one = { .spec = a, .peer = b->address, .alias = alias, .nl = NETLINK_UNSET };
	struct end two = { .spec = b, .peer = a->address, .alias = alias, .nl = NETLINK_UNSET };
	_cleanup_close_ int b_namespace = netns_open(b->pidfd, e);
	int r = b_namespace < 0 ? b_namespace : 0;

	if (r == 0)
		r = open_end(&one, e);
	if (r == 0)
		r = open_end(&two, e);
	if (r == 0)
		r = connect_ends(&one, &two, b_namespace, e);
	netlink_close(&one.nl);
	netlink_close(&two.nl);
	return r;
}
