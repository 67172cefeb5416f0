/* The host's wall around the squids' bridge, with real traffic. The test's own namespace is the
 * host: a bridge with two squids, a way to the outside, another bridge with a stranger. Needs root.
 */
#include <event2/event.h>
#include <net/if.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "awfd/nflog.h"
#include "awfd/nft.h"
#include "tests/unit/check.h"
#include "tests/unit/outside.h"

#define BRIDGE    "awf-egress"
#define GATEWAY4  "198.18.0.1"
#define GATEWAY6  "fd61:7766:6567::1"
#define SQUID4    "198.18.0.2"
#define SQUID6    "fd61:7766:6567::2"
#define OTHER4    "198.18.0.3"
#define OTHER6    "fd61:7766:6567::3"
#define UNKNOWN4  "198.18.0.9" /* an address more of the first squid */
#define WAN4      "203.0.113.1"
#define WAN6      "2001:db8::1"
#define DOCKER4   "172.17.0.1"
#define STRANGER4 "172.17.0.2"
#define RELAY_UID 64998
#define PORT      3128

static struct {
	struct outside outside;
	struct place squid, other, stranger;
	int host_tcp[2], host_udp; /* on the host: TCP 53 and 80, UDP 53 */
	int squid_tcp, other_tcp, stranger_tcp;
} bed;

static void must(int pidfd, const char *command)
{
	if (shell(pidfd, "%s", command) != 0)
		fail_msg("%s", command);
}

/* Connects a place to the host by a pair, its end there named eth0. */
static void plug(const struct place *p, const char *host_end, const char *more)
{
	assert_int_equal(shell(OWN,
			       "ip link add %s type veth peer name eth0 netns %d && "
			       "ip link set %s up && %s",
			       host_end, (int)p->pid, host_end, more),
			 0);
	must(p->pidfd, "ip link set lo up && ip link set eth0 up && "
		       "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
}

static void configure_squid(const struct place *p, const char *four, const char *six)
{
	assert_int_equal(shell(p->pidfd,
			       "ip addr add %s/20 dev eth0 && ip addr add %s/64 dev eth0 nodad && "
			       "ip route add default via " GATEWAY4
			       " && ip -6 route add default via " GATEWAY6,
			       four, six),
			 0);
}

static void route_outside(void)
{
	for (size_t i = 0; i < outside_address_count; i++)
		assert_int_equal(
			shell(OWN, "ip route add %s via %s", outside_addresses[i],
			      strchr(outside_addresses[i], ':') ? "2001:db8:1::2" : "192.0.2.2"),
			0);
}

static void start_servers(void)
{
	bed.host_tcp[0] = tcp_listen(OWN, "::", 53);
	bed.host_tcp[1] = tcp_listen(OWN, "::", 80);
	bed.host_udp = udp_bind(OWN, "::", 53);
	bed.squid_tcp = tcp_listen(bed.squid.pidfd, "::", PORT);
	bed.other_tcp = tcp_listen(bed.other.pidfd, "::", 80);
	bed.stranger_tcp = tcp_listen(bed.stranger.pidfd, "::", 80);
}

static void make_bridges(void)
{
	must(OWN, "echo 1 >/proc/sys/net/ipv4/ip_forward && "
		  "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding && "
		  "ip link add " BRIDGE " type bridge && ip link add docker0 type bridge && "
		  "ip addr add " GATEWAY4 "/20 dev " BRIDGE " && "
		  "ip addr add " GATEWAY6 "/64 dev " BRIDGE " nodad && "
		  "ip addr add " DOCKER4 "/16 dev docker0 && "
		  "ip link set " BRIDGE " up && ip link set docker0 up");
	/* what the engine does for its networks */
	must(OWN, "nft 'table ip engine { chain post { type nat hook postrouting priority 100; "
		  "ip saddr 198.18.0.0/20 oifname != \"" BRIDGE "\" masquerade; }; }'");
}

/* The first packets over new links may be lost. */
static void await_links(void)
{
	const int places[] = { bed.squid.pidfd, bed.other.pidfd };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_true(tcp_reaches_in_time(places[i], OUTSIDE_PUBLIC6, 80));
}

static int start_bed(void **state)
{
	(void)state;
	bed.squid = place_new();
	bed.other = place_new();
	bed.stranger = place_new();
	bed.outside = outside_new(); /* the last: places inherit descriptors */
	make_bridges();
	plug(&bed.outside.place, "wan",
	     "ip addr add 192.0.2.1/24 dev wan && ip addr add " WAN4 "/32 dev wan && "
	     "ip addr add 2001:db8:1::1/64 dev wan nodad && "
	     "ip addr add " WAN6 "/128 dev wan nodad");
	must(bed.outside.place.pidfd,
	     "ip addr add 192.0.2.2/24 dev eth0 && ip addr add 2001:db8:1::2/64 dev eth0 nodad && "
	     "ip route add default via 192.0.2.1 && ip -6 route add default via 2001:db8:1::1");
	plug(&bed.squid, "port0", "ip link set port0 master " BRIDGE);
	plug(&bed.other, "port1", "ip link set port1 master " BRIDGE);
	plug(&bed.stranger, "port2", "ip link set port2 master docker0");
	configure_squid(&bed.squid, SQUID4, SQUID6);
	configure_squid(&bed.other, OTHER4, OTHER6);
	must(bed.squid.pidfd, "ip addr add " UNKNOWN4 "/32 dev eth0");
	must(bed.stranger.pidfd, "ip addr add " STRANGER4 "/16 dev eth0 && "
				 "ip route add default via " DOCKER4);
	route_outside();
	start_servers();
	await_links();
	return 0;
}

static const struct nft_config config = {
	.relay_uid = RELAY_UID,
	.egress_bridge = BRIDGE,
	.egress_subnet6 = { { { 0xfd, 0x61, 0x77, 0x66, 0x65, 0x67 } } },
	.egress_prefix6 = 64,
};

static int begin(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	struct nft *n = NULL;

	if (nft_new(&config, NULL, &n, &e) < 0)
		fail_msg("%s", e.message);
	*state = n;
	return 0;
}

static int end(void **state)
{
	nft_free(*state, true);
	return 0;
}

/* A squid with the grants of tests/unit/outside.h, and a resolver on the host itself. */
struct squid {
	struct sockaddr_storage dns[3], grants[2];
	struct nft_squid spec;
};

static void squid_make(struct squid *s, const char *four, const char *six)
{
	const struct sockaddr_storage own = address_of(six, 0);

	*s = (struct squid){
		.dns = { address_of(OUTSIDE_DNS4, 53), address_of(OUTSIDE_DNS6, 53),
			 address_of(DOCKER4, 53) },
		.grants = { address_of(OUTSIDE_GRANT4, 8443), address_of(OUTSIDE_GRANT6, 8443) },
	};
	s->spec = (struct nft_squid){ .address = ipv4(four),
				      .address6 = ((const struct sockaddr_in6 *)&own)->sin6_addr,
				      .has_v6 = true,
				      .dns_servers = s->dns,
				      .dns_count = ARRAY_SIZE(s->dns),
				      .grants = s->grants,
				      .grant_count = ARRAY_SIZE(s->grants) };
}

static void add(struct nft *n, const char *four, const char *six)
{
	_cleanup_err_ struct err e = { 0 };
	struct squid s;

	squid_make(&s, four, six);
	if (nft_squid_add(n, &s.spec, &e) < 0)
		fail_msg("%s", e.message);
}

static void drop(struct nft *n, const char *four, const char *six)
{
	_cleanup_err_ struct err e = { 0 };
	struct squid s;

	squid_make(&s, four, six);
	if (nft_squid_remove(n, &s.spec, &e) < 0)
		fail_msg("%s", e.message);
}

/* How many packets a chain has refused. */
static unsigned refused(const char *chain)
{
	_cleanup_free_ char *command = xasprintf("nft list chain inet awf %s | sed -n "
						 "'s/^\t*counter packets \\([0-9]*\\).*drop/\\1/p'",
						 chain);
	FILE *f = popen(command, "r");
	unsigned count = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &count), 1);
	pclose(f);
	return count;
}

/* --- Outwards -------------------------------------------------------------------------------- */

static void assert_targets(int from, bool all)
{
	for (size_t i = 0; i < outside_target_count; i++) {
		const struct outside_target *t = &outside_targets[i];

		if (outside_reached(&bed.outside, from, t) != (all || t->allowed))
			fail_msg("%s %s port %u is %sreached", t->protocol, t->host, t->port,
				 all || t->allowed ? "not " : "");
	}
}

/* Everything is alive before there are rules, but for the masquerading of IPv6, which is ours. */
static void test_alive(void **state)
{
	(void)state;
	assert_targets(bed.squid.pidfd, true);
	assert_targets(bed.other.pidfd, true);
	assert_true(icmp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC4));
}

static void test_targets(void **state)
{
	struct nft *n = *state;

	add(n, SQUID4, SQUID6);
	assert_targets(bed.squid.pidfd, false);
	assert_false(icmp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC4));
	assert_true(refused("private") > 0 && refused("squid") > 0);
	assert_int_equal(refused("egress"), 0);
}

static void assert_nothing(int from)
{
	static const struct outside_target rows[] = {
		{ "tcp", OUTSIDE_PUBLIC4, 443, false }, { "tcp", OUTSIDE_PUBLIC6, 443, false },
		{ "udp", OUTSIDE_DNS4, 53, false },     { "tcp", OUTSIDE_DNS6, 53, false },
		{ "tcp", OUTSIDE_GRANT4, 8443, false }, { "tcp", OUTSIDE_GRANT6, 8443, false },
		{ "tcp", "192.168.7.7", 443, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].host, !outside_reached(&bed.outside, from, &rows[i]));
}

/* One squid's grants are not another's, and an address that is no squid's has none. */
static void test_unregistered(void **state)
{
	const struct sockaddr_storage unknown = address_of(UNKNOWN4, 0);
	struct nft *n = *state;

	assert_true(tcp_reaches_from(bed.squid.pidfd, &unknown, OUTSIDE_PUBLIC4, 443) == false);
	assert_nothing(bed.squid.pidfd);
	add(n, SQUID4, SQUID6);
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC4, 443));
	assert_nothing(bed.other.pidfd);
	assert_false(tcp_reaches_from(bed.squid.pidfd, &unknown, OUTSIDE_PUBLIC4, 443));
	assert_false(tcp_reaches_from(bed.squid.pidfd, &unknown, OUTSIDE_GRANT4, 8443));
	assert_true(refused("egress") > 0);
	nft_free(TAKE_PTR(n), true);
	assert_true(tcp_reaches_from(bed.squid.pidfd, &unknown, OUTSIDE_PUBLIC4, 443));
	assert_int_equal(nft_new(&config, NULL, (struct nft **)state, NULL), 0);
}

/* A squid without IPv6 is none of its servers and grants of IPv6. */
static void test_without_ipv6(void **state)
{
	struct nft *n = *state;
	struct squid s;

	squid_make(&s, SQUID4, SQUID6);
	s.spec.has_v6 = false;
	assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC4, 443));
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_GRANT4, 8443));
	assert_false(tcp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC6, 443));
	assert_false(tcp_reaches(bed.squid.pidfd, OUTSIDE_GRANT6, 8443));
	assert_int_equal(nft_squid_remove(n, &s.spec, NULL), 0);
}

/* Twice is as good as once, not there as good as removed, and servers may be named twice. */
static void test_idempotent(void **state)
{
	struct nft *n = *state;
	struct squid s;

	squid_make(&s, SQUID4, SQUID6);
	s.dns[2] = s.dns[0];
	s.grants[1] = s.grants[0];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(nft_squid_remove(n, &s.spec, NULL), 0);
		assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
		assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
		assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_GRANT4, 8443));
		assert_int_equal(nft_squid_remove(n, &s.spec, NULL), 0);
		assert_int_equal(nft_squid_remove(n, &s.spec, NULL), 0);
		assert_nothing(bed.squid.pidfd);
	}
	must(OWN, "! nft list table inet awf | grep -q 'elements = '");
}

/* --- The host itself, and between squids ----------------------------------------------------- */

static const char *const host_addresses[] = { GATEWAY4, WAN4, DOCKER4,        "192.0.2.1",
					      GATEWAY6, WAN6, "2001:db8:1::1" };

static void test_host(void **state)
{
	const int squid = bed.squid.pidfd;
	struct nft *n = *state;

	nft_free(n, true);
	for (size_t i = 0; i < ARRAY_SIZE(host_addresses); i++) {
		assert_row(host_addresses[i], tcp_reaches(squid, host_addresses[i], 80));
		assert_row(host_addresses[i], tcp_reaches(squid, host_addresses[i], 53));
		assert_row(host_addresses[i],
			   udp_reaches(squid, host_addresses[i], 53, bed.host_udp));
	}
	assert_true(icmp_reaches(squid, GATEWAY4));
	assert_int_equal(begin(state), 0);
	n = *state;
	add(n, SQUID4, SQUID6);
	for (size_t i = 0; i < ARRAY_SIZE(host_addresses); i++) {
		const bool resolver = same_text(host_addresses[i], DOCKER4);

		assert_row(host_addresses[i], !tcp_reaches(squid, host_addresses[i], 80));
		assert_row(host_addresses[i],
			   tcp_reaches(squid, host_addresses[i], 53) == resolver);
		assert_row(host_addresses[i],
			   udp_reaches(squid, host_addresses[i], 53, bed.host_udp) == resolver);
	}
	assert_false(icmp_reaches(squid, GATEWAY4));
	assert_true(refused("host") > 0);
	assert_false(udp_reaches(bed.other.pidfd, DOCKER4, 53, bed.host_udp));
	assert_true(tcp_reaches(bed.stranger.pidfd, DOCKER4, 80)); /* no business of ours */
}

/* Without neighbour discovery there would be no IPv6 after the neighbours are forgotten. */
static void test_neighbours(void **state)
{
	add(*state, SQUID4, SQUID6);
	must(OWN, "ip -6 neigh flush dev " BRIDGE);
	must(bed.squid.pidfd, "ip -6 neigh flush dev eth0");
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC6, 443));
}

static void test_between_squids(void **state)
{
	struct nft *n = *state;

	nft_free(n, true);
	assert_true(tcp_reaches(bed.squid.pidfd, OTHER4, 80));
	assert_true(tcp_reaches(bed.squid.pidfd, OTHER6, 80));
	assert_true(tcp_reaches(bed.squid.pidfd, STRANGER4, 80));
	assert_int_equal(begin(state), 0);
	n = *state;
	add(n, SQUID4, SQUID6);
	add(n, OTHER4, OTHER6);
	assert_false(tcp_reaches(bed.squid.pidfd, OTHER4, 80));
	assert_false(tcp_reaches(bed.squid.pidfd, OTHER6, 80));
	assert_false(tcp_reaches(bed.squid.pidfd, STRANGER4, 80));
}

/* --- Inwards --------------------------------------------------------------------------------- */

static bool enters(int from, const char *source, uint16_t port, const char *squid)
{
	const struct sockaddr_storage own = address_of(source, port);

	return tcp_reaches_from(from, &own, squid, PORT);
}

static void assert_entered(bool open)
{
	const int outside = bed.outside.place.pidfd;

	assert_int_equal(enters(outside, "192.0.2.2", 0, SQUID4), open);
	assert_int_equal(enters(outside, "192.0.2.2", 0, UNKNOWN4), open);
	assert_int_equal(enters(outside, "192.0.2.2", 8081, SQUID4), open);
	assert_int_equal(enters(outside, "2001:db8:1::2", 0, SQUID6), open);
	assert_int_equal(enters(bed.stranger.pidfd, STRANGER4, 0, SQUID4), open);
	assert_int_equal(icmp_reaches(outside, SQUID4), open);
}

static void test_inwards(void **state)
{
	struct nft *n = *state;

	nft_free(n, true);
	assert_entered(true);
	assert_int_equal(begin(state), 0);
	n = *state;
	add(n, SQUID4, SQUID6);
	assert_entered(false);
	assert_true(refused("ingress") > 0);
}

/* How many errors squid's namespace was given, modulo 256. */
static int icmpv6_errors(void)
{
	return shell(bed.squid.pidfd, "exit $(awk '/^Icmp6InDestUnreachs/ { print $2 %% 256 }' "
				      "/proc/net/snmp6)");
}

/* What tells a connection that it can't be comes back: else squid would wait until it gives up. */
static void test_errors_come_back(void **state)
{
	const int outside = bed.outside.place.pidfd;
	int before, r;

	must(outside, "echo 1 >/proc/sys/net/ipv4/ip_forward; "
		      "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
		      "ip route add prohibit 203.0.113.70; ip -6 route add prohibit 2001:db8::70");
	must(OWN, "ip route add 203.0.113.70 via 192.0.2.2; "
		  "ip -6 route add 2001:db8::70 via 2001:db8:1::2");
	add(*state, SQUID4, SQUID6);
	assert_int_equal(tcp_connect(bed.squid.pidfd, NULL, "203.0.113.70", 443), -EHOSTUNREACH);
	before = icmpv6_errors();
	assert_false(tcp_reaches(bed.squid.pidfd, "2001:db8::70", 443)); /* TCP only notes it */
	assert_true(icmpv6_errors() > before);
	close(bed.outside.tcp[2]);
	r = tcp_connect(bed.squid.pidfd, NULL, OUTSIDE_PUBLIC4, 443);
	bed.outside.tcp[2] = tcp_listen(outside, "::", 443);
	assert_int_equal(r, -ECONNREFUSED);
}

/* --- Destination NAT of the host ------------------------------------------------------------- */

#define NAT "nft 'table ip operator { chain pre { type nat hook prerouting priority -100; "

/* A public address that a rule leads to a private one, and a published port; then what was granted
 * by the address squid asks for, which is reached wherever that leads. */
static void test_nat(void **state)
{
	const struct sockaddr_storage service = address_of("10.9.9.9", 443);
	const struct sockaddr_storage resolver = address_of("10.9.9.53", 53);
	const int squid = bed.squid.pidfd;
	struct nft *n = *state;
	struct squid s;

	nft_free(n, true);
	must(OWN, NAT "ip daddr 203.0.113.77 tcp dport 443 dnat to 192.168.7.7:443; "
		      "ip daddr " WAN4 " tcp dport 443 dnat to " STRANGER4 ":80; "
		      "ip daddr 203.0.113.78 tcp dport 443 dnat to " OUTSIDE_PUBLIC4 ":80; "
		      "ip daddr 10.9.9.9 tcp dport 443 dnat to 192.168.7.7:8443; "
		      "ip daddr 10.9.9.53 udp dport 53 dnat to " OUTSIDE_PUBLIC4 ":53; }; }'");
	assert_true(tcp_reaches(squid, "203.0.113.77", 443));
	assert_true(tcp_reaches(squid, "203.0.113.78", 443));
	assert_true(tcp_reaches(squid, WAN4, 443));
	assert_true(tcp_reaches(squid, "10.9.9.9", 443));
	assert_int_equal(begin(state), 0);
	n = *state;
	squid_make(&s, SQUID4, SQUID6);
	assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
	assert_false(tcp_reaches(squid, "203.0.113.77", 443));
	assert_false(tcp_reaches(squid, "203.0.113.78", 443));
	assert_false(tcp_reaches(squid, WAN4, 443));
	assert_false(tcp_reaches(squid, "10.9.9.9", 443));
	assert_false(udp_reaches(squid, "10.9.9.53", 53, bed.outside.udp[0]));
	assert_true(refused("diverted") > 0);

	s.grants[0] = service;
	s.dns[0] = resolver;
	assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
	assert_true(tcp_reaches(squid, "10.9.9.9", 443));
	assert_true(udp_reaches(squid, "10.9.9.53", 53, bed.outside.udp[0]));
	assert_false(tcp_reaches(squid, "192.168.7.7", 8443));
	must(OWN, "nft delete table ip operator");
}

/* --- The end of one, and the others ---------------------------------------------------------- */

static bool arrives(int from, int to)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	char byte = 'x';

	(void)!write(from, &byte, 1);
	return poll(&p, 1, PATIENCE_MS) == 1 && read(to, &byte, 1) == 1;
}

static int accept_one(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 2000), 1);
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* No connection of earlier tests waits there. */
static int listen_afresh(uint16_t port, int *listener)
{
	close(*listener);
	*listener = tcp_listen(bed.outside.place.pidfd, "::", port);
	return *listener;
}

static void test_end_of_one(void **state)
{
	int listener = listen_afresh(443, &bed.outside.tcp[2]);
	_cleanup_close_ int mine = -EBADF, theirs = -EBADF, my_server = -EBADF,
			    their_server = -EBADF;
	struct nft *n = *state;

	add(n, SQUID4, SQUID6);
	add(n, OTHER4, OTHER6);
	mine = tcp_connect(bed.squid.pidfd, NULL, OUTSIDE_PUBLIC4, 443);
	my_server = accept_one(listener);
	theirs = tcp_connect(bed.other.pidfd, NULL, OUTSIDE_PUBLIC6, 443);
	their_server = accept_one(listener);
	assert_true(arrives(mine, my_server) && arrives(my_server, mine));
	assert_true(arrives(theirs, their_server) && arrives(their_server, theirs));
	drop(n, SQUID4, SQUID6);
	assert_false(arrives(mine, my_server));
	assert_false(arrives(my_server, mine));
	assert_true(arrives(theirs, their_server) && arrives(their_server, theirs));
	assert_nothing(bed.squid.pidfd);
}

/* --- What can be seen ------------------------------------------------------------------------ */

#define LISTING "nft -s list table inet awf | sed 's/ # progname.*//; /flags owner/,+1d'"

static void test_listing(void **state)
{
	add(*state, SQUID4, SQUID6);
	must(OWN, LISTING " | diff tests/unit/golden/nft-host-egress-listing.txt -");
}

static void test_counters(void **state)
{
	add(*state, SQUID4, SQUID6);
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_GRANT4, 8443));
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_DNS6, 53));
	must(OWN, "nft list set inet awf squids4 | grep -q '" SQUID4 " counter packets [1-9]'");
	must(OWN, "nft list set inet awf squid_grants4 | "
		  "grep -q '" SQUID4 " . 10.1.2.3 . 8443 counter packets [1-9]'");
	must(OWN, "nft list set inet awf squid_dns6 | "
		  "grep -q '" SQUID6 " . 2001:db8::53 counter packets [1-9]'");
}

struct report {
	const char *prefix;
	uint16_t port;
	bool seen;
};

struct reports {
	struct report *rows;
	size_t count;
};

static void on_packet(const struct nflog_packet *p, const char *in, const char *out, void *userdata)
{
	struct reports *reports = userdata;

	(void)out;
	for (size_t i = 0; i < reports->count; i++)
		if (same_text(reports->rows[i].prefix, p->prefix) &&
		    reports->rows[i].port == p->port &&
		    (same_text(in, BRIDGE) || same_text(p->prefix, "ingress")))
			reports->rows[i].seen = true;
}

/* Every way to be refused is told with its chain, and where to it was. */
static void test_reports(void **state)
{
	struct report rows[] = {
		{ "egress", 443, false }, { "squid", 8080, false },   { "private", 80, false },
		{ "host", 80, false },    { "ingress", PORT, false },
	};
	struct reports reports = { rows, ARRAY_SIZE(rows) };
	struct event_base *base = event_base_new();
	struct nflog *log;

	assert_int_equal(nflog_open(base, NFLOG_HOST, on_packet, &reports, &log, NULL), 0);
	add(*state, SQUID4, SQUID6);
	assert_false(tcp_reaches(bed.other.pidfd, OUTSIDE_PUBLIC6, 443));
	assert_false(tcp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC4, 8080));
	assert_false(tcp_reaches(bed.squid.pidfd, "169.254.169.254", 80));
	assert_false(tcp_reaches(bed.squid.pidfd, WAN4, 80));
	assert_false(tcp_reaches(bed.stranger.pidfd, SQUID4, PORT));
	nflog_free(log);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].prefix, rows[i].seen);
	event_base_free(base);
}

/* --- The cost -------------------------------------------------------------------------------- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void numbered(struct squid *s, unsigned i)
{
	squid_make(s, SQUID4, SQUID6);
	s->spec.address.s_addr = htonl(0xc6120100 + i);
	s->spec.address6.s6_addr[14] = (uint8_t)(i >> 8);
	s->spec.address6.s6_addr[13] = 1;
	s->spec.address6.s6_addr[15] = (uint8_t)i;
}

/* The least of many rounds of adding and removing one: what disturbs only adds to it. */
static double cost(struct nft *n)
{
	double least = 1e9;
	struct squid s;

	numbered(&s, 2000);
	for (int i = 0; i < 200; i++) {
		double before = now_us();

		assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
		assert_int_equal(nft_squid_remove(n, &s.spec, NULL), 0);
		least = MIN(least, now_us() - before);
	}
	return least;
}

static void test_cost(void **state)
{
	struct nft *n = *state;
	double with[3];
	unsigned i = 0;
	struct squid s;

	with[0] = cost(n);
	for (; i < 100; i++) {
		numbered(&s, i);
		assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
	}
	with[1] = cost(n);
	for (; i < 1000; i++) {
		numbered(&s, i);
		assert_int_equal(nft_squid_add(n, &s.spec, NULL), 0);
	}
	with[2] = cost(n);
	print_message("# add and remove one of 0, 100, 1000 squids: %.0f, %.0f, %.0f us\n", with[0],
		      with[1], with[2]);
	assert_true(with[2] < with[0] * 4);
}

/* Without a bridge there is nothing of this, and relays' targets may be many in one transaction. */
static void test_many_targets(void **state)
{
	struct sockaddr_storage targets[512];
	struct nft *n = *state;

	for (uint16_t i = 0; i < ARRAY_SIZE(targets); i++)
		targets[i] = address_of(i % 2 ? "::1" : "127.0.0.1", 1000 + i / 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(nft_relay_targets_add(n, targets, ARRAY_SIZE(targets), NULL), 0);
		must(OWN, "test $(nft list set inet awf relay_targets4 | tr , '\\n' | "
			  "grep -c '127.0.0.1 . ') = 256");
	}
	assert_int_equal(nft_relay_targets_remove(n, targets + 1, 500, NULL), 0);
	must(OWN, "nft list set inet awf relay_targets4 | grep -q '127.0.0.1 . 1000 '");
	for (int i = 0; i < 2; i++)
		assert_int_equal(nft_relay_targets_remove(n, targets, ARRAY_SIZE(targets), NULL),
				 0);
	must(OWN, "! nft list set inet awf relay_targets6 | grep -q elements");
	assert_int_equal(nft_relay_targets_add(n, targets, 0, NULL), 0);
}

static void test_no_bridge(void **state)
{
	const struct nft_config without = { .relay_uid = RELAY_UID };
	_cleanup_err_ struct err e = { 0 };
	struct nft *n;
	struct squid s;

	(void)state;
	assert_int_equal(nft_new(&without, NULL, &n, NULL), 0);
	assert_true(tcp_reaches(bed.squid.pidfd, OUTSIDE_PUBLIC4, 8080));
	squid_make(&s, SQUID4, SQUID6);
	assert_int_equal(nft_squid_add(n, &s.spec, &e), -ENOENT);
	assert_string_equal(e.message, "nftables: element of set squids4 of table inet awf: "
				       "No such file or directory");
	assert_int_equal(nft_squid_remove(n, &s.spec, NULL), 0);
	nft_free(n, true);
}

#define TEST_WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alive),       TEST_WITH_TABLE(test_targets),
		TEST_WITH_TABLE(test_unregistered), TEST_WITH_TABLE(test_without_ipv6),
		TEST_WITH_TABLE(test_idempotent),   TEST_WITH_TABLE(test_host),
		TEST_WITH_TABLE(test_neighbours),   TEST_WITH_TABLE(test_between_squids),
		TEST_WITH_TABLE(test_inwards),      TEST_WITH_TABLE(test_errors_come_back),
		TEST_WITH_TABLE(test_nat),          TEST_WITH_TABLE(test_end_of_one),
		TEST_WITH_TABLE(test_listing),      TEST_WITH_TABLE(test_counters),
		TEST_WITH_TABLE(test_reports),      TEST_WITH_TABLE(test_cost),
		TEST_WITH_TABLE(test_many_targets), cmocka_unit_test(test_no_bridge),
	};

	if (!namespaces_begin())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nft-egress", tests, start_bed, NULL);
}
