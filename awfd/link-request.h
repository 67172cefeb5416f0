/* Requests of rtnetlink about interfaces, for the files named link*.c. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "awfd/netlink.h"

#define LINK_LOOPBACK_INDEX 1 /* of lo, in every network namespace */

/* Whether it can be the name of an interface: 0 or -EINVAL. The kernel would say so too, but names
 * go into buffers of a fixed size first. */
int link_check_name(const char *name, struct err *e) _must_check_;

/* The same of the alias that the interface is to have. */
int link_check_alias(const char *name, const char *alias, struct err *e) _must_check_;

/* A request about an interface: by index, or by name where index is 0. */
struct nlmsghdr *link_request(void *buffer, uint16_t type, unsigned index, const char *name);

/* The interface of that name: 0, -ENODEV, or another -errno. */
int link_request_index(struct netlink *nl, const char *name, unsigned *ret) _must_check_;

int link_set_up(struct netlink *nl, unsigned index) _must_check_;
int link_set_down(struct netlink *nl, unsigned index) _must_check_;

/* What `ip link` shows people of it; shorter than IFALIASZ. */
int link_request_alias(struct netlink *nl, unsigned index, const char *alias) _must_check_;

/* No link-local address when the interface goes up. A kernel without IPv6 makes none anyway. */
int link_request_no_ipv6_address(struct netlink *nl, unsigned index) _must_check_;

/* Waits for the moment, 20 ms at most, that an interface needs which was set up before what gives
 * it a carrier (the other end of a veth pair, a first port of a bridge): until a kernel worker has
 * started its queue it drops what it is to send, the SYN of a first connection for one, which comes
 * again only after a second. Newer kernels do that work before they answer here, so that the first
 * answer is yes. */
void link_await_running(struct netlink *nl, unsigned index);

/* Gives the interface a /32 address, with a peer or itself as that. */
int link_request_address(struct netlink *nl, unsigned index, struct in_addr address,
			 struct in_addr peer) _must_check_;
