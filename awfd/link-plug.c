/* Plugs a namespace into a bridge of the host. */
#include "awfd/link.h"

#include <assert.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "awfd/link-bridge.h"
#include "awfd/link-request.h"
#include "awfd/netns.h"
#include "common/fd.h"
#include "common/log.h"

#define MAC_LENGTH     6
#define ARP_IGNORE_ALL 8 /* networking/ip-sysctl: "do not reply for all local addresses" */

/* The pair while it is being made. */
struct pair {
	const struct link_plug *spec;
	int namespace; /* of the end inside */
	struct netlink inside, host;
	unsigned bridge, interface, port; /* of the bridge, and of the two ends */
};

static size_t address_length(const struct link_address *a)
{
	return a->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

/* --- The pair ----------------------------------------------------------------------------------
 */

/* A local, individual address (IEEE 802), as the engine makes them. */
static void make_mac(const struct link_address *address, uint8_t mac[MAC_LENGTH])
{
	assert(address->family == AF_INET);
	mac[0] = 0x02;
	mac[1] = 0x42;
	memcpy(mac + 2, address->address, sizeof(struct in_addr));
}

static void put_peer(struct nlmsghdr *nlh, const struct pair *p)
{
	struct nlattr *peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	uint8_t mac[MAC_LENGTH];

	make_mac(&p->spec->addresses[0], mac);
	(void)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, p->spec->interface);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)p->namespace);
	mnl_attr_nest_end(nlh, peer);
}

/* Both ends are down, and the host's belongs to the bridge from its birth. */
static int pair_request(struct pair *p)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_NEWLINK, 0, p->spec->port);
	struct nlattr *info, *data;
	int r = link_request_index(&p->host, p->spec->bridge, &p->bridge);

	if (r < 0)
		return r;
	nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_u32(nlh, IFLA_MASTER, p->bridge);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	put_peer(nlh, p);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return netlink_request(&p->host, nlh, NULL, NULL);
}

/* Which of the two names was taken. */
static int pair_make(struct pair *p)
{
	int r = pair_request(p);

	if (r == -EEXIST && link_request_index(&p->host, p->spec->port, &p->port) == -ENODEV)
		r = -ENOTUNIQ;
	return r;
}

static void pair_remove(struct pair *p)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_DELLINK, p->port, p->spec->port);
	int r = netlink_request(&p->host, nlh, NULL, NULL);

	if (r < 0)
		log_debug("cannot remove interface %s: %s", p->spec->port, strerror(-r));
}

/* --- The host's end ------------------------------------------------------------------------------
 */

static int find_made_port(struct pair *p)
{
	return link_request_index(&p->host, p->spec->port, &p->port);
}

static int mark_port(struct pair *p)
{
	return link_request_alias(&p->host, p->port, p->spec->alias);
}

static int refuse_ipv6_on_port(struct pair *p)
{
	return link_request_no_ipv6_address(&p->host, p->port);
}

/* The bridge answers ARP, and not the port when it is none any more: nobody inside could then find
 * a way to the host by it. */
static int keep_port_silent(struct pair *p)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, p->port, NULL);
	struct nlattr *families = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *ipv4 = mnl_attr_nest_start(nlh, AF_INET);
	struct nlattr *conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);

	mnl_attr_put_u32(nlh, IPV4_DEVCONF_ARP_IGNORE, ARP_IGNORE_ALL);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, ipv4);
	mnl_attr_nest_end(nlh, families);
	return netlink_request(&p->host, nlh, NULL, NULL);
}

static int isolate_port(struct pair *p)
{
	return link_bridge_isolate(&p->host, p->port, p->spec->bridge);
}

static int set_port_up(struct pair *p)
{
	return link_set_up(&p->host, p->port);
}

/* --- The end inside ------------------------------------------------------------------------------
 */

static int find_interface(struct pair *p)
{
	return link_request_index(&p->inside, p->spec->interface, &p->interface);
}

static int mark_interface(struct pair *p)
{
	return link_request_alias(&p->inside, p->interface, p->spec->alias);
}

static int refuse_ipv6_inside(struct pair *p)
{
	return link_request_no_ipv6_address(&p->inside, p->interface);
}

/* Nobody else has it, so that no duplicate need be looked for. */
static int add_address(struct pair *p, const struct link_address *a)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = netlink_message(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
					       sizeof(struct ifaddrmsg));
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(nlh);

	header->ifa_family = (uint8_t)a->family;
	header->ifa_prefixlen = (uint8_t)a->bits;
	header->ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0;
	header->ifa_scope = RT_SCOPE_UNIVERSE;
	header->ifa_index = p->interface;
	mnl_attr_put(nlh, IFA_LOCAL, address_length(a), a->address);
	mnl_attr_put(nlh, IFA_ADDRESS, address_length(a), a->address);
	return netlink_request(&p->inside, nlh, NULL, NULL);
}

static int add_default_route(struct pair *p, const struct link_address *a)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = netlink_message(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
					       sizeof(struct rtmsg));
	struct rtmsg *header = mnl_nlmsg_get_payload(nlh);

	header->rtm_family = (uint8_t)a->family;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = RTPROT_STATIC;
	header->rtm_scope = RT_SCOPE_UNIVERSE;
	header->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_GATEWAY, address_length(a), a->gateway);
	mnl_attr_put_u32(nlh, RTA_OIF, p->interface);
	return netlink_request(&p->inside, nlh, NULL, NULL);
}

static int for_each_address(struct pair *p, int (*fn)(struct pair *p, const struct link_address *a))
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->spec->address_count; i++)
		r = fn(p, &p->spec->addresses[i]);
	return r;
}

static int add_addresses(struct pair *p)
{
	return for_each_address(p, add_address);
}

static int set_interface_up(struct pair *p)
{
	return link_set_up(&p->inside, p->interface);
}

static int add_default_routes(struct pair *p)
{
	return for_each_address(p, add_default_route);
}

/* --- All of it -----------------------------------------------------------------------------------
 */

/* What makes a new pair complete, in this order. */
static const struct {
	const char *what;
	int (*run)(struct pair *p);
} steps[] = {
	{ "find port", find_made_port },
	{ "isolate port", isolate_port },
	{ "mark port", mark_port },
	{ "switch off IPv6 addresses of port", refuse_ipv6_on_port },
	{ "silence port", keep_port_silent },
	{ "find the other end of port", find_interface },
	{ "mark the other end of port", mark_interface },
	{ "switch off IPv6 addresses of the other end of port", refuse_ipv6_inside },
	{ "give addresses to the other end of port", add_addresses },
	{ "set up the other end of port", set_interface_up },
	{ "add default routes by port", add_default_routes },
	{ "set up port", set_port_up },
};

static int complete(struct pair *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i].run(p);

		if (r == -EEXIST)
			r = -ENOTUNIQ;
		if (r < 0)
			return err_system(e, r, "cannot %s %s of bridge %s", steps[i].what,
					  p->spec->port, p->spec->bridge);
	}
	return 0;
}

static int connect_ends(struct pair *p, struct err *e)
{
	int r = pair_make(p);

	if (r < 0)
		return err_system(e, r, "cannot make port %s of bridge %s", p->spec->port,
				  p->spec->bridge);
	r = complete(p, e);
	if (r < 0) {
		pair_remove(p);
		return r;
	}
	link_await_running(&p->inside, p->interface);
	link_await_running(&p->host, p->port); /* only then does the bridge forward to it */
	link_await_running(&p->host, p->bridge);
	return 0;
}

static int check_names(const struct link_plug *plug, struct err *e)
{
	const char *const names[] = { plug->bridge, plug->port, plug->interface };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
		r = link_check_name(names[i], e);
	return r < 0 ? r : link_check_alias(plug->port, plug->alias, e);
}

int link_plug_in(int pidfd, const struct link_plug *plug, unsigned *ret_port, struct err *e)
{
	struct pair p = {
		.spec = plug, .namespace = -EBADF, .inside = NETLINK_UNSET, .host = NETLINK_UNSET
	};
	int r = check_names(plug, e);

	if (r == 0)
		r = p.namespace = netns_open(pidfd, e);
	if (r >= 0)
		r = netlink_open(pidfd, NETLINK_ROUTE, &p.inside, e);
	if (r == 0)
		r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &p.host, e);
	if (r == 0)
		r = connect_ends(&p, e);
	if (r == 0)
		*ret_port = p.port;
	netlink_close(&p.inside);
	netlink_close(&p.host);
	fd_close(p.namespace);
	return r;
}

/* --- Away ----------------------------------------------------------------------------------------
 */

struct search {
	const char *alias;
	unsigned found;
};

static void match(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct search *search = userdata;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return;
	mnl_attr_for_each (attr, nlh, sizeof(*info))
		if (mnl_attr_get_type(attr) == IFLA_IFALIAS &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
		    strcmp(mnl_attr_get_str(attr), search->alias) == 0)
			search->found = (unsigned)info->ifi_index;
}

static int find_port(struct netlink *host, const char *alias, unsigned *ret)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	struct search search = { .alias = alias };
	int r = netlink_request(host, nlh, match, &search);

	if (r == 0 && search.found == 0)
		r = -ENODEV;
	*ret = search.found;
	return r;
}

static int remove_link(struct netlink *host, unsigned index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_DELLINK, index, NULL);

	return netlink_request(host, nlh, NULL, NULL);
}

int link_plug_remove(const char *alias)
{
	_cleanup_netlink_ struct netlink host = NETLINK_UNSET;
	unsigned index;
	int r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &host, NULL);

	if (r == 0)
		r = find_port(&host, alias, &index);
	if (r == 0)
		r = remove_link(&host, index);
	return r == -ENODEV ? 0 : r;
}

/* --- Out, and in again ---------------------------------------------------------------------------
 */

int link_plug_out(unsigned port, struct err *e)
{
	_cleanup_netlink_ struct netlink host = NETLINK_UNSET;
	int r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &host, e);

	if (r < 0)
		return r;
	r = link_set_down(&host, port);
	return r < 0 ? err_system(e, r, "cannot set port %u down", port) : 0;
}

static int enslave(struct netlink *host, unsigned port, unsigned bridge)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_request(buffer, RTM_SETLINK, port, NULL);

	mnl_attr_put_u32(nlh, IFLA_MASTER, bridge);
	return netlink_request(host, nlh, NULL, NULL);
}

int link_plug_in_again(unsigned port, const char *bridge, struct err *e)
{
	_cleanup_netlink_ struct netlink host = NETLINK_UNSET;
	unsigned index;
	int r = netlink_open(NETLINK_OWN, NETLINK_ROUTE, &host, e);

	if (r < 0)
		return r;
	r = link_request_index(&host, bridge, &index);
	if (r == 0)
		r = enslave(&host, port, index);
	if (r == 0)
		r = link_bridge_isolate(&host, port, bridge);
	if (r == 0)
		r = link_set_up(&host, port);
	if (r < 0)
		return err_system(e, r, "cannot make port %u one of bridge %s", port, bridge);
	link_await_running(&host, index);
	return 0;
}
