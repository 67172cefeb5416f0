#include "awfd/link.h"

#include <stdbool.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "awfd/link-request.h"
#include "awfd/netns.h"

/* What a namespace has that it may not have. */
struct found {
	char stranger[IFNAMSIZ];
	bool default_route;
};

/* An interface that is down carries nothing, and nobody in the sandbox can set it up: some hosts'
 * kernels put unused tunnel devices into every namespace (sysctl
 * net.core.fb_tunnels_only_for_init_net). */
static void find_stranger(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct found *found = userdata;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return;
	if (info->ifi_index == LINK_LOOPBACK_INDEX || !(info->ifi_flags & IFF_UP))
		return;
	mnl_attr_for_each (attr, nlh, sizeof(*info))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(found->stranger, IFNAMSIZ, "%s", mnl_attr_get_str(attr));
}

static int check_interfaces(struct netlink *nl, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	struct found found = { 0 };
	int r = netlink_request(nl, nlh, find_stranger, &found);

	if (r < 0)
		return err_system(e, r, "cannot list the sandbox's interfaces");
	if (found.stranger[0] != '\0')
		return err_set(e, -EEXIST, ERR_SYSTEM,
			       "the sandbox has interface %s besides loopback", found.stranger);
	return 0;
}

static void find_default_route(const struct nlmsghdr *nlh, void *userdata)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
	struct found *found = userdata;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*route) && route->rtm_dst_len == 0 &&
	    route->rtm_type == RTN_UNICAST)
		found->default_route = true;
}

static int check_routes(struct netlink *nl, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
	struct found found = { 0 };
	int r = netlink_request(nl, nlh, find_default_route, &found);

	if (r < 0)
		return err_system(e, r, "cannot list the sandbox's routes");
	if (found.default_route)
		return err_set(e, -EEXIST, ERR_SYSTEM, "the sandbox has a default route");
	return 0;
}

int link_seal_namespace(int pidfd, struct err *e)
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
	r = check_interfaces(&nl, e);
	return r < 0 ? r : check_routes(&nl, e);
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
