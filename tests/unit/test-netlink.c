/* Netlink requests, with what an ordinary user may ask for. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "awfd/netlink.h"
#include "tests/unit/check.h"

#define LOOPBACK_INDEX 1
#define FLOOD          1000

static int begin(void **state)
{
	static struct netlink nl;

	*state = &nl;
	return netlink_open(NETLINK_OWN, NETLINK_ROUTE, &nl, NULL);
}

static int end(void **state)
{
	netlink_close(*state);
	return 0;
}

static struct nlmsghdr *get_link(void *buffer, int index, uint16_t flags)
{
	struct nlmsghdr *nlh =
		netlink_message(buffer, RTM_GETLINK, flags, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_index = index;
	return nlh;
}

static void count_loopback(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWLINK && info->ifi_index == LOOPBACK_INDEX)
		++*(int *)userdata;
}

/* How often loopback is in the answer to a request about one interface (0: all of them). */
static int ask(struct netlink *nl, int index, uint16_t flags)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	int seen = 0;
	int r = netlink_request(nl, get_link(buffer, index, flags), count_loopback, &seen);

	return r < 0 ? r : seen;
}

static void test_request(void **state)
{
	assert_int_equal(ask(*state, LOOPBACK_INDEX, 0), 1);
	assert_int_equal(ask(*state, 0, NLM_F_DUMP), 1);
	assert_int_equal(ask(*state, 0x7fffffff, 0), -ENODEV);
	assert_int_equal(ask(*state, LOOPBACK_INDEX, 0), 1);
}

static void test_flags(void **state)
{
	const struct netlink *nl = *state;

	assert_true(fcntl(nl->fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(nl->fd, F_GETFL) & O_NONBLOCK);
}

static void test_refused(void **state)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	struct netlink nl = NETLINK_UNSET;

	assert_int_equal(netlink_request(*state, netlink_message(buffer, 0xffff, 0, 4), NULL, NULL),
			 -EOPNOTSUPP);
	assert_true(netlink_request(&nl, get_link(buffer, LOOPBACK_INDEX, 0), NULL, NULL) < 0);
	assert_true(netlink_open(NETLINK_OWN, 999, &nl, NULL) < 0);
	assert_int_equal(nl.fd, -EBADF);
}

static void count_errors(const struct nlmsghdr *nlh, void *userdata)
{
	if (nlh->nlmsg_type == NLMSG_ERROR)
		++*(int *)userdata;
}

/* More answers than the socket can hold: said once, and the next request is not disturbed. */
static void test_lost_answers(void **state)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	const struct netlink *nl = *state;
	struct nlmsghdr *nlh = get_link(buffer, 0x7fffffff, NLM_F_ACK);
	struct iovec iov = { nlh, nlh->nlmsg_len };
	int small = 1, enough = 1 << 20, errors = 0;

	assert_int_equal(setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < FLOOD; i++)
		assert_int_equal(netlink_send(nl, &iov, 1), 0);
	assert_int_equal(netlink_receive(nl, count_errors, &errors), -ENOBUFS);
	assert_true(errors > 0 && errors < FLOOD);
	assert_int_equal(netlink_receive(nl, count_errors, &errors), 0);
	assert_int_equal(setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &enough, sizeof(enough)), 0);
	assert_int_equal(ask(*state, LOOPBACK_INDEX, 0), 1);
}

/* What was left unread is not taken for the answer. */
static void test_stale_answers(void **state)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	const struct netlink *nl = *state;
	struct nlmsghdr *nlh = get_link(buffer, 0x7fffffff, NLM_F_ACK);
	struct iovec iov = { nlh, nlh->nlmsg_len };

	nlh->nlmsg_seq = nl->seq;
	assert_int_equal(netlink_send(nl, &iov, 1), 0);
	assert_int_equal(ask(*state, LOOPBACK_INDEX, 0), 1);
}

/* Neither what waits for the one before, whose numbers may be the same, nor what is no such socket.
 */
static void test_adopt(void **state)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_SIZE];
	const struct netlink *nl = *state;
	struct nlmsghdr *nlh = get_link(buffer, 0x7fffffff, NLM_F_ACK);
	struct iovec iov = { nlh, nlh->nlmsg_len };
	struct netlink next = NETLINK_UNSET;

	nlh->nlmsg_seq = 1;
	assert_int_equal(netlink_send(nl, &iov, 1), 0);
	assert_int_equal(netlink_adopt(dup(nl->fd), NETLINK_NETFILTER, &next, NULL), -EPROTOTYPE);
	assert_int_equal(netlink_adopt(dup(STDOUT_FILENO), NETLINK_ROUTE, &next, NULL),
			 -EPROTOTYPE);
	assert_int_equal(netlink_adopt(dup(nl->fd), NETLINK_ROUTE, &next, NULL), 0);
	assert_int_equal(netlink_port(&next), netlink_port(nl));
	assert_int_equal(ask(&next, LOOPBACK_INDEX, 0), 1);
	netlink_close(&next);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request),      TEST(test_flags),         TEST(test_refused),
		TEST(test_lost_answers), TEST(test_stale_answers), TEST(test_adopt),
	};

	return RUN_TESTS("netlink", tests);
}
