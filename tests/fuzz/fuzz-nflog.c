/* A report of the kernel, behind its netlink header. Whatever is accepted is consistent in itself
 * and the same when it is read again. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "awfd/nflog-packet.h"
#include "common/alloc.h"

#define SIZE_MAX_INPUT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_accepted(const struct nflog_packet *p)
{
	static const uint8_t zero[16];

	require(p->family == AF_INET || p->family == AF_INET6);
	require(memchr(p->prefix, '\0', sizeof(p->prefix)));
	require(p->protocol < NFLOG_PROTOCOL_COUNT && nflog_protocol_name(p->protocol));
	require(p->icmp_type >= -1 && p->icmp_type <= UINT8_MAX);
	require(p->icmp_type == -1 || p->protocol == NFLOG_PROTOCOL_ICMP);
	require(p->port == 0 ||
		(p->protocol != NFLOG_PROTOCOL_ICMP && p->protocol != NFLOG_PROTOCOL_OTHER));
	if (p->family == AF_INET) {
		require(memcmp(p->source + 4, zero, 12) == 0);
		require(memcmp(p->destination + 4, zero, 12) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = sizeof(struct nlmsghdr) + size;
	struct nflog_packet p = { 0 }, again = { 0 };
	_cleanup_free_ struct nlmsghdr *message = NULL;

	if (size > SIZE_MAX_INPUT)
		return 0;
	message = xcalloc(length, 1); /* no more: a sanitizer sees a read behind the end */
	message->nlmsg_len = (uint32_t)length;
	message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	memcpy(message + 1, data, size);
	if (nflog_parse(message, &p) < 0)
		return 0;
	check_accepted(&p);
	require(nflog_parse(message, &again) == 0);
	require(memcmp(&p, &again, sizeof(p)) == 0);
	return 0;
}
