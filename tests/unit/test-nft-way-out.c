/* The table of squid's namespace, with real traffic: the way out by eth0, and the flows beside it.
 * Needs root. */
#include <event2/event.h>
#include <poll.h>

#include "awfd/link.h"
#include "awfd/nflog.h"
#include "awfd/nft.h"
#include "tests/unit/check.h"
#include "tests/unit/outside.h"

#define SQUID_LINK4 "172.30.0.10"
#define AGENT4      "172.30.0.20"
#define SQUID4      "198.18.0.2"
#define SQUID6      "fd61:7766:6567::2"
#define GATEWAY4    "198.18.0.1"
#define GATEWAY6    "fd61:7766:6567::1"
#define PORT        3128
#define RESOLVER    "127.0.0.11" /* where the engine's embedded one listens */

/* A squid between an agent and the outside, which is the bridge's gateway at once. */
struct bed {
	struct place squid, agent;
	struct outside outside;
	bool prepared; /* its table is there before it is granted anything */
	int proxy, other, agent_tcp, resolver_tcp, resolver_udp, squid_udp;
};

static void must(int pidfd, const char *command)
{
	if (shell(pidfd, "%s", command) != 0)
		fail_msg("%s", command);
}

static void connect_outside(struct bed *b)
{
	assert_int_equal(shell(b->outside.place.pidfd,
			       "ip link add eth9 type veth peer name eth0 netns %d && "
			       "ip addr add " GATEWAY4 "/20 dev eth9 && "
			       "ip addr add " GATEWAY6 "/64 dev eth9 nodad && "
			       "ip link set eth9 up",
			       (int)b->squid.pid),
			 0);
	must(b->squid.pidfd,
	     "ip addr add " SQUID4 "/20 dev eth0 && "
	     "ip addr add " SQUID6 "/64 dev eth0 nodad && ip link set eth0 up && "
	     "ip route add default via " GATEWAY4 " && ip -6 route add default via " GATEWAY6);
	for (int tries = 0; !tcp_reaches(b->squid.pidfd, OUTSIDE_PUBLIC6, 80); tries++)
		assert_true(tries < 40);
}

static void connect_agent(struct bed *b)
{
	const struct link_end ends[] = { { b->agent.pidfd, "squid", ipv4(AGENT4) },
					 { b->squid.pidfd, "agent", ipv4(SQUID_LINK4) } };

	assert_int_equal(link_connect(&ends[0], &ends[1], "abcdefghij", NULL), 0);
}

static int begin(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	*b = (struct bed){ .squid = place_new(), .agent = place_new() };
	b->outside = outside_new();
	must(b->squid.pidfd, "ip link set lo up && "
			     "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
	must(b->agent.pidfd, "ip link set lo up");
	must(b->outside.place.pidfd, "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
	connect_outside(b);
	connect_agent(b);
	b->proxy = tcp_listen(b->squid.pidfd, "::", PORT);
	b->other = tcp_listen(b->squid.pidfd, "::", PORT + 1);
	b->agent_tcp = tcp_listen(b->agent.pidfd, "::", 80);
	b->resolver_tcp = tcp_listen(b->squid.pidfd, RESOLVER, 53);
	b->resolver_udp = udp_bind(b->squid.pidfd, RESOLVER, 53);
	b->squid_udp = udp_bind(b->squid.pidfd, "::", 5353);
	*state = b;
	return 0;
}

static int begin_prepared(void **state)
{
	int r = begin(state);

	((struct bed *)*state)->prepared = true;
	return r;
}

static int end(void **state)
{
	struct bed *b = *state;
	const int sockets[] = { b->proxy,        b->other,        b->agent_tcp,
				b->resolver_tcp, b->resolver_udp, b->squid_udp };

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		close(sockets[i]);
	outside_end(&b->outside);
	place_end(&b->squid);
	place_end(&b->agent);
	free(b);
	return 0;
}

/* Before there is a job. */
static void assert_targets_closed(const struct bed *b)
{
	for (size_t i = 0; i < outside_target_count; i++)
		assert_false(outside_reached(&b->outside, b->squid.pidfd, &outside_targets[i]));
}

static void apply(const struct bed *b)
{
	const struct sockaddr_storage dns[] = { address_of(OUTSIDE_DNS4, 53),
						address_of(OUTSIDE_DNS6, 53) };
	const struct sockaddr_storage grants[] = { address_of(OUTSIDE_GRANT4, 8443),
						   address_of(OUTSIDE_GRANT6, 8443) };
	const struct nft_egress egress = { "eth0", dns, ARRAY_SIZE(dns), grants,
					   ARRAY_SIZE(grants) };
	const struct nft_flow flow = { .link = "agent",
				       .local = ipv4(SQUID_LINK4),
				       .peer = ipv4(AGENT4),
				       .port = PORT,
				       .serve = true };
	const struct nft_namespace ns = { &flow, 1, .loopback_helpers = true, .egress = &egress };
	_cleanup_err_ struct err e = { 0 };

	const struct nft_namespace before = { &flow, 1, .loopback_helpers = true };
	int r = 0;

	if (b->prepared)
		r = nft_namespace_apply(b->squid.pidfd, &before, &e);
	if (r == 0 && b->prepared)
		assert_targets_closed(b);
	if (r == 0)
		r = b->prepared ? nft_namespace_grant(b->squid.pidfd, &ns, &e)
				: nft_namespace_apply(b->squid.pidfd, &ns, &e);
	if (r < 0)
		fail_msg("%s", e.message);
}

static void assert_targets(const struct bed *b, bool all)
{
	for (size_t i = 0; i < outside_target_count; i++) {
		const struct outside_target *t = &outside_targets[i];

		if (outside_reached(&b->outside, b->squid.pidfd, t) != (all || t->allowed))
			fail_msg("%s %s port %u is %sreached", t->protocol, t->host, t->port,
				 all || t->allowed ? "not " : "");
	}
}

static void test_targets(void **state)
{
	const struct bed *b = *state;

	assert_targets(b, true);
	assert_true(icmp_reaches(b->squid.pidfd, OUTSIDE_PUBLIC4));
	apply(b);
	assert_targets(b, false);
	assert_false(icmp_reaches(b->squid.pidfd, OUTSIDE_PUBLIC4));
}

/* The links, loopback and the gateway. */
static void assert_inside(const struct bed *b, bool open)
{
	const int squid = b->squid.pidfd, agent = b->agent.pidfd;

	assert_true(tcp_reaches(agent, SQUID_LINK4, PORT));
	assert_int_equal(tcp_reaches(agent, SQUID_LINK4, PORT + 1), open);
	assert_int_equal(udp_reaches(agent, SQUID_LINK4, 5353, b->squid_udp), open);
	assert_int_equal(tcp_reaches(squid, AGENT4, 80), open);
	assert_int_equal(tcp_reaches(squid, RESOLVER, 53), open);
	assert_int_equal(udp_reaches(squid, RESOLVER, 53, b->resolver_udp), open);
	assert_true(tcp_reaches(squid, "127.0.0.1", PORT)); /* the helper's way */
	assert_int_equal(udp_reaches(squid, "127.0.0.1", 5353, b->squid_udp), open);
	assert_int_equal(tcp_reaches(squid, "127.0.0.2", PORT), open);
	assert_int_equal(tcp_reaches(squid, "::1", PORT), open);
	assert_int_equal(tcp_reaches(squid, SQUID4, PORT), open);
	assert_int_equal(tcp_reaches(squid, GATEWAY4, 80), open);
	assert_int_equal(tcp_reaches(squid, GATEWAY6, 443), open);
}

static void test_inside(void **state)
{
	const struct bed *b = *state;

	assert_inside(b, true);
	apply(b);
	assert_inside(b, false);
}

/* A connection from the port that answers come from, from a public address or a private one. */
static bool opens(const struct bed *b, const char *host, uint16_t port, const char *squid)
{
	const struct sockaddr_storage from = address_of(host, port);

	return tcp_reaches_from(b->outside.place.pidfd, &from, squid, PORT);
}

static void assert_inwards(const struct bed *b, bool open)
{
	assert_int_equal(opens(b, GATEWAY4, 0, SQUID4), open);
	assert_int_equal(opens(b, OUTSIDE_PUBLIC4, 81, SQUID4), open);
	assert_int_equal(opens(b, OUTSIDE_PUBLIC6, 0, SQUID6), open);
	assert_int_equal(udp_reaches(b->outside.place.pidfd, SQUID4, 5353, b->squid_udp), open);
	assert_int_equal(icmp_reaches(b->outside.place.pidfd, SQUID4), open);
}

static void test_inwards(void **state)
{
	struct bed *b = *state;

	assert_inwards(b, true);
	close(b->outside.tcp[1]); /* port 80, to be taken by who connects */
	assert_true(opens(b, OUTSIDE_PUBLIC4, 80, SQUID4));
	apply(b);
	assert_false(opens(b, OUTSIDE_PUBLIC4, 80, SQUID4));
	b->outside.tcp[1] = tcp_listen(b->outside.place.pidfd, "::", 80);
	assert_inwards(b, false);
}

static void test_neighbours_and_errors(void **state)
{
	const struct bed *b = *state;

	must(b->outside.place.pidfd, "echo 1 >/proc/sys/net/ipv4/ip_forward && "
				     "ip route add prohibit 203.0.113.70");
	apply(b);
	must(b->squid.pidfd, "ip neigh flush dev eth0 && ip -6 neigh flush dev eth0");
	must(b->outside.place.pidfd, "ip neigh flush dev eth9 && ip -6 neigh flush dev eth9");
	assert_true(tcp_reaches(b->squid.pidfd, OUTSIDE_PUBLIC6, 443));
	assert_int_equal(tcp_connect(b->squid.pidfd, NULL, "203.0.113.70", 443), -EHOSTUNREACH);
}

static void on_packet(const struct nflog_packet *p, const char *in, const char *out, void *userdata)
{
	unsigned *seen = userdata;

	(void)in;
	if (same_text(p->prefix, "private") && same_text(out, "eth0") && p->port == 80)
		seen[0]++;
	if (same_text(p->prefix, "egress") && same_text(out, "eth0") && p->port == 8080)
		seen[1]++;
	if (same_text(p->prefix, "output") && same_text(out, "lo") && p->port == 53)
		seen[2]++;
}

static void test_reports(void **state)
{
	struct event_base *base = event_base_new();
	const struct bed *b = *state;
	unsigned seen[3] = { 0 };
	struct nflog *log;

	apply(b);
	assert_int_equal(nflog_open(base, b->squid.pidfd, on_packet, seen, &log, NULL), 0);
	assert_false(tcp_reaches(b->squid.pidfd, "169.254.169.254", 80));
	assert_false(tcp_reaches(b->squid.pidfd, OUTSIDE_PUBLIC6, 8080));
	assert_false(udp_reaches(b->squid.pidfd, RESOLVER, 53, b->resolver_udp));
	nflog_free(log);
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_true(seen[i] > 0);
	event_base_free(base);
}

static void test_listing(void **state)
{
	const struct bed *b = *state;

	apply(b);
	apply(b); /* in place of itself */
	must(b->squid.pidfd,
	     "nft -s list ruleset | diff tests/unit/golden/nft-squid-listing.txt -");
}

#define TEST_WITH_BED(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define TEST_PREPARED(test)                                                                        \
	{                                                                                          \
#test " of a prepared one", test, begin_prepared, end, NULL                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH_BED(test_targets), TEST_WITH_BED(test_inside),
		TEST_WITH_BED(test_inwards), TEST_WITH_BED(test_neighbours_and_errors),
		TEST_WITH_BED(test_reports), TEST_WITH_BED(test_listing),
		TEST_PREPARED(test_targets), TEST_PREPARED(test_inside),
		TEST_PREPARED(test_inwards), TEST_PREPARED(test_neighbours_and_errors),
		TEST_PREPARED(test_reports),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("nft-way-out", tests);
}
