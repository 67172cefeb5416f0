#include "awfd/nflog.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <string.h>

#include <linux/if_link.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/rtnetlink.h>

#include "awfd/link-request.h"
#include "awfd/netlink.h"
#include "common/alloc.h"
#include "common/log.h"

#define COPY_RANGE    128 /* of a packet: IPv6, some extension headers, and the ports */
#define DATAGRAMS_MAX 32  /* in one turn of the loop */

struct nflog {
	struct netlink reports;
	struct netlink links; /* in the same namespace, for the interfaces' names */
	struct event *readable;
	nflog_fn fn;
	void *userdata;
	uint64_t overruns;
};

static struct nlmsghdr *config_message(void *buffer)
{
	struct nlmsghdr *nlh = netlink_message(buffer, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, 0,
					       sizeof(struct nfgenmsg));
	struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);

	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	header->res_id = htons(NFLOG_GROUP);
	return nlh;
}

static int bind_group(struct netlink *nl)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	struct nlmsghdr *nlh = config_message(buffer);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(bind), &bind);
	return netlink_request(nl, nlh, NULL, NULL);
}

/* The beginning of each packet, and each as soon as it comes: there are few. */
static int set_mode(struct netlink *nl)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(COPY_RANGE),
						     .copy_mode = NFULNL_COPY_PACKET };
	struct nlmsghdr *nlh = config_message(buffer);

	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1));
	return netlink_request(nl, nlh, NULL, NULL);
}

static void take_name(const struct nlmsghdr *nlh, void *userdata)
{
	const struct nlattr *attr;
	char *name = userdata;

	mnl_attr_for_each (attr, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			snprintf(name, IFNAMSIZ, "%s", mnl_attr_get_str(attr));
}

static void find_name(struct netlink *nl, uint32_t index, char name[IFNAMSIZ])
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *nlh;

	name[0] = '\0';
	if (index == 0)
		return;
	nlh = link_request(buffer, RTM_GETLINK, index, NULL);
	if (netlink_request(nl, nlh, take_name, name) < 0)
		name[0] = '\0';
}

static void take_report(const struct nlmsghdr *nlh, void *userdata)
{
	char in[IFNAMSIZ], out[IFNAMSIZ];
	struct nflog_packet packet;
	struct nflog *n = userdata;

	if (nflog_parse(nlh, &packet) < 0)
		return;
	find_name(&n->links, packet.in, in);
	find_name(&n->links, packet.out, out);
	n->fn(&packet, in, out, n->userdata);
}

/* Reads so many datagrams at most; 0, or -EAGAIN when nothing more waits. */
static int read_some(struct nflog *n, int limit)
{
	for (int i = 0; i < limit; i++) {
		int r = netlink_receive_one(&n->reports, take_report, n);

		if (r == -ENOBUFS)
			n->overruns++;
		else if (r < 0)
			return r;
	}
	return 0;
}

/* What is left over makes the loop call again. */
static void on_readable(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct nflog *n = userdata;
	int r = read_some(n, DATAGRAMS_MAX);

	if (r == 0 || r == -EAGAIN)
		return;
	log_warning("cannot read what the firewall refused: %s", strerror(-r));
	event_del(n->readable);
}

static int start(struct nflog *n, struct event_base *base, int pidfd, struct err *e)
{
	int own = pidfd == NFLOG_HOST ? NETLINK_OWN : pidfd;
	int r = netlink_open(own, NETLINK_NETFILTER, &n->reports, e);

	if (r == 0)
		r = netlink_open(own, NETLINK_ROUTE, &n->links, e);
	if (r < 0)
		return r;
	r = bind_group(&n->reports);
	if (r < 0)
		return err_system(e, r, "cannot read NFLOG group %d", NFLOG_GROUP);
	r = set_mode(&n->reports);
	if (r < 0)
		return err_system(e, r, "cannot set NFLOG group %d up", NFLOG_GROUP);
	n->readable = event_new(base, n->reports.fd, EV_READ | EV_PERSIST, on_readable, n);
	if (!n->readable || event_add(n->readable, NULL) < 0)
		abort();
	return 0;
}

int nflog_open(struct event_base *base, int pidfd, nflog_fn fn, void *userdata, struct nflog **ret,
	       struct err *e)
{
	struct nflog *n = xnew(struct nflog);
	int r;

	*n = (struct nflog){
		.reports = NETLINK_UNSET, .links = NETLINK_UNSET, .fn = fn, .userdata = userdata
	};
	r = start(n, base, pidfd, e);
	if (r < 0) {
		nflog_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

/* The rules' limits bound what can wait; this bounds it once more. */
#define LAST_DATAGRAMS_MAX 1024

void nflog_free(struct nflog *n)
{
	if (!n)
		return;
	if (n->readable) {
		(void)read_some(n, LAST_DATAGRAMS_MAX);
		event_free(n->readable);
	}
	netlink_close(&n->reports);
	netlink_close(&n->links);
	free(n);
}

uint64_t nflog_overruns(const struct nflog *n)
{
	return n->overruns;
}
