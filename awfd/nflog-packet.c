#include "awfd/nflog-packet.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#define EXTENSIONS_MAX 8 /* headers of IPv6 that are looked through */
#define NO_FAMILY      (-1)

/* What is left of the packet. */
struct bytes {
	const uint8_t *at;
	size_t length;
};

static bool skip(struct bytes *b, size_t n)
{
	if (n > b->length)
		return false;
	b->at += n;
	b->length -= n;
	return true;
}

static const struct kind {
	uint8_t number;
	const char *name;
	int family; /* that it belongs to; 0: both */
	bool has_ports;
} kinds[NFLOG_PROTOCOL_COUNT] = {
	[NFLOG_PROTOCOL_OTHER] = { 0, "other", NO_FAMILY, false },
	[NFLOG_PROTOCOL_TCP] = { IPPROTO_TCP, "tcp", 0, true },
	[NFLOG_PROTOCOL_UDP] = { IPPROTO_UDP, "udp", 0, true },
	[NFLOG_PROTOCOL_UDPLITE] = { IPPROTO_UDPLITE, "udplite", 0, true },
	[NFLOG_PROTOCOL_ICMP] = { IPPROTO_ICMP, "icmp", AF_INET, false },
};

const char *nflog_protocol_name(enum nflog_protocol protocol)
{
	return kinds[protocol].name;
}

static enum nflog_protocol protocol_of(int family, uint8_t number)
{
	if (family == AF_INET6 && number == IPPROTO_ICMPV6)
		return NFLOG_PROTOCOL_ICMP;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].number == number &&
		    (kinds[i].family == 0 || kinds[i].family == family))
			return (enum nflog_protocol)i;
	return NFLOG_PROTOCOL_OTHER;
}

/* Port or type, when the packet is the first of its fragments and was copied that far. */
static void take_transport(struct bytes b, uint8_t number, bool is_first, struct nflog_packet *p)
{
	p->protocol_number = number;
	p->protocol = protocol_of(p->family, number);
	if (!is_first)
		return;
	if (kinds[p->protocol].has_ports && b.length >= 4)
		p->port = (uint16_t)(b.at[2] << 8 | b.at[3]);
	else if (p->protocol == NFLOG_PROTOCOL_ICMP && b.length >= 1)
		p->icmp_type = b.at[0];
}

static int take_ipv4(struct bytes b, struct nflog_packet *p)
{
	struct iphdr ip;

	if (b.length < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, b.at, sizeof(ip));
	if (ip.version != 4 || ip.ihl < 5 || !skip(&b, (size_t)ip.ihl * 4))
		return -EBADMSG;
	memcpy(p->source, &ip.saddr, sizeof(ip.saddr));
	memcpy(p->destination, &ip.daddr, sizeof(ip.daddr));
	take_transport(b, ip.protocol, (ntohs(ip.frag_off) & IP_OFFMASK) == 0, p);
	return 0;
}

/* Goes over one extension header: true with the next one's number, false when this is none, or is
 * not there as a whole. A fragment that is not the first has nothing behind it to be read. */
static bool next_header(struct bytes *b, uint8_t *number, bool *is_first)
{
	struct ip6_ext ext;

	if (*number != IPPROTO_HOPOPTS && *number != IPPROTO_ROUTING &&
	    *number != IPPROTO_DSTOPTS && *number != IPPROTO_FRAGMENT)
		return false;
	if (b->length < sizeof(struct ip6_frag) || !*is_first)
		return false;
	memcpy(&ext, b->at, sizeof(ext));
	if (*number == IPPROTO_FRAGMENT)
		*is_first = ((b->at[2] << 8 | b->at[3]) & 0xfff8) == 0;
	if (!skip(b, *number == IPPROTO_FRAGMENT ? sizeof(struct ip6_frag)
						 : ((size_t)ext.ip6e_len + 1) * 8))
		return false;
	*number = ext.ip6e_nxt;
	return true;
}

static int take_ipv6(struct bytes b, struct nflog_packet *p)
{
	bool is_first = true;
	struct ip6_hdr ip;
	uint8_t number;

	if (b.length < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, b.at, sizeof(ip));
	if (ip.ip6_vfc >> 4 != 6)
		return -EBADMSG;
	memcpy(p->source, &ip.ip6_src, sizeof(ip.ip6_src));
	memcpy(p->destination, &ip.ip6_dst, sizeof(ip.ip6_dst));
	number = ip.ip6_nxt;
	(void)skip(&b, sizeof(ip));
	for (int i = 0; i < EXTENSIONS_MAX && next_header(&b, &number, &is_first); i++)
		;
	take_transport(b, number, is_first, p);
	return 0;
}

/* A value of four bytes in network order; 0 when it is not that. */
static uint32_t word(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(attr))
								  : 0;
}

static void take_prefix(const struct nlattr *attr, char prefix[NFLOG_PREFIX_MAX])
{
	const char *text = mnl_attr_get_payload(attr);
	size_t length = strnlen(text, mnl_attr_get_payload_len(attr));

	length = MIN(length, (size_t)NFLOG_PREFIX_MAX - 1);
	memcpy(prefix, text, length);
	prefix[length] = '\0';
}

static void take_attribute(const struct nlattr *attr, struct nflog_packet *p, struct bytes *payload)
{
	switch (mnl_attr_get_type(attr)) {
	case NFULA_PREFIX:
		take_prefix(attr, p->prefix);
		break;
	case NFULA_IFINDEX_INDEV:
		p->in = word(attr);
		break;
	case NFULA_IFINDEX_OUTDEV:
		p->out = word(attr);
		break;
	case NFULA_MARK:
		p->mark = word(attr);
		break;
	case NFULA_PAYLOAD:
		*payload = (struct bytes){ mnl_attr_get_payload(attr),
					   mnl_attr_get_payload_len(attr) };
		break;
	default:
		break;
	}
}

int nflog_parse(const struct nlmsghdr *message, struct nflog_packet *ret)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	struct nflog_packet p = { .icmp_type = -1 };
	struct bytes payload = { 0 };
	const void *attributes = header + 1;
	const struct nlattr *attr;
	size_t length;
	int r;

	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return -EBADMSG;
	if (message->nlmsg_len < sizeof(*message) + sizeof(*header))
		return -EBADMSG;
	p.family = header->nfgen_family;
	if (p.family != AF_INET && p.family != AF_INET6)
		return -EBADMSG;
	length = message->nlmsg_len - sizeof(*message) - sizeof(*header);
	/* mnl_attr_for_each() would go up to the next multiple of four */
	mnl_attr_for_each_payload (attributes, length)
		take_attribute(attr, &p, &payload);
	r = p.family == AF_INET ? take_ipv4(payload, &p) : take_ipv6(payload, &p);
	if (r == 0)
		*ret = p;
	return r;
}
