/* Links between network namespaces, and the sealing of a namespace. Needs root. */
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "awfd/link.h"
#include "awfd/netlink.h"
#include "awfd/netns-enter.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define ID   "abcdefghij"
#define PORT 11000

#define AGENT     "172.30.0.20"
#define CLI_PROXY "172.30.0.50"

/* An agent and a cli-proxy, not yet linked. */
struct pair {
	struct place agent, cli_proxy;
};

static struct pair pair_new(void)
{
	return (struct pair){ place_new(), place_new() };
}

static void pair_end(struct pair *p)
{
	place_end(&p->agent);
	place_end(&p->cli_proxy);
}

static struct link_end agent_end(const struct pair *p)
{
	return (struct link_end){ p->agent.pidfd, "cli-proxy", ipv4(AGENT) };
}

static struct link_end cli_proxy_end(const struct pair *p)
{
	return (struct link_end){ p->cli_proxy.pidfd, "agent", ipv4(CLI_PROXY) };
}

static int pair_connect(const struct pair *p, struct err *e)
{
	const struct link_end a = agent_end(p), b = cli_proxy_end(p);

	return link_connect(&a, &b, ID, e);
}

static void assert_shell(const struct place *p, const char *command)
{
	if (shell(p->pidfd, "%s", command) != 0)
		fail_msg("in a namespace: %s", command);
}

static void assert_no_interface(const struct place *p)
{
	assert_shell(p, "test \"$(ip -o link | wc -l)\" = 1");
}

static void test_connect(void **state)
{
	struct pair p = pair_new();
	_cleanup_close_ int server = -EBADF;

	(void)state;
	assert_int_equal(pair_connect(&p, NULL), 0);
	server = tcp_listen(p.cli_proxy.pidfd, "172.30.0.50", PORT);
	assert_true(tcp_reaches(p.agent.pidfd, "172.30.0.50", PORT));

	assert_shell(&p.agent,
		     "ip -o -d link show cli-proxy | grep -q 'UP.*veth.*addrgenmode none.*"
		     "alias " ID "'");
	assert_shell(&p.cli_proxy,
		     "ip -o -d link show agent | grep -q 'UP.*veth.*addrgenmode none.*"
		     "alias " ID "'");
	pair_end(&p);
}

/* One address at each end, one route to the other, and no IPv6 but what loopback has. */
static void test_addresses(void **state)
{
	struct pair p = pair_new();

	(void)state;
	assert_int_equal(pair_connect(&p, NULL), 0);
	assert_shell(&p.agent, "test \"$(ip -o addr | tr -s ' ' | cut -d' ' -f2-6)\" = "
			       "'cli-proxy inet 172.30.0.20 peer 172.30.0.50/32'");
	assert_shell(&p.cli_proxy, "test \"$(ip -o addr | tr -s ' ' | cut -d' ' -f2-6)\" = "
				   "'agent inet 172.30.0.50 peer 172.30.0.20/32'");
	assert_shell(&p.agent,
		     "test \"$(ip route | sed 's/ *$//')\" = "
		     "'172.30.0.50 dev cli-proxy proto kernel scope link src 172.30.0.20'");
	assert_shell(&p.agent, "! ip route get 192.0.2.1 2>/dev/null");
	assert_shell(&p.agent, "! ip -6 route get 2001:db8::1 2>/dev/null");
	pair_end(&p);
}

/* The ends never pass through the namespace that awfd is in. */
static void test_born_inside(void **state)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	_cleanup_close_ int events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct pollfd p = { .fd = events, .events = POLLIN };
	struct pair pair = pair_new();

	(void)state;
	assert_int_equal(bind(events, (void *)&address, sizeof(address)), 0);
	assert_int_equal(pair_connect(&pair, NULL), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(shell(OWN, "ip link add seen type veth peer name too"), 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(shell(OWN, "ip link del seen"), 0);
	pair_end(&pair);
}

/* A first SYN that is lost would cost the job's first connection a whole second, which is more than
 * tcp_reaches has patience for. */
static void test_usable_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct pair p = pair_new();
		_cleanup_close_ int server = tcp_listen(p.cli_proxy.pidfd, "0.0.0.0", PORT);

		assert_int_equal(pair_connect(&p, NULL), 0);
		assert_true(tcp_reaches(p.agent.pidfd, "172.30.0.50", PORT));
		pair_end(&p);
	}
}

static void test_ends_together(void **state)
{
	struct pair p = pair_new();

	(void)state;
	assert_int_equal(pair_connect(&p, NULL), 0);
	place_end(&p.cli_proxy);
	assert_shell(&p.agent, "for i in $(seq 1500); do ip link show cli-proxy >/dev/null 2>&1 || "
			       "exit 0; sleep 0.02; done; exit 1");
	place_end(&p.agent);
}

/* Names that are taken, at either end: an error, and what was there before stays. */
static void test_name_taken(void **state)
{
	struct pair p = pair_new();
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_shell(&p.cli_proxy, "ip link add agent type veth peer name other");
	assert_int_equal(pair_connect(&p, &e), -EEXIST);
	assert_string_equal(e.message, "cannot make the pair of interfaces cli-proxy and agent: "
				       "File exists");
	assert_no_interface(&p.agent);
	assert_shell(&p.cli_proxy, "ip link show agent >/dev/null && ip link del agent");

	assert_int_equal(pair_connect(&p, NULL), 0);
	assert_int_equal(pair_connect(&p, NULL), -EEXIST);
	assert_shell(&p.agent, "ip addr show cli-proxy | grep -q 172.30.0.20");
	pair_end(&p);
}

/* Takes the name of the new interface away as soon as it is there. */
static int rename_agent(void *userdata, struct err *e)
{
	struct ifreq change = { .ifr_name = "agent", .ifr_newname = "stolen" };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)userdata;
	(void)e;
	while (ioctl(fd, SIOCSIFNAME, &change) < 0)
		;
	return 0;
}

static void start_thief(const struct place *where, pid_t *thief)
{
	*thief = fork();
	if (*thief == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(netns_enter(where->pidfd, rename_agent, NULL, NULL));
	}
	assert_true(*thief > 0);
}

/* When a later step fails the pair is taken back: here somebody is in the way of it. */
static void test_undone(void **state)
{
	struct pair p = pair_new();
	_cleanup_err_ struct err e = { 0 };
	int before = open_descriptors(), r = 0;
	pid_t thief;

	(void)state;
	for (int i = 0; r == 0 && i < 100; i++) {
		start_thief(&p.cli_proxy, &thief);
		r = pair_connect(&p, &e);
		kill(thief, SIGKILL);
		waitpid(thief, NULL, 0);
		if (r == 0)
			assert_shell(&p.agent, "ip link del cli-proxy");
	}
	assert_int_equal(r, -ENODEV);
	assert_string_equal(e.message, "cannot find interface agent: No such device");
	assert_no_interface(&p.agent);
	assert_no_interface(&p.cli_proxy);
	assert_int_equal(pair_connect(&p, NULL), 0);
	assert_int_equal(open_descriptors(), before);
	pair_end(&p);
}

static void test_ended(void **state)
{
	struct pair p = pair_new();
	_cleanup_close_ int ended = dup(p.cli_proxy.pidfd);
	_cleanup_err_ struct err e = { 0 };
	struct link_end a = agent_end(&p), b = cli_proxy_end(&p);

	(void)state;
	place_end(&p.cli_proxy);
	b.pidfd = ended;
	assert_int_equal(link_connect(&a, &b, ID, &e), -ESRCH);
	assert_int_equal(link_connect(&b, &a, ID, &e), -ESRCH);
	assert_int_equal(link_seal_namespace(ended, &e), -ESRCH);
	assert_no_interface(&p.agent);
	place_end(&p.agent);
}

static void test_bad_names(void **state)
{
	static const char *const bad_names[] = { "", "sixteen-letters-" };
	struct pair p = pair_new();
	const struct link_end good = agent_end(&p);
	struct link_end bad = cli_proxy_end(&p);
	char alias[300];

	(void)state;
	memset(alias, 'a', sizeof(alias) - 1);
	alias[sizeof(alias) - 1] = '\0';
	assert_int_equal(link_connect(&good, &bad, alias, NULL), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++) {
		bad.name = bad_names[i];
		assert_int_equal(link_connect(&good, &bad, ID, NULL), -EINVAL);
		assert_int_equal(link_connect(&bad, &good, ID, NULL), -EINVAL);
	}
	assert_no_interface(&p.agent);
	pair_end(&p);
}

/* --- Sealing --------------------------------------------------------------------------------- */

static void test_seal(void **state)
{
	struct place p = place_new();

	(void)state;
	assert_shell(&p,
		     "cd /proc/sys/net && echo 1 >ipv4/ip_forward && "
		     "echo 1 >ipv4/conf/default/forwarding && echo 1 >ipv6/conf/all/forwarding");
	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	assert_shell(&p, "cd /proc/sys/net && test \"$(cat ipv4/ip_forward ipv4/conf/*/forwarding "
			 "ipv6/conf/*/forwarding | sort -u)\" = 0");
	assert_shell(&p, "ip link show lo up | grep -q lo");
	assert_shell(&p, "test \"$(cat /proc/sys/net/ipv4/ip_forward)\" = 0");
	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	place_end(&p);
}

/* The default alone: an interface made later would forward. */
static void test_seal_default(void **state)
{
	struct place p = place_new();

	(void)state;
	assert_shell(&p, "cd /proc/sys/net && echo 0 >ipv4/ip_forward && "
			 "echo 1 >ipv4/conf/default/forwarding && "
			 "echo 1 >ipv6/conf/default/forwarding");
	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	assert_shell(&p, "ip link add later type veth peer name other && cd /proc/sys/net && "
			 "test \"$(cat ipv[46]/conf/later/forwarding | sort -u)\" = 0");
	place_end(&p);
}

static void test_seal_interface(void **state)
{
	struct place p = place_new();
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_shell(&p, "ip link add eth0 type veth peer name eth1");
	assert_int_equal(link_seal_namespace(p.pidfd, &e), 0);
	assert_shell(&p, "ip link set eth0 up");
	assert_int_equal(link_seal_namespace(p.pidfd, &e), -EEXIST);
	assert_string_equal(e.message, "the sandbox has interface eth0 besides loopback");
	place_end(&p);
}

static void test_seal_default_route(void **state)
{
	static const char *const routes[] = {
		"ip route add default dev lo",
		"ip route add default dev lo table 77",
		"ip -6 route add default dev lo",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		struct place p = place_new();
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(link_seal_namespace(p.pidfd, &e), 0);
		assert_shell(&p, routes[i]);
		assert_int_equal(link_seal_namespace(p.pidfd, &e), -EEXIST);
		assert_string_equal(e.message, "the sandbox has a default route");
		place_end(&p);
	}
}

/* --- a port of a bridge ----------------------------------------------------------------------- */

#define HOST_BRIDGE "198.18.0.1"

/* A bridge in the test's namespace, and a place with eth0 on it as the engine makes that. The
 * host's end of an ended place goes a while after it, unless it is removed. */
static struct place place_on_bridge(const char *host_end, const char *address)
{
	struct place p = place_new();

	assert_int_equal(
		shell(OWN,
		      "ip link show egress >/dev/null 2>&1 || { ip link add egress type bridge && "
		      "ip addr add " HOST_BRIDGE "/20 dev egress && ip link set egress up; }; "
		      "ip link del %s 2>/dev/null; "
		      "ip link add %s type veth peer name eth0 netns %d && "
		      "ip link set %s master egress up",
		      host_end, host_end, (int)p.pid, host_end),
		0);
	assert_int_equal(shell(p.pidfd,
			       "ip link set lo up && ip addr add %s/20 dev eth0 && "
			       "ip link set eth0 up && ip route add default via " HOST_BRIDGE,
			       address),
			 0);
	return p;
}

static void remove_bridge(void)
{
	assert_int_equal(shell(OWN, "ip link del egress"), 0);
}

static void test_loopback_address(void **state)
{
	struct place p = place_new();
	_cleanup_close_ int server = -EBADF;

	(void)state;
	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	assert_int_equal(link_add_loopback(p.pidfd, ipv4("172.30.0.1"), NULL), 0);
	assert_int_equal(link_add_loopback(p.pidfd, ipv4("172.30.0.1"), NULL), 0);
	assert_shell(&p, "test \"$(ip -o -4 addr show lo | grep -c 'inet 172.30.0.1/32 ')\" = 1");
	assert_shell(&p, "! ip route get 172.30.0.2 2>/dev/null");
	server = tcp_listen(p.pidfd, "172.30.0.1", PORT);
	assert_true(tcp_reaches(p.pidfd, "172.30.0.1", PORT));
	place_end(&p);
}

static void test_isolate(void **state)
{
	struct place a = place_on_bridge("host1", "198.18.0.2");
	struct place b = place_on_bridge("host2", "198.18.0.3");
	_cleanup_close_ int server = tcp_listen(b.pidfd, "198.18.0.3", PORT);
	_cleanup_close_ int host = tcp_listen(OWN, HOST_BRIDGE, PORT);
	_cleanup_err_ struct err e = { 0 };
	int before = open_descriptors();
	unsigned port = 0;

	(void)state;
	assert_true(tcp_reaches_in_time(a.pidfd, "198.18.0.3", PORT));
	for (int i = 0; i < 2; i++)
		if (link_isolate_bridge_port(a.pidfd, "eth0", "egress", &port, &e) < 0)
			fail_msg("%s", e.message);
	assert_int_equal(port, if_nametoindex("host1"));
	assert_int_equal(shell(OWN, "ip -d link show host1 | grep -q 'isolated on'"), 0);
	assert_int_equal(shell(OWN, "ip -d link show host2 | grep -q 'isolated off'"), 0);
	assert_true(tcp_reaches(a.pidfd, "198.18.0.3", PORT)); /* it takes two */
	assert_int_equal(link_isolate_bridge_port(b.pidfd, "eth0", "egress", &port, NULL), 0);
	assert_false(tcp_reaches(a.pidfd, "198.18.0.3", PORT));
	assert_true(tcp_reaches(a.pidfd, HOST_BRIDGE, PORT));
	assert_int_equal(open_descriptors(), before);
	place_end(&a);
	place_end(&b);
	remove_bridge();
}

/* Another bridge, no bridge, no port, and a link whose other end is elsewhere: nothing is set. */
static void test_isolate_not_ours(void **state)
{
	struct place a = place_on_bridge("host1", "198.18.0.2");
	struct place b = place_new();
	const struct link_end ends[] = { { a.pidfd, "agent", ipv4("172.30.0.10") },
					 { b.pidfd, "squid", ipv4("172.30.0.20") } };
	_cleanup_err_ struct err e = { 0 };
	unsigned port = 0;

	(void)state;
	assert_int_equal(shell(OWN, "ip link add other type bridge"), 0);
	assert_int_equal(link_connect(&ends[0], &ends[1], ID, NULL), 0);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "eth0", "other", &port, &e), -ENOTCONN);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "eth0", "missing", &port, &e), -ENONET);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "eth9", "egress", &port, &e), -ENODEV);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "lo", "egress", &port, &e), -ENOTCONN);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "", "egress", &port, &e), -EINVAL);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "agent", "egress", &port, &e),
			 -ENOTCONN);
	assert_string_equal(e.message, "cannot isolate interface agent on bridge egress: "
				       "Transport endpoint is not connected");
	assert_int_equal(shell(OWN, "ip link set host1 nomaster"), 0);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "eth0", "egress", &port, &e), -ENONET);
	assert_int_equal(shell(OWN, "ip link set host1 master egress && "
				    "ip -d link show host1 | grep -q 'isolated off'"),
			 0);
	assert_int_equal(link_isolate_bridge_port(a.pidfd, "eth0", "egress", &port, NULL), 0);
	assert_int_equal(shell(OWN, "ip link del other"), 0);
	place_end(&a);
	place_end(&b);
	remove_bridge();
}

/* The other end has the number of a port of the bridge, but in a namespace that is not the host's.
 */
static void test_isolate_same_number(void **state)
{
	struct place a = place_on_bridge("host1", "198.18.0.2");
	struct place b = place_new(), c = place_new();
	unsigned port = 0;

	(void)state;
	assert_int_equal(shell(b.pidfd,
			       "ip link add squid index %u type veth peer name eth0 netns %d",
			       if_nametoindex("host1"), (int)c.pid),
			 0);
	assert_int_equal(link_isolate_bridge_port(c.pidfd, "eth0", "egress", &port, NULL),
			 -ENOTCONN);
	assert_int_equal(shell(OWN, "ip -d link show host1 | grep -q 'isolated off'"), 0);
	place_end(&a);
	place_end(&b);
	place_end(&c);
	remove_bridge();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_born_inside),
		cmocka_unit_test(test_usable_at_once),
		cmocka_unit_test(test_ends_together),
		cmocka_unit_test(test_name_taken),
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_seal_default),
		cmocka_unit_test(test_seal_interface),
		cmocka_unit_test(test_seal_default_route),
		cmocka_unit_test(test_loopback_address),
		cmocka_unit_test(test_isolate),
		cmocka_unit_test(test_isolate_not_ours),
		cmocka_unit_test(test_isolate_same_number),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("link", tests);
}
