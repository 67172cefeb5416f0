/* One report of a refused packet, out of the kernel's message (nfnetlink_log). Pure. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "common/cleanup.h"

#define NFLOG_PREFIX_MAX 64 /* with its NUL; the tables' own are names of chains */

enum nflog_protocol {
	NFLOG_PROTOCOL_OTHER,
	NFLOG_PROTOCOL_TCP,
	NFLOG_PROTOCOL_UDP,
	NFLOG_PROTOCOL_UDPLITE,
	NFLOG_PROTOCOL_ICMP, /* or ICMPv6, by the family */
	NFLOG_PROTOCOL_COUNT,
};

struct nflog_packet {
	char prefix[NFLOG_PREFIX_MAX]; /* the chain that refused it */
	int family;                    /* AF_INET or AF_INET6 */
	enum nflog_protocol protocol;
	uint8_t protocol_number; /* of the header; extension headers are looked through */
	uint8_t source[16], destination[16]; /* IPv4: the first four bytes */
	uint16_t port;                       /* destination's; 0 when it has, or tells, none */
	int icmp_type;                       /* -1 when it is none */
	uint32_t in, out;                    /* numbers of interfaces; 0: none */
	uint32_t mark;
};

/* -EBADMSG when the message is no report of an IPv4 or IPv6 packet with a whole header. */
int nflog_parse(const struct nlmsghdr *message, struct nflog_packet *ret) _must_check_;

/* "tcp", "udp", "udplite", "icmp", "other". */
const char *nflog_protocol_name(enum nflog_protocol protocol);
