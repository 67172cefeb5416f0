#include "awfd/link.h"

#include <stdbool.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "awfd/link-bridge.h"
#include "awfd/link-request.h"
#include "awfd/netns.h"

#define NOT_THERE (-1) /* a namespace's number that is none */

/* What the kernel says of one end of a pair. */
struct port {
	unsigned index, peer, master;
	int peer_namespace; /* the number that this end's namespace has for the other's */
	bool is_bridge_port, isolated;
};

static void take_port_flags(const struct nlattr *data, struct port *port)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) if (mnl_attr_get_type(attr) == IFLA_BRPORT_ISOLATED &&
						 mnl_attr_validate(attr, MNL_TYPE_U8) == 0)
		port->isolated = mnl_attr_get_u8(attr) != 0;
}

static void take_link_info(const struct nlattr *info, struct port *port)
{
	const struct nlattr *attr, *data = NULL;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_SLAVE_DATA)
			data = attr;
		else if (mnl_attr_get_type(attr) == IFLA_INFO_SLAVE_KIND &&
			 mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			port->is_bridge_port = strcmp(mnl_attr_get_str(attr), "bridge") == 0;
	}
	if (data && port->is_bridge_port)
		take_port_flags(data, port);
}

static void take_attribute(const struct nlattr *attr, struct port *port)
{
	if (mnl_attr_get_type(attr) == IFLA_LINKINFO) {
		take_link_info(attr, port);
		return;
	}
	if (mnl_attr_get_payload_len(attr) != sizeof(uint32_t))
		return;
	if (mnl_attr_get_type(attr) == IFLA_LINK)
		port->peer = mnl_attr_get_u32(attr);
	else if (mnl_attr_get_type(attr) == IFLA_MASTER)
		port->master = mnl_attr_get_u32(attr);
	else if (mnl_attr_get_type(attr) == IFLA_LINK_NETNSID)
		port->peer_namespace = (int)mnl_attr_get_u32(attr);
}

static void take_port(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct port *port = userdata;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return;
	port->index = (unsigned)info->ifi_index;
	mnl_attr_for_each (attr, nlh, sizeof(*info))
		take_attribute(attr, port);
}

static int get_port(struct netlink *nl, unsigned index, const char *name, struct port *ret)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_GETLINK, index, name);

	*ret = (struct port){ .peer_namespace = NOT_THERE };
	return netlink_request(nl, nlh, take_port, ret);
}

static void take_number(const struct nlmsghdr *nlh, void *userdata)
{
	const struct nlattr *attr;
	int *number = userdata;

	mnl_attr_for_each (attr, nlh, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(attr) == NETNSA_NSID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*number = (int)mnl_attr_get_u32(attr);
}

/* The number that the socket's namespace has for another. */
static int namespace_number(struct netlink *nl, int namespace, int *ret)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = netlink_message(buffer, RTM_GETNSID, 0, sizeof(struct rtgenmsg));

	*ret = NOT_THERE;
	mnl_attr_put_u32(nlh, NETNSA_FD, (uint32_t) namespace);
	return netlink_request(nl, nlh, take_number, ret);
}

static int isolate(struct netlink *host, unsigned index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, index, NULL);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct nlattr *port;

	info->ifi_family = AF_BRIDGE;
	port = mnl_attr_nest_start(nlh, IFLA_PROTINFO);
	mnl_attr_put_u8(nlh, IFLA_BRPORT_ISOLATED, 1);
	mnl_attr_nest_end(nlh, port);
	return netlink_request(host, nlh, NULL, NULL);
}

/* Finds the host's end. Interfaces have the same numbers in many namespaces: that it is the right
 * one is what it says of its own other end, which is that interface of that very namespace. */
static int find_port(struct netlink *inside, struct netlink *host, int namespace,
		     const char *interface, struct port *ret)
{
	struct port end;
	int number = NOT_THERE, r = get_port(inside, 0, interface, &end);

	if (r == 0 && (end.peer == 0 || end.peer_namespace == NOT_THERE))
		r = -ENOTCONN;
	if (r == 0)
		r = get_port(host, end.peer, NULL, ret);
	if (r == 0)
		r = namespace_number(host, namespace, &number);
	if (r < 0)
		return r == -ENODEV && end.index != 0 ? -ENOTCONN : r;
	if (number == NOT_THERE || ret->peer_namespace != number || ret->peer != end.index)
		return -ENOTCONN;
	return 0;
}

/* A port that is isolated already is left alone: setting that again would be a change that watchers
 * are told of. */
static int isolate_port(struct netlink *host, struct port *port, const char *bridge)
{
	unsigned master;
	int r = link_request_index(host, bridge, &master);

	if (r == 0 && (!port->is_bridge_port || port->master != master))
		r = -ENOTCONN;
	if (r < 0 || port->isolated)
		return r;
	r = isolate(host, port->index);
	if (r == 0)
		r = get_port(host, port->index, NULL, port);
	if (r == 0 && (!port->isolated || port->master != master))
		r = -EIO;
	return r;
}

/* -ENONET when there is no such bridge, since the port is there. */
static int isolate_known_port(struct netlink *host, struct port *port, const char *bridge)
{
	int r = isolate_port(host, port, bridge);

	return r == -ENODEV ? -ENONET : r;
}

int link_bridge_isolate(struct netlink *host, unsigned index, const char *bridge)
{
	struct port port;
	int r = get_port(host, index, NULL, &port);

	return r < 0 ? r : isolate_port(host, &port, bridge);
}

int link_isolate_bridge_port(int pidfd, const char *interface, const char *bridge,
			     unsigned *ret_port, struct err *e)
{
	_cleanup_netlink_ struct netlink inside = NETLINK_UNSET, host = NETLINK_UNSET;
	_cleanup_close_ int namespace = -EBADF;
	struct port port;
	int r = link_check_name(interface, e);

	if (r == 0)
		r = link_check_name(bridge, e);
	if (r == 0)
		r = namespace = netns_open(pidfd, e);
	if (r >= 0)
		r = netlink_open(pidfd, NETLINK_ROUTE, &inside, e);
	if (r == 0)
		r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &host, e);
	if (r < 0)
		return r;
	r = find_port(&inside, &host, namespace, interface, &port);
	if (r == 0) {
		*ret_port = port.index;
		r = port.master == 0 ? -ENONET : isolate_known_port(&host, &port, bridge);
	}
	return r < 0 ? err_system(e, r, "cannot isolate interface %s on bridge %s", interface,
				  bridge)
		     : 0;
}

int link_keep_isolated(unsigned index, const char *bridge, bool *ret_mended, struct err *e)
{
	_cleanup_netlink_ struct netlink host = NETLINK_UNSET;
	bool isolated = false;
	struct port port;
	int r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &host, e);

	if (r < 0)
		return r;
	r = get_port(&host, index, NULL, &port);
	if (r == 0)
		isolated = port.isolated;
	if (r == 0)
		r = isolate_known_port(&host, &port, bridge);
	if (r < 0)
		return err_system(e, r, "port %u of bridge %s", index, bridge);
	*ret_mended = !isolated;
	return 0;
}
