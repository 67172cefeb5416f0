#include "awfd/link-request.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#define HOST_PREFIX 32

/* How long a link may take to carry packets; 20 ms at most. */
#define RUNNING_TRIES    100
#define RUNNING_PAUSE_NS 200000

int link_check_name(const char *name, struct err *e)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is no name of an interface", name);
	return 0;
}

int link_check_alias(const char *name, const char *alias, struct err *e)
{
	if (strlen(alias) >= IFALIASZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "alias of %s is too long", name);
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

static int set_flags(struct netlink *nl, unsigned index, unsigned flags)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, index, NULL);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_flags = flags;
	info->ifi_change = IFF_UP;
	return netlink_request(nl, nlh, NULL, NULL);
}

int link_set_up(struct netlink *nl, unsigned index)
{
	return set_flags(nl, index, IFF_UP);
}

int link_set_down(struct netlink *nl, unsigned index)
{
	return set_flags(nl, index, 0);
}

int link_request_alias(struct netlink *nl, unsigned index, const char *alias)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, index, NULL);

	mnl_attr_put_str(nlh, IFLA_IFALIAS, alias);
	return netlink_request(nl, nlh, NULL, NULL);
}

int link_request_no_ipv6_address(struct netlink *nl, unsigned index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, index, NULL);
	struct nlattr *families = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *ipv6 = mnl_attr_nest_start(nlh, AF_INET6);
	int r;

	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, ipv6);
	mnl_attr_nest_end(nlh, families);
	r = netlink_request(nl, nlh, NULL, NULL);
	return r == -EAFNOSUPPORT ? 0 : r;
}

static void take_flags(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	unsigned *flags = userdata;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info))
		*flags = info->ifi_flags;
}

static bool is_running(struct netlink *nl, unsigned index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_GETLINK, index, NULL);
	unsigned flags = 0;

	return netlink_request(nl, nlh, take_flags, &flags) == 0 && (flags & IFF_RUNNING);
}

void link_await_running(struct netlink *nl, unsigned index)
{
	const struct timespec pause = { .tv_nsec = RUNNING_PAUSE_NS };

	for (int i = 0; i < RUNNING_TRIES && !is_running(nl, index); i++)
		nanosleep(&pause, NULL);
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
