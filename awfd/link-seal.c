#include "awfd/link.h"

#include <stdbool.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "awfd/link-request.h"
#include "awfd/netns.h"

/* What the namespace may have besides loopback; without a name nothing. */
struct expected {
	const char *name;
	unsigned index;
	char stranger[IFNAMSIZ]; /* what it has that it may not have */
	bool other_route;
};

/* An interface that is down carries nothing, and nobody in the sandbox can set it up: some hosts'
 * kernels put unused tunnel devices into every namespace (sysctl
 * net.core.fb_tunnels_only_for_init_net). */
static void find_stranger(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct expected *x = userdata;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return;
	if (info->ifi_index == LINK_LOOPBACK_INDEX || !(info->ifi_flags & IFF_UP))
		return;
	if (x->name && info->ifi_index == (int)x->index)
		return;
	mnl_attr_for_each (attr, nlh, sizeof(*info))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(x->stranger, IFNAMSIZ, "%s", mnl_attr_get_str(attr));
}

static int check_interfaces(struct netlink *nl, struct expected *x, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	int r = netlink_request(nl, nlh, find_stranger, x);

	if (r < 0)
		return err_system(e, r, "cannot list the sandbox's interfaces");
	if (x->stranger[0] != '\0')
		return err_set(e, -EEXIST, ERR_SYSTEM,
			       "the sandbox has interface %s besides loopback%s%s", x->stranger,
			       x->name ? " and " : "", x->name ? x->name : "");
	return 0;
}

/* A route with several ways out names none of them here. */
static void find_default_route(const struct nlmsghdr *nlh, void *userdata)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
	struct expected *x = userdata;
	const struct nlattr *attr;
	bool expected = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*route))
		return;
	if (route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST)
		return;
	mnl_attr_for_each (attr, nlh, sizeof(*route))
		if (mnl_attr_get_type(attr) == RTA_OIF &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			expected = x->name && mnl_attr_get_u32(attr) == x->index;
	if (!expected)
		x->other_route = true;
}

static int check_routes(struct netlink *nl, struct expected *x, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
	int r = netlink_request(nl, nlh, find_default_route, x);

	if (r < 0)
		return err_system(e, r, "cannot list the sandbox's routes");
	if (x->other_route)
		return err_set(e, -EEXIST, ERR_SYSTEM, "the sandbox has a default route%s%s",
			       x->name ? " other than by " : "", x->name ? x->name : "");
	return 0;
}

static int find_expected(struct netlink *nl, struct expected *x, struct err *e)
{
	int r;

	if (!x->name)
		return 0;
	r = link_check_name(x->name, e);
	if (r == 0) {
		r = link_request_index(nl, x->name, &x->index);
		if (r < 0)
			return err_system(e, r, "cannot find interface %s", x->name);
	}
	return r;
}

static int seal(int pidfd, struct expected *x, struct err *e)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_UNSET;
	int r = netns_stop_forwarding(pidfd, e);

	if (r == 0)
		r = netlink_open(pidfd, NETLINK_ROUTE, &nl, e);
	if (r < 0)
		return r;
	r = link_set_up(&nl, LINK_LOOPBACK_INDEX);
	if (r < 0)
		return err_system(e, r, "cannot set the sandbox's loopback up");
	r = find_expected(&nl, x, e);
	if (r == 0)
		r = check_interfaces(&nl, x, e);
	return r < 0 ? r : check_routes(&nl, x, e);
}

int link_seal_namespace(int pidfd, struct err *e)
{
	return seal(pidfd, &(struct expected){ 0 }, e);
}

int link_seal_egress_namespace(int pidfd, const char *interface, struct err *e)
{
	return seal(pidfd, &(struct expected){ .name = interface }, e);
}

int link_add_loopback(int pidfd, struct in_addr address, struct err *e)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_UNSET;
	int r = netlink_open(pidfd, NETLINK_ROUTE, &nl, e);

	if (r < 0)
		return r;
	r = link_request_address(&nl, LINK_LOOPBACK_INDEX, address, address);
	if (r < 0 && r != -EEXIST)
		return err_system(e, r, "cannot give the sandbox's loopback an address");
	return 0;
}
