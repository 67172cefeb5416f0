/* Requests to the kernel by netlink(7). The kernel works on a request inside the sender's send(2),
 * so every answer waits in the socket when it returns: nothing here ever blocks. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <libmnl/libmnl.h>

#include "common/cleanup.h"
#include "common/err.h"

struct netlink {
	int fd;
	uint32_t seq; /* of the last message sent */
};

#define NETLINK_UNSET     ((struct netlink){ .fd = -EBADF })
#define NETLINK_OWN       (-EBADF) /* instead of a pidfd: the caller's own namespace */
#define _cleanup_netlink_ _cleanup_(netlink_close)

/* Room for any single request that awfd makes. */
#define NETLINK_REQUEST_SIZE 2048

/* Gets one message of an answer, neither error, acknowledgement nor end. */
typedef void (*netlink_fn)(const struct nlmsghdr *nlh, void *userdata);

/* A socket of the protocol (NETLINK_ROUTE, NETLINK_NETFILTER) in the network namespace of the
 * pidfd's process, or NETLINK_OWN. */
int netlink_open(int pidfd, int protocol, struct netlink *ret, struct err *e) _must_check_;

/* Takes over a socket of the protocol that another process had, without the answers that wait there
 * for it. Closed on failure. */
int netlink_adopt(int fd, int protocol, struct netlink *ret, struct err *e) _must_check_;
void netlink_close(struct netlink *nl);

/* Starts a request in the buffer; its payload begins with a zeroed header of `extra` bytes. */
struct nlmsghdr *netlink_message(void *buffer, uint16_t type, uint16_t flags, size_t extra);

/* The socket's own port, by which the kernel names it to others; 0 when it has none. */
uint32_t netlink_port(const struct netlink *nl);

/* Subscribes the socket, which has sent nothing yet, to a group's notifications. */
int netlink_join(const struct netlink *nl, unsigned group) _must_check_;

/* Lets the socket send that many bytes at once, as far as the caller may. */
void netlink_make_room(const struct netlink *nl, size_t length);

/* Sends whole messages, numbered by the caller. */
int netlink_send(const struct netlink *nl, const struct iovec *iov, size_t count) _must_check_;

/* Calls fn for every message that waits, errors and acknowledgements too. 0; -ENOBUFS when the
 * kernel had to throw answers away (what is there was given to fn all the same); or -errno. */
int netlink_receive(const struct netlink *nl, netlink_fn fn, void *userdata) _must_check_;

/* Calls fn for every message of one datagram. 0, -EAGAIN when none waits, or -errno as above. */
int netlink_receive_one(const struct netlink *nl, netlink_fn fn, void *userdata) _must_check_;

/* Numbers and sends one request (a dump when it has NLM_F_DUMP), calls fn (may be NULL) for what
 * comes back, and returns the kernel's verdict: 0 or -errno. */
int netlink_request(struct netlink *nl, struct nlmsghdr *nlh, netlink_fn fn,
		    void *userdata) _must_check_;
