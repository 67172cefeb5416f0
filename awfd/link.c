#include "awfd/link.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "awfd/netlink.h"
#include "awfd/netns.h"
#include "common/fd.h"
#include "common/log.h"

#define LOOPBACK_INDEX 1 /* of lo, in every network namespace */
#define HOST_PREFIX    32

/* How long a link may take to carry packets; 20 ms at most. */
#define RUNNING_TRIES    100
#define RUNNING_PAUSE_NS 200000

/* One end while it is being made. */
struct end {
	const struct link_end *spec;
	struct in_addr peer;
	const char *alias;
	struct netlink nl; /* in the end's namespace */
	unsigned index;
};

/* A request about an interface: by index, or by name where index is 0. */
static struct nlmsghdr *link_message(void *buffer, uint16_t type, unsigned index, const char *name)
{
	struct nlmsghdr *nlh = netlink_message(buffer, type, 0, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)index;
	if (index == 0)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

static int set_up(struct netlink *nl, unsigned index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_message(buffer, RTM_SETLINK, index, NULL);
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

static int end_find(struct end *end)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_message(buffer, RTM_GETLINK, 0, end->spec->name);
	int r = netlink_request(&end->nl, nlh, take_index, &end->index);

	if (r < 0)
		return r;
	return end->index == 0 ? -ENODEV : 0;
}

static int end_mark(struct end *end)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_message(buffer, RTM_SETLINK, end->index, NULL);

	mnl_attr_put_str(nlh, IFLA_IFALIAS, end->alias);
	return netlink_request(&end->nl, nlh, NULL, NULL);
}

/* No link-local address when the end goes up. A kernel without IPv6 makes none anyway. */
static int end_refuse_ipv6(struct end *end)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_message(buffer, RTM_SETLINK, end->index, NULL);
	struct nlattr *families = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *ipv6 = mnl_attr_nest_start(nlh, AF_INET6);
	int r;

	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, ipv6);
	mnl_attr_nest_end(nlh, families);
	r = netlink_request(&end->nl, nlh, NULL, NULL);
	return r == -EAFNOSUPPORT ? 0 : r;
}

static int end_address(struct end *end)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = netlink_message(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
					       sizeof(struct ifaddrmsg));
	struct ifaddrmsg *address = mnl_nlmsg_get_payload(nlh);

	address->ifa_family = AF_INET;
	address->ifa_prefixlen = HOST_PREFIX;
	address->ifa_scope = RT_SCOPE_UNIVERSE;
	address->ifa_index = end->index;
	mnl_attr_put(nlh, IFA_LOCAL, sizeof(end->spec->address), &end->spec->address);
	mnl_attr_put(nlh, IFA_ADDRESS, sizeof(end->peer), &end->peer);
	return netlink_request(&end->nl, nlh, NULL, NULL);
}

static int end_up(struct end *end)
{
	return set_up(&end->nl, end->index);
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

static void take_flags(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	unsigned *flags = userdata;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info))
		*flags = info->ifi_flags;
}

static bool end_is_running(struct end *end)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_message(buffer, RTM_GETLINK, end->index, NULL);
	unsigned flags = 0;

	return netlink_request(&end->nl, nlh, take_flags, &flags) == 0 && (flags & IFF_RUNNING);
}

/* The end that was set up first had no carrier then: a kernel worker starts its queue after the
 * other is up, and until then it drops what it is to send, the SYN of a first connection for one,
 * which comes again only after a second. Newer kernels do that work before they answer here, so
 * that the first answer is yes; older ones need a moment. */
static void await_running(struct end *first)
{
	const struct timespec pause = { .tv_nsec = RUNNING_PAUSE_NS };

	for (int i = 0; i < RUNNING_TRIES && !end_is_running(first); i++)
		nanosleep(&pause, NULL);
}

/* Asks for the pair in the namespace of the first end; the other is born in its own. */
static int make_pair(struct end *a, const struct end *b, int b_namespace)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh = link_message(buffer, RTM_NEWLINK, 0, a->spec->name);
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
	struct nlmsghdr *nlh = link_message(buffer, RTM_DELLINK, a->index, a->spec->name);

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
		await_running(a);
	return r;
}

/* The kernel would say so too, but these go into buffers of a fixed size first. */
static int check_names(const char *name, const char *alias, struct err *e)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is no name of an interface", name);
	if (strlen(alias) >= IFALIASZ)
		return err_set(e, -EINVAL, ERR_SYSTEM, "alias of %s is too long", name);
	return 0;
}

static int open_end(struct end *end, struct err *e)
{
	int r = check_names(end->spec->name, end->alias, e);

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

/* What a new namespace may have inherited from the host. The defaults too: they hold for interfaces
 * that are still to come, and writing 0 over 0 in the file before does not change them. */
static const char *const forwarding_files[] = {
	"/proc/sys/net/ipv4/ip_forward",
	"/proc/sys/net/ipv4/conf/default/forwarding",
	"/proc/sys/net/ipv6/conf/all/forwarding",
	"/proc/sys/net/ipv6/conf/default/forwarding",
};

static int write_zero(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* no IPv6 */
	return fd_write_all(fd, "0\n", 2);
}

/* Runs inside: these files show the namespace of who opens them. */
static int stop_forwarding(_unused_ void *userdata, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(forwarding_files); i++) {
		int r = write_zero(forwarding_files[i]);

		if (r < 0)
			return err_system(e, r, "cannot write %s", forwarding_files[i]);
	}
	return 0;
}

/* An interface that is down carries nothing, and nobody in the sandbox can set it up: some hosts'
 * kernels put unused tunnel devices into every namespace (sysctl
 * net.core.fb_tunnels_only_for_init_net). */
static void find_stranger(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	char *name = userdata;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return;
	if (info->ifi_index == LOOPBACK_INDEX || !(info->ifi_flags & IFF_UP))
		return;
	mnl_attr_for_each (attr, nlh, sizeof(*info))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(name, IFNAMSIZ, "%s", mnl_attr_get_str(attr));
}

static int check_interfaces(struct netlink *nl, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	char stranger[IFNAMSIZ] = "";
	int r = netlink_request(nl, nlh, find_stranger, stranger);

	if (r < 0)
		return err_system(e, r, "cannot list the sandbox's interfaces");
	if (stranger[0] != '\0')
		return err_set(e, -EEXIST, ERR_SYSTEM,
			       "the sandbox has interface %s besides loopback", stranger);
	return 0;
}

static void find_default_route(const struct nlmsghdr *nlh, void *userdata)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
	bool *found = userdata;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*route))
		return;
	if (route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST)
		*found = true;
}

static int check_routes(struct netlink *nl, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
	bool found = false;
	int r = netlink_request(nl, nlh, find_default_route, &found);

	if (r < 0)
		return err_system(e, r, "cannot list the sandbox's routes");
	if (found)
		return err_set(e, -EEXIST, ERR_SYSTEM, "the sandbox has a default route");
	return 0;
}

int link_seal_namespace(int pidfd, struct err *e)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_UNSET;
	int r = netns_call(pidfd, stop_forwarding, NULL, e);

	if (r == 0)
		r = netlink_open(pidfd, NETLINK_ROUTE, &nl, e);
	if (r < 0)
		return r;
	r = set_up(&nl, LOOPBACK_INDEX);
	if (r < 0)
		return err_system(e, r, "cannot set the sandbox's loopback up");
	r = check_interfaces(&nl, e);
	return r < 0 ? r : check_routes(&nl, e);
}
