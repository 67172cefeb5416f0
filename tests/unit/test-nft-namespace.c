/* The table of a sandbox namespace, with real traffic between two of them. Needs root. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "awfd/link.h"
#include "awfd/nft.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define AGENT      "172.30.0.20"
#define CLI_PROXY  "172.30.0.50"
#define AGENT6     "fd00::20"
#define CLI_PROXY6 "fd00::50"
#define FORGED     "192.0.2.99" /* an address that the agent takes without having been given it */
#define PORT       11000        /* of the server in cli-proxy, permitted */
#define OTHER      11001        /* of another server there, and of one in the agent */
#define DIFC       18443        /* on cli-proxy's loopback */

/* Two linked namespaces in which everything listens and, before there are rules, everything reaches
 * everything. */
struct sandbox {
	struct place agent, cli_proxy;
	int servers[6];
	int agent_udp, cli_proxy_udp;
};

static void must(const struct place *p, const char *command)
{
	if (shell(p->pidfd, "%s", command) != 0)
		fail_msg("in a namespace: %s", command);
}

static void start_servers(struct sandbox *s)
{
	const int agent = s->agent.pidfd, cli_proxy = s->cli_proxy.pidfd;
	const int servers[] = {
		tcp_listen(cli_proxy, "0.0.0.0", PORT),  tcp_listen(cli_proxy, "0.0.0.0", OTHER),
		tcp_listen(cli_proxy, CLI_PROXY6, PORT), tcp_listen(agent, "0.0.0.0", OTHER),
		tcp_listen(agent, AGENT6, OTHER),        tcp_listen(cli_proxy, "0.0.0.0", DIFC),
	};

	memcpy(s->servers, servers, sizeof(servers));
	s->agent_udp = udp_bind(agent, "0.0.0.0", PORT);
	s->cli_proxy_udp = udp_bind(cli_proxy, "0.0.0.0", PORT);
}

static int begin(void **state)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	struct link_end a, b;

	*s = (struct sandbox){ .agent = place_new(), .cli_proxy = place_new() };
	a = (struct link_end){ s->agent.pidfd, "cli-proxy", ipv4(AGENT) };
	b = (struct link_end){ s->cli_proxy.pidfd, "agent", ipv4(CLI_PROXY) };
	assert_int_equal(link_seal_namespace(s->agent.pidfd, NULL), 0);
	assert_int_equal(link_seal_namespace(s->cli_proxy.pidfd, NULL), 0);
	assert_int_equal(link_connect(&a, &b, "abcdefghij", NULL), 0);
	must(&s->agent, "ip -6 addr add " AGENT6 "/64 dev cli-proxy nodad && "
			"ip addr add " FORGED "/32 dev cli-proxy && "
			"echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
	must(&s->cli_proxy, "ip -6 addr add " CLI_PROXY6 "/64 dev agent nodad && "
			    "ip route add " FORGED "/32 dev agent && "
			    "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
	start_servers(s);
	assert_true(tcp_reaches_in_time(s->agent.pidfd, CLI_PROXY6, PORT));
	assert_true(tcp_reaches_in_time(s->cli_proxy.pidfd, AGENT6, OTHER));
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct sandbox *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(s->servers); i++)
		close(s->servers[i]);
	close(s->agent_udp);
	close(s->cli_proxy_udp);
	place_end(&s->agent);
	place_end(&s->cli_proxy);
	free(s);
	return 0;
}

static bool forged_reaches(const struct sandbox *s)
{
	const struct sockaddr_storage from = address_of(FORGED, 0);

	return tcp_reaches_from(s->agent.pidfd, &from, CLI_PROXY, PORT);
}

/* A connection that the server opens, from the very port that its answers come from. */
static bool server_opens(struct sandbox *s)
{
	const struct sockaddr_storage from = address_of(CLI_PROXY, PORT);
	bool r;

	close(s->servers[0]); /* else the port is taken */
	r = tcp_reaches_from(s->cli_proxy.pidfd, &from, AGENT, OTHER);
	s->servers[0] = tcp_listen(s->cli_proxy.pidfd, "0.0.0.0", PORT);
	return r;
}

/* Every way between the two but the permitted flow. */
static void assert_rest(struct sandbox *s, bool open)
{
	const int agent = s->agent.pidfd, cli_proxy = s->cli_proxy.pidfd;

	assert_int_equal(tcp_reaches(agent, CLI_PROXY, OTHER), open);
	assert_int_equal(tcp_reaches(agent, CLI_PROXY, DIFC), open);
	assert_int_equal(tcp_reaches(agent, CLI_PROXY6, PORT), open);
	assert_int_equal(udp_reaches(agent, CLI_PROXY, PORT, s->cli_proxy_udp), open);
	assert_int_equal(icmp_reaches(agent, CLI_PROXY), open);
	assert_int_equal(forged_reaches(s), open);

	assert_int_equal(tcp_reaches(cli_proxy, AGENT, OTHER), open);
	assert_int_equal(tcp_reaches(cli_proxy, AGENT6, OTHER), open);
	assert_int_equal(udp_reaches(cli_proxy, AGENT, PORT, s->agent_udp), open);
	assert_int_equal(icmp_reaches(cli_proxy, AGENT), open);
	assert_int_equal(server_opens(s), open);
}

static void apply_to_agent(const struct sandbox *s)
{
	const struct nft_flow flow = {
		.link = "cli-proxy", .local = ipv4(AGENT), .peer = ipv4(CLI_PROXY), .port = PORT
	};
	const struct nft_namespace ns = { &flow, 1, .loopback_any = true };

	assert_int_equal(nft_namespace_apply(s->agent.pidfd, &ns, NULL), 0);
}

static void apply_to_cli_proxy(const struct sandbox *s)
{
	const struct nft_flow flow = { .link = "agent",
				       .local = ipv4(CLI_PROXY),
				       .peer = ipv4(AGENT),
				       .port = PORT,
				       .serve = true };
	const struct nft_namespace ns = { &flow, 1, .loopback_port = DIFC };

	assert_int_equal(nft_namespace_apply(s->cli_proxy.pidfd, &ns, NULL), 0);
}

/* Each wall alone holds, then both. */
static void test_server_wall(void **state)
{
	struct sandbox *s = *state;

	assert_true(tcp_reaches(s->agent.pidfd, CLI_PROXY, PORT));
	assert_rest(s, true);
	apply_to_cli_proxy(s);
	assert_true(tcp_reaches(s->agent.pidfd, CLI_PROXY, PORT));
	assert_rest(s, false);
}

static void test_client_wall(void **state)
{
	struct sandbox *s = *state;

	assert_true(tcp_reaches(s->agent.pidfd, CLI_PROXY, PORT));
	assert_rest(s, true);
	apply_to_agent(s);
	assert_true(tcp_reaches(s->agent.pidfd, CLI_PROXY, PORT));
	assert_rest(s, false);
}

static void test_both_walls(void **state)
{
	struct sandbox *s = *state;

	apply_to_agent(s);
	apply_to_cli_proxy(s);
	assert_true(tcp_reaches(s->agent.pidfd, CLI_PROXY, PORT));
	assert_rest(s, false);
}

/* How many TCP segments the namespace's stack was given, modulo 256. */
static int tcp_segments(const struct place *p)
{
	return shell(p->pidfd, "exit $(awk '/^Tcp: [0-9]/ { print $11 %% 256 }' /proc/net/snmp)");
}

/* A forged source fails at the door and not only because no answer would find the way back. */
static void test_forged_source(void **state)
{
	struct sandbox *s = *state;
	int before = tcp_segments(&s->cli_proxy);

	assert_true(forged_reaches(s));
	assert_int_not_equal(tcp_segments(&s->cli_proxy), before);
	apply_to_cli_proxy(s);
	before = tcp_segments(&s->cli_proxy);
	assert_false(forged_reaches(s));
	assert_int_equal(tcp_segments(&s->cli_proxy), before);
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, 2000), 1);
}

/* Sends a stream, half-closes, and reads until the end: how much arrived. */
static size_t pump(int from, int to, size_t length)
{
	static char buffer[65536];
	size_t sent = 0, received = 0;

	for (;;) {
		ssize_t n =
			sent < length ? write(from, buffer, MIN(sizeof(buffer), length - sent)) : 0;

		sent += n > 0 ? (size_t)n : 0;
		if (n > 0 && sent == length)
			shutdown(from, SHUT_WR);
		wait_for(to, POLLIN);
		n = read(to, buffer, sizeof(buffer));
		if (n == 0)
			return received;
		received += n > 0 ? (size_t)n : 0;
	}
}

/* Without conntrack every kind of packet that a connection needs has to pass by itself. */
static void test_stream(void **state)
{
	struct sandbox *s = *state;
	_cleanup_close_ int client = -EBADF, server = -EBADF;

	apply_to_agent(s);
	apply_to_cli_proxy(s);
	client = tcp_connect(s->agent.pidfd, NULL, CLI_PROXY, PORT);
	wait_for(s->servers[0], POLLIN);
	server = accept4(s->servers[0], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(client >= 0 && server >= 0);
	assert_int_equal(pump(client, server, 8 << 20), 8 << 20);
	assert_int_equal(pump(server, client, 8 << 20), 8 << 20);
}

/* A permitted port that nobody listens on says so at once. */
static void test_reset(void **state)
{
	struct sandbox *s = *state;

	apply_to_agent(s);
	apply_to_cli_proxy(s);
	close(s->servers[0]);
	assert_int_equal(tcp_connect(s->agent.pidfd, NULL, CLI_PROXY, PORT), -ECONNREFUSED);
	s->servers[0] = tcp_listen(s->cli_proxy.pidfd, "0.0.0.0", PORT);
}

static void test_counters(void **state)
{
	struct sandbox *s = *state;

	apply_to_agent(s);
	assert_false(udp_reaches(s->agent.pidfd, CLI_PROXY, PORT, s->cli_proxy_udp));
	assert_false(udp_reaches(s->cli_proxy.pidfd, AGENT, PORT, s->agent_udp));
	must(&s->agent, "nft list chain inet awf output | grep -q 'counter packets [1-9].*drop'");
	must(&s->agent, "nft list chain inet awf input | grep -q 'counter packets [1-9].*drop'");
}

/* cli-proxy does not lead on to where it is linked to, even if something switched forwarding on. */
static void test_forward(void **state)
{
	struct sandbox *s = *state;
	struct place other = place_new();
	_cleanup_close_ int server = -EBADF;
	const struct link_end a = { s->cli_proxy.pidfd, "other", ipv4(CLI_PROXY) };
	const struct link_end b = { other.pidfd, "cli-proxy", ipv4("172.30.0.10") };

	assert_int_equal(link_connect(&a, &b, "abcdefghij", NULL), 0);
	server = tcp_listen(other.pidfd, "0.0.0.0", PORT);
	must(&s->cli_proxy, "echo 1 >/proc/sys/net/ipv4/ip_forward");
	must(&s->agent, "ip route add 172.30.0.10 via " CLI_PROXY " dev cli-proxy");
	must(&other, "ip route add " AGENT " via " CLI_PROXY " dev cli-proxy");
	assert_true(tcp_reaches(s->agent.pidfd, "172.30.0.10", PORT));
	apply_to_cli_proxy(s);
	assert_false(tcp_reaches(s->agent.pidfd, "172.30.0.10", PORT));
	must(&s->cli_proxy,
	     "nft list chain inet awf forward | grep -q 'counter packets [1-9].*drop'");
	place_end(&other);
}

/* --- Loopback -------------------------------------------------------------------------------- */

#define LOOPBACK_WAYS 4

static void look(int pidfd, int udp, bool reached[LOOPBACK_WAYS])
{
	reached[0] = tcp_reaches(pidfd, "127.0.0.1", DIFC);
	reached[1] = tcp_reaches(pidfd, "::1", DIFC);
	reached[2] = tcp_reaches(pidfd, "127.0.0.1", OTHER);
	reached[3] = udp_reaches(pidfd, "127.0.0.1", DIFC, udp);
}

static void test_loopback(void **state)
{
	static const struct {
		struct nft_namespace ns;
		bool reached[LOOPBACK_WAYS];
	} rows[] = {
		{ { .loopback_any = true }, { true, true, true, true } },
		{ { .loopback_port = DIFC }, { true, true, false, false } },
		{ { .loopback_port = PORT }, { false, false, false, false } },
		{ { .loopback_port = 0 }, { false, false, false, false } },
	};
	const struct nft_namespace nothing = { 0 };
	struct place p = place_new();
	_cleanup_close_ int four = -EBADF, six = -EBADF, other = -EBADF, udp = -EBADF;
	bool reached[LOOPBACK_WAYS];

	(void)state;
	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	four = tcp_listen(p.pidfd, "127.0.0.1", DIFC);
	six = tcp_listen(p.pidfd, "::1", DIFC);
	other = tcp_listen(p.pidfd, "127.0.0.1", OTHER);
	udp = udp_bind(p.pidfd, "127.0.0.1", DIFC);
	look(p.pidfd, udp, reached);
	assert_memory_equal(reached, rows[0].reached, sizeof(reached));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) { /* each replaces the one before */
		assert_int_equal(nft_namespace_apply(p.pidfd, &rows[i].ns, NULL), 0);
		look(p.pidfd, udp, reached);
		assert_memory_equal(reached, rows[i].reached, sizeof(reached));
	}
	/* Granted where there was nothing on lo, or no table. */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i % 2 == 0)
			assert_int_equal(nft_namespace_apply(p.pidfd, &nothing, NULL), 0);
		else
			must(&p, "nft delete table inet awf");
		assert_int_equal(nft_namespace_grant(p.pidfd, &rows[i].ns, NULL), 0);
		look(p.pidfd, udp, reached);
		assert_memory_equal(reached, rows[i].reached, sizeof(reached));
	}
	place_end(&p);
}

/* The port of the permitted listener is no way to other ports. */
static void test_loopback_source_port(void **state)
{
	const struct sockaddr_storage from = address_of("127.0.0.9", DIFC);
	const struct nft_namespace ns = { .loopback_port = DIFC };
	struct place p = place_new();
	_cleanup_close_ int other = -EBADF;

	(void)state;
	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	other = tcp_listen(p.pidfd, "127.0.0.1", OTHER);
	assert_true(tcp_reaches_from(p.pidfd, &from, "127.0.0.1", OTHER));
	assert_int_equal(nft_namespace_apply(p.pidfd, &ns, NULL), 0);
	assert_false(tcp_reaches_from(p.pidfd, &from, "127.0.0.1", OTHER));
	place_end(&p);
}

/* --- The table itself ------------------------------------------------------------------------ */

static void test_listing(void **state)
{
	struct sandbox *s = *state;

	apply_to_agent(s);
	apply_to_cli_proxy(s);
	must(&s->agent, "nft -s list ruleset | diff tests/unit/golden/nft-agent-listing.txt -");
	must(&s->cli_proxy,
	     "nft -s list ruleset | diff tests/unit/golden/nft-cli-proxy-listing.txt -");
	assert_int_equal(shell(OWN, "test -z \"$(nft list ruleset)\""), 0);
}

static void test_refused(void **state)
{
	const struct nft_flow flow = { .link = "sixteen-letters-", .port = PORT };
	const struct nft_namespace bad = { &flow, 1, .loopback_any = true }, good = { 0 };
	struct place p = place_new();
	_cleanup_close_ int ended = dup(p.pidfd);
	_cleanup_err_ struct err e = { 0 };
	int before = open_descriptors();

	(void)state;
	assert_int_equal(nft_namespace_apply(p.pidfd, &bad, &e), -EINVAL);
	must(&p, "test -z \"$(nft list ruleset)\"");
	assert_int_equal(nft_namespace_apply(p.pidfd, &good, &e), 0);
	assert_int_equal(open_descriptors(), before);
	place_end(&p);
	assert_int_equal(nft_namespace_apply(ended, &good, &e), -ESRCH);
}

#define TEST_WITH_SANDBOX(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH_SANDBOX(test_server_wall),
		TEST_WITH_SANDBOX(test_client_wall),
		TEST_WITH_SANDBOX(test_both_walls),
		TEST_WITH_SANDBOX(test_forged_source),
		TEST_WITH_SANDBOX(test_stream),
		TEST_WITH_SANDBOX(test_reset),
		TEST_WITH_SANDBOX(test_counters),
		TEST_WITH_SANDBOX(test_forward),
		TEST_WITH_SANDBOX(test_listing),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_loopback_source_port),
		cmocka_unit_test(test_refused),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("nft-namespace", tests);
}
