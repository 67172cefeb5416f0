#include "awfd/netlink.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "awfd/netns.h"

/* Both ways; the memory is only used when it is needed. */
#define SOCKET_BUFFER (1 << 20)

/* At least what the kernel fills in one part of a dump (netlink(7)). */
#define RECEIVE_SIZE 32768

static void grow_buffer(int fd, int force, int option, int size)
{
	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
}

static int open_own(int protocol, struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	return fd < 0 ? err_system(e, -errno, "cannot make a netlink socket") : fd;
}

int netlink_open(int pidfd, int protocol, struct netlink *ret, struct err *e)
{
	int fd;

	if (pidfd == NETLINK_OWN)
		fd = open_own(protocol, e);
	else
		fd = netns_socket(pidfd, AF_NETLINK, SOCK_RAW, protocol, e);
	if (fd < 0)
		return fd;
	grow_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SOCKET_BUFFER);
	grow_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, SOCKET_BUFFER);
	*ret = (struct netlink){ .fd = fd };
	return 0;
}

/* Another process may have been killed before it read them. */
static void throw_away(const struct nlmsghdr *nlh _unused_, void *userdata _unused_)
{
}

static bool is_netlink_of(int fd, int protocol)
{
	int domain = 0, found = -1;
	socklen_t length = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &found, &length) == 0 &&
	       domain == AF_NETLINK && found == protocol;
}

int netlink_adopt(int fd, int protocol, struct netlink *ret, struct err *e)
{
	struct netlink nl = { .fd = fd };
	int r = is_netlink_of(fd, protocol) ? netlink_receive(&nl, throw_away, NULL) : -EPROTOTYPE;

	if (r < 0 && r != -ENOBUFS) {
		netlink_close(&nl);
		return err_system(e, r, "cannot go on with the netlink socket that was kept");
	}
	*ret = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->fd >= 0)
		close(TAKE_FD(nl->fd));
}

uint32_t netlink_port(const struct netlink *nl)
{
	struct sockaddr_nl own = { 0 };
	socklen_t length = sizeof(own);

	return getsockname(nl->fd, (struct sockaddr *)&own, &length) < 0 ? 0 : own.nl_pid;
}

int netlink_join(const struct netlink *nl, unsigned group)
{
	const struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = 1U << (group - 1) };

	return bind(nl->fd, (const struct sockaddr *)&own, sizeof(own)) < 0 ? -errno : 0;
}

void netlink_make_room(const struct netlink *nl, size_t length)
{
	if (length > SOCKET_BUFFER && length <= INT_MAX / 2)
		grow_buffer(nl->fd, SO_SNDBUFFORCE, SO_SNDBUF, (int)length);
}

struct nlmsghdr *netlink_message(void *buffer, uint16_t type, uint16_t flags, size_t extra)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	(void)mnl_nlmsg_put_extra_header(nlh, extra);
	return nlh;
}

int netlink_send(const struct netlink *nl, const struct iovec *iov, size_t count)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel,
			      .msg_namelen = sizeof(kernel),
			      .msg_iov = (struct iovec *)iov,
			      .msg_iovlen = count };
	ssize_t n;

	do
		n = sendmsg(nl->fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Reads one datagram; what the kernel has not sent counts as empty. -EAGAIN when none waits. */
static ssize_t receive_one(const struct netlink *nl, void *buffer, size_t size)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n;

	do
		n = recvmsg(nl->fd, &msg, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return from.nl_pid == 0 ? n : 0;
}

int netlink_receive_one(const struct netlink *nl, netlink_fn fn, void *userdata)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	ssize_t n = receive_one(nl, buffer, sizeof(buffer));
	int left = (int)n;

	if (n < 0)
		return (int)n;
	for (const struct nlmsghdr *h = (void *)buffer; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left))
		fn(h, userdata);
	return 0;
}

int netlink_receive(const struct netlink *nl, netlink_fn fn, void *userdata)
{
	int lost = 0;

	for (;;) {
		int r = netlink_receive_one(nl, fn, userdata);

		if (r == -EAGAIN)
			return lost;
		if (r == -ENOBUFS) /* said once; the queue behind it is still good */
			lost = -ENOBUFS;
		else if (r < 0)
			return r;
	}
}

struct request {
	uint32_t seq;
	netlink_fn fn;
	void *userdata;
	bool done;
	int error;
};

/* The code that an acknowledgement, an error or the end of a dump carries first in its payload. */
static int status_of(const struct nlmsghdr *nlh)
{
	int status = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(status))
		memcpy(&status, mnl_nlmsg_get_payload(nlh), sizeof(status));
	return status;
}

static void take_answer(const struct nlmsghdr *nlh, void *userdata)
{
	struct request *r = userdata;

	if (nlh->nlmsg_seq != r->seq || r->done)
		return;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		r->done = true;
		r->error = status_of(nlh);
	} else if (r->fn) {
		r->fn(nlh, r->userdata);
	}
}

int netlink_request(struct netlink *nl, struct nlmsghdr *nlh, netlink_fn fn, void *userdata)
{
	struct request request = { .seq = ++nl->seq, .fn = fn, .userdata = userdata };
	struct iovec iov = { .iov_base = nlh, .iov_len = nlh->nlmsg_len };
	int r;

	nlh->nlmsg_seq = request.seq;
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_ACK;
	r = netlink_send(nl, &iov, 1);
	if (r < 0)
		return r;
	r = netlink_receive(nl, take_answer, &request);
	if (request.done)
		return request.error;
	return r < 0 ? r : -EIO;
}
