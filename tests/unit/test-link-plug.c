/* A namespace that is plugged into a bridge of the host. Needs root. */
#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>

#include "awfd/link.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define ID     "abcdefghij"
#define PORT   11000
#define BRIDGE "egress"
#define HOST   "198.18.0.1"
#define HOST6  "fd61::1"

static void assert_host(const char *command)
{
	if (shell(OWN, "%s", command) != 0)
		fail_msg("on the host: %s", command);
}

static void assert_inside(const struct place *p, const char *command)
{
	if (shell(p->pidfd, "%s", command) != 0)
		fail_msg("inside: %s", command);
}

static int bridge_new(void **state _unused_)
{
	return shell(OWN, "ip link add " BRIDGE " type bridge && "
			  "ip addr add " HOST "/20 dev " BRIDGE " && "
			  "ip addr add " HOST6 "/64 dev " BRIDGE " nodad && "
			  "ip link set " BRIDGE " up");
}

static int bridge_end(void **state _unused_)
{
	return shell(OWN, "ip link del " BRIDGE);
}

/* Also what a test leaves that failed. */
static int all_end(void **state _unused_)
{
	(void)shell(OWN,
		    "for link in " BRIDGE " awf8 awf9; do ip link del $link; done 2>/dev/null");
	return 0;
}

static struct link_address address(int family, const char *own, const char *gateway, unsigned bits)
{
	struct link_address a = { .family = family, .bits = bits };

	assert_int_equal(inet_pton(family, own, a.address), 1);
	assert_int_equal(inet_pton(family, gateway, a.gateway), 1);
	return a;
}

/* As port awf<number>, with that number in both networks. */
static int plug_into(const char *bridge, const struct place *p, unsigned number, unsigned *port,
		     struct err *e)
{
	_cleanup_free_ char *name = xasprintf("awf%u", number);
	_cleanup_free_ char *own = xasprintf("198.18.0.%u", number);
	_cleanup_free_ char *own6 = xasprintf("fd61::%x", number);
	const struct link_address addresses[] = { address(AF_INET, own, HOST, 20),
						  address(AF_INET6, own6, HOST6, 64) };

	return link_plug_in(p->pidfd,
			    &(struct link_plug){ .bridge = bridge,
						 .port = name,
						 .interface = "eth0",
						 .alias = ID,
						 .addresses = addresses,
						 .address_count = ARRAY_SIZE(addresses) },
			    port, e);
}

static struct place plugged(unsigned number, unsigned *port)
{
	struct place p = place_new();
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	if (plug_into(BRIDGE, &p, number, port, &e) < 0)
		fail_msg("%s", e.message);
	return p;
}

/* Who was asked for in vain is asked for again only after a second. */
static void forget_neighbours(const struct place *p)
{
	assert_inside(p, "ip neigh flush all");
}

/* The host's end of an ended place goes a while after it. */
static void end(struct place *p, unsigned number)
{
	assert_int_equal(shell(OWN, "ip link del awf%u", number), 0);
	place_end(p);
}

static void test_plug_in(void **state _unused_)
{
	_cleanup_close_ int host = tcp_listen(OWN, HOST, PORT);
	_cleanup_close_ int host6 = tcp_listen(OWN, HOST6, PORT);
	struct place p = place_new();
	unsigned port = 0;
	int before;

	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	before = open_descriptors();
	assert_int_equal(plug_into(BRIDGE, &p, 8, &port, NULL), 0);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(port, if_nametoindex("awf8"));
	assert_true(tcp_reaches(p.pidfd, HOST, PORT));
	assert_true(tcp_reaches_in_time(p.pidfd, HOST6, PORT)); /* its own address is new */
	assert_inside(&p, "ip -o -d link show eth0 | grep -q 'UP.*02:42:c6:12:00:08.*"
			  "addrgenmode none.*alias " ID "'");
	assert_inside(&p, "test \"$(ip -o addr show eth0 | tr -s ' ' | cut -d' ' -f3,4)\" = "
			  "\"$(printf '%s\n' 'inet 198.18.0.8/20' 'inet6 fd61::8/64')\"");
	assert_inside(&p, "ip route | grep -q 'default via " HOST " dev eth0 proto static'");
	assert_inside(&p, "ip -6 route | grep -q 'default via " HOST6 " dev eth0 proto static'");
	assert_host("ip -o -d link show awf8 | grep -q 'UP.*master " BRIDGE
		    ".*isolated on.*addrgenmode none.*alias " ID "'");
	assert_host("! ip -o addr show awf8 | grep .");
	assert_host("test \"$(cat /proc/sys/net/ipv4/conf/awf8/arp_ignore)\" = 8");
	end(&p, 8);
}

/* At no time is there a port that others reach: it is isolated when it goes up. */
static void test_apart(void **state _unused_)
{
	unsigned port;
	struct place a = plugged(8, &port), b = plugged(9, &port);
	_cleanup_close_ int server = tcp_listen(b.pidfd, "198.18.0.9", PORT);

	assert_true(tcp_reaches(b.pidfd, "198.18.0.9", PORT));
	assert_false(tcp_reaches(a.pidfd, "198.18.0.9", PORT));
	assert_host("ip link set awf8 type bridge_slave isolated off");
	forget_neighbours(&a);
	assert_true(tcp_reaches(a.pidfd, "198.18.0.9", PORT)); /* it was that */
	end(&a, 8);
	end(&b, 9);
}

static void test_usable_at_once(void **state _unused_)
{
	_cleanup_close_ int host = tcp_listen(OWN, HOST, PORT);

	for (int i = 0; i < 20; i++) {
		unsigned port;
		struct place p = plugged(8, &port);

		assert_true(tcp_reaches(p.pidfd, HOST, PORT));
		end(&p, 8);
	}
}

static void test_name_taken(void **state _unused_)
{
	unsigned port = 0, other = 0;
	struct place a = plugged(8, &port), b = place_new();
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(plug_into(BRIDGE, &b, 8, &other, &e), -EEXIST);
	assert_int_equal(other, 0);
	assert_text_contains(e.message, "cannot make port awf8 of bridge egress");
	assert_inside(&b, "! ip link show eth0 2>/dev/null");
	assert_int_equal(if_nametoindex("awf8"), port);
	end(&a, 8);
	place_end(&b);
}

/* Whatever does not work, neither end is left. */
static void test_undone(void **state _unused_)
{
	struct place p = place_new();
	_cleanup_err_ struct err missing = { 0 }, taken = { 0 };
	unsigned port = 0;

	assert_int_equal(plug_into("missing", &p, 8, &port, &missing), -ENODEV);
	assert_text_contains(missing.message, "cannot make port awf8 of bridge missing");
	assert_inside(&p, "ip link add eth0 type bridge");
	assert_int_equal(plug_into(BRIDGE, &p, 8, &port, &taken), -ENOTUNIQ);
	assert_inside(&p, "ip link del eth0");
	assert_inside(&p, "ip link set lo up && ip route add default dev lo");
	err_clear(&taken);
	assert_int_equal(plug_into(BRIDGE, &p, 8, &port, &taken), -ENOTUNIQ);
	assert_text_contains(taken.message, "cannot add default routes by port awf8");
	assert_int_equal(port, 0);
	assert_int_equal(if_nametoindex("awf8"), 0);
	assert_inside(&p, "! ip link show eth0 2>/dev/null");
	place_end(&p);
}

static void test_bad_names(void **state _unused_)
{
	struct place p = place_new();
	unsigned port;

	assert_int_equal(plug_into("", &p, 8, &port, NULL), -EINVAL);
	assert_int_equal(plug_into("a-name-of-16-char", &p, 8, &port, NULL), -EINVAL);
	place_end(&p);
}

static void test_ended(void **state _unused_)
{
	struct place p = place_new();
	_cleanup_close_ int ended = dup(p.pidfd);
	_cleanup_err_ struct err e = { 0 };
	unsigned port;

	place_end(&p);
	p.pidfd = ended;
	assert_int_equal(plug_into(BRIDGE, &p, 8, &port, &e), -ESRCH);
	assert_int_equal(if_nametoindex("awf8"), 0);
}

/* The network is removed, and made anew: the one that was on it is on it again, as it was, and
 * nothing that is the host's is reached in between, although the port is there. */
static void test_plug_in_again(void **state _unused_)
{
	unsigned port, port9;
	struct place p = plugged(8, &port), other = plugged(9, &port9);
	_cleanup_close_ int host = tcp_listen(OWN, "0.0.0.0", PORT);
	_cleanup_close_ int server = tcp_listen(other.pidfd, "198.18.0.9", PORT);
	bool mended;

	assert_true(tcp_reaches(p.pidfd, HOST, PORT));
	assert_int_equal(bridge_end(NULL), 0);
	assert_int_equal(link_keep_isolated(port, BRIDGE, &mended, NULL), -ENONET);
	assert_int_equal(link_plug_in_again(port, BRIDGE, NULL), -ENODEV);
	assert_host("ip addr add " HOST "/20 dev lo");
	assert_true(tcp_reaches(OWN, HOST, PORT));
	assert_false(tcp_reaches(p.pidfd, HOST, PORT)); /* the port is up, and silent */
	assert_host("ip addr del " HOST "/20 dev lo");
	assert_int_equal(link_plug_out(port, NULL), 0);
	assert_int_equal(link_plug_out(port9, NULL), 0);
	assert_int_equal(bridge_new(NULL), 0);
	assert_int_equal(link_keep_isolated(port, BRIDGE, &mended, NULL), -ENOTCONN);
	assert_false(tcp_reaches(p.pidfd, HOST, PORT));
	assert_int_equal(link_plug_in_again(port, BRIDGE, NULL), 0);
	assert_int_equal(link_plug_in_again(port9, BRIDGE, NULL), 0);
	forget_neighbours(&p);
	assert_true(tcp_reaches(p.pidfd, HOST, PORT));
	assert_false(tcp_reaches(p.pidfd, "198.18.0.9", PORT));
	assert_inside(&p, "ip -6 route | grep -q 'default via " HOST6 " dev eth0'");
	end(&p, 8);
	end(&other, 9);
	assert_int_equal(link_keep_isolated(port, BRIDGE, &mended, NULL), -ENODEV);
}

static void test_remove(void **state _unused_)
{
	unsigned port;
	struct place p = plugged(8, &port);

	assert_int_equal(link_plug_remove("another"), 0);
	assert_int_equal(if_nametoindex("awf8"), port);
	assert_int_equal(link_plug_remove(ID), 0);
	assert_int_equal(if_nametoindex("awf8"), 0);
	assert_inside(&p, "! ip link show eth0 2>/dev/null");
	assert_int_equal(link_plug_remove(ID), 0);
	place_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plug_in, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_apart, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_usable_at_once, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_name_taken, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_undone, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_bad_names, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_ended, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_plug_in_again, bridge_new, all_end),
		cmocka_unit_test_setup_teardown(test_remove, bridge_new, all_end),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("link-plug", tests);
}
