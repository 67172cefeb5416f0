#include "awfd/link-request.h"

#include <string.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#define HOST_PREFIX 32

int link_check_name(const char *name, struct err *e)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is no name of an interface", name);
	return 0;
}

struct nlmsghdr *link_request(void *buffer, uint16_t type, unsigned index, const char *name)
{
	struct nlmsghdr *nlh = netlink_message(buffer, type, 0, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)index;
	if (index == 0)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

int link_set_up(struct netlink *nl, unsigned index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, index, NULL);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
	return netlink_request(nl, nlh, NULL, NULL);
}

static void take_index(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	unsigned *index = userdata;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info))
		*index = (unsigned)info->ifi_index;
}

int link_request_index(struct netlink *nl, const char *name, unsigned *ret)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_GETLINK, 0, name);
	unsigned index = 0;
	int r = netlink_request(nl, nlh, take_index, &index);

	if (r == 0 && index == 0)
		r = -ENODEV;
	if (r == 0)
		*ret = index;
	return r;
}

int link_request_address(struct netlink *nl, unsigned index, struct in_addr address,
			 struct in_addr peer)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = netlink_message(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
					       sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(nlh);

	header->ifa_family = AF_INET;
	header->ifa_prefixlen = HOST_PREFIX;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	header->ifa_index = index;
	mnl_attr_put(nlh, IFA_LOCAL, sizeof(address), &address);
	mnl_attr_put(nlh, IFA_ADDRESS, sizeof(peer), &peer);
	return netlink_request(nl, nlh, NULL, NULL);
}
