/* The host's table put in place again under living connections, by the same awfd and by the next
 * one, with and without an owner. The test's own namespace is the host. Needs root. */
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "awfd/nflog.h"
#include "awfd/nft.h"
#include "common/clock.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define RELAY_UID   64998
#define BRIDGE      "awf-egress"
#define GATEWAY     "198.18.0.1"
#define SQUID       "198.18.0.2"
#define OUTSIDE     "203.0.113.2"
#define TARGET_PORT 18443
#define WEB_PORT    443
#define CROWD       1000
#define RESTORES    100

/* How the table is held; a row is a test's state. */
static const struct kind {
	const char *name;
	bool shared;
} owned = { "owned", false }, shared = { "shared", true };

static struct {
	struct place squid, outside;
	int target, web; /* listeners */
} bed;

static struct nft_config config_of(const struct kind *kind)
{
	return (struct nft_config){ .relay_uid = RELAY_UID,
				    .egress_bridge = BRIDGE,
				    .shared = kind->shared };
}

/* --- The bed --------------------------------------------------------------------------------- */

static void must(int pidfd, const char *command)
{
	if (shell(pidfd, "%s", command) != 0)
		fail_msg("%s", command);
}

static void plug(const struct place *p, const char *host_end)
{
	assert_int_equal(shell(OWN, "ip link add %s type veth peer name eth0 netns %d", host_end,
			       (int)p->pid),
			 0);
	assert_int_equal(shell(OWN, "ip link set %s up", host_end), 0);
	must(p->pidfd, "ip link set eth0 up");
}

/* --- Content --------------------------------------------------------------------------------- */

/* The squid and the target of the bed, as the last of many. */
struct crowd {
	struct sockaddr_storage targets[CROWD], others[16];
	struct nft_squid squids[CROWD];
	struct nft_content content;
};

static struct nft_squid squid_of(struct crowd *c, uint32_t number)
{
	return (struct nft_squid){ .address.s_addr = htonl(ntohl(ipv4(SQUID).s_addr) + number),
				   .dns_servers = c->others,
				   .dns_count = 2,
				   .grants = c->others + 2,
				   .grant_count = ARRAY_SIZE(c->others) - 2 };
}

static struct crowd *crowd_new(size_t count)
{
	struct crowd *c = xnew(struct crowd);

	for (size_t i = 0; i < ARRAY_SIZE(c->others); i++)
		c->others[i] = address_of("10.1.2.3", (uint16_t)(8000 + i));
	for (size_t i = 0; i < count; i++) {
		c->squids[i] = squid_of(c, (uint32_t)(count - 1 - i));
		c->targets[i] = address_of("127.0.0.1", (uint16_t)(TARGET_PORT + count - 1 - i));
	}
	c->content = (struct nft_content){ c->squids, count, c->targets, count };
	return c;
}

static struct nft *take(const struct kind *kind, const struct nft_content *content)
{
	const struct nft_config config = config_of(kind);
	_cleanup_err_ struct err e = { 0 };
	struct nft *n = NULL;

	if (nft_new(&config, content, &n, &e) < 0)
		fail_msg("%s: %s", kind->name, e.message);
	return n;
}

static void restore(struct nft *n, const struct nft_content *content)
{
	_cleanup_err_ struct err e = { 0 };

	if (nft_restore(n, content, &e) < 0)
		fail_msg("%s", e.message);
}

/* --- The prober: a process that keeps one connection busy and makes others ------------------- */

enum way { WAY_RELAY, WAY_SQUID };

struct prober {
	volatile uint64_t rounds, failures;
	volatile bool end;
	enum way way;
	pid_t pid;
};

/* A socket's owner is who made it. */
static int reach(enum way way)
{
	int fd;

	if (way == WAY_SQUID)
		return tcp_connect(bed.squid.pidfd, NULL, OUTSIDE, WEB_PORT);
	if (seteuid(RELAY_UID) < 0)
		abort();
	fd = tcp_connect(OWN, NULL, "127.0.0.1", TARGET_PORT);
	if (seteuid(0) < 0)
		abort();
	return fd;
}

static bool arrives(int from, int to)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	char byte = 'x';

	(void)!write(from, &byte, 1);
	return poll(&p, 1, PATIENCE_MS) == 1 && read(to, &byte, 1) == 1;
}

/* server: accepted, client: its side of a connection, if it is one. */
static bool are_ends(int client, int server)
{
	struct sockaddr_in ours = { 0 }, theirs = { 0 };
	socklen_t length = sizeof(ours);

	return getsockname(client, (void *)&ours, &length) == 0 &&
	       getpeername(server, (void *)&theirs, &length) == 0 &&
	       ours.sin_port == theirs.sin_port && ours.sin_addr.s_addr == theirs.sin_addr.s_addr;
}

/* What an earlier client began may be complete only now that its packets pass again: not it. */
static int accepted(enum way way, int client)
{
	struct pollfd p = { .fd = way == WAY_SQUID ? bed.web : bed.target, .events = POLLIN };

	while (poll(&p, 1, PATIENCE_MS) == 1) {
		_cleanup_close_ int server = accept(p.fd, NULL, NULL);

		if (are_ends(client, server))
			return TAKE_FD(server);
	}
	return -1;
}

static bool connects(enum way way)
{
	_cleanup_close_ int client = reach(way), server = -EBADF;

	if (client < 0)
		return false;
	server = accepted(way, client);
	return server >= 0 && arrives(client, server);
}

/* Tried again and again: the first packets over a new link may be lost. */
static bool connects_in_time(enum way way)
{
	bool connected = false;

	for (int tries = 0; tries < 40 && !connected; tries++)
		connected = connects(way);
	return connected;
}

/* One connection in a while is enough, and leaves ports for the rest. */
static bool round_works(const struct prober *p, int client, int server)
{
	if (!arrives(client, server) || !arrives(server, client))
		return false;
	return p->rounds % 64 != 0 || connects(p->way);
}

static void be_prober(struct prober *p)
{
	int client = reach(p->way), server = client < 0 ? -1 : accepted(p->way, client);

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
	while (!p->end) {
		if (server < 0 || !round_works(p, client, server))
			p->failures++;
		p->rounds++;
	}
	_exit(0);
}

static struct prober *prober_start(enum way way)
{
	struct prober *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	assert_ptr_not_equal(p, MAP_FAILED);
	p->way = way;
	pid = fork();
	if (pid == 0)
		be_prober(p);
	assert_true(pid > 0);
	p->pid = pid;
	return p;
}

static void await_rounds(const struct prober *p, uint64_t more)
{
	uint64_t enough = p->rounds + more;

	while (p->rounds < enough)
		usleep(1000);
}

static void prober_end(struct prober *p)
{
	p->end = true;
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
	munmap(p, sizeof(*p));
}

static int start_bed(void **state)
{
	(void)state;
	bed.squid = place_new();
	bed.outside = place_new();
	must(OWN, "echo 1 >/proc/sys/net/ipv4/ip_forward && ip link add " BRIDGE " type bridge && "
		  "ip addr add " GATEWAY "/20 dev " BRIDGE " && ip link set " BRIDGE " up");
	plug(&bed.squid, "port0");
	plug(&bed.outside, "wan");
	must(OWN, "ip link set port0 master " BRIDGE " && ip addr add 203.0.113.1/24 dev wan");
	must(bed.squid.pidfd,
	     "ip addr add " SQUID "/20 dev eth0 && ip route add default via " GATEWAY);
	must(bed.outside.pidfd,
	     "ip addr add " OUTSIDE "/24 dev eth0 && ip route add default via 203.0.113.1");
	bed.target = tcp_listen(OWN, "127.0.0.1", TARGET_PORT);
	bed.web = tcp_listen(bed.outside.pidfd, OUTSIDE, WEB_PORT);
	assert_true(connects_in_time(WAY_RELAY) && connects_in_time(WAY_SQUID));
	return 0;
}

/* --- Refusals, as the kernel reports them ---------------------------------------------------- */

struct refusals {
	struct event_base *base;
	struct nflog *nflog;
	unsigned count;
};

static void on_refusal(const struct nflog_packet *packet, const char *in, const char *out,
		       void *userdata)
{
	struct refusals *r = userdata;

	print_message("# refused by %s on its way from '%s' to '%s'\n", packet->prefix, in, out);
	r->count++;
}

static void refusals_start(struct refusals *r)
{
	*r = (struct refusals){ .base = event_base_new() };
	assert_int_equal(nflog_open(r->base, NFLOG_HOST, on_refusal, r, &r->nflog, NULL), 0);
}

/* Ends with what has come. */
static unsigned refusals_end(struct refusals *r)
{
	nflog_free(r->nflog);
	event_base_free(r->base);
	return r->count;
}

/* --- Tests ----------------------------------------------------------------------------------- */

static int be_next(void *userdata)
{
	const struct kind *kind = userdata;
	struct crowd *c = crowd_new(1);
	struct nft *n = take(kind, &c->content);

	restore(n, &c->content);
	return raise(SIGKILL);
}

/* The table goes from an awfd to the next, to one that is killed, and to another. */
static struct nft *pass_on(struct nft *n, const struct kind *kind, const struct crowd *c)
{
	nft_free(n, false);
	n = take(kind, &c->content);
	nft_free(n, false);
	assert_int_equal(in_child(be_next, (void *)kind), -SIGKILL);
	return take(kind, &c->content);
}

static void disturb(const struct kind *kind, enum way way)
{
	struct prober *p = NULL;
	struct refusals refusals;
	struct crowd *c = crowd_new(1);
	struct nft *n;

	nft_free(take(kind, &c->content), false);
	p = prober_start(way); /* while no owner's socket is there to inherit */
	n = take(kind, &c->content);
	await_rounds(p, 10);
	refusals_start(&refusals);
	for (int i = 0; i < RESTORES; i++)
		restore(n, &c->content);
	for (int i = 0; i < RESTORES / 10; i++)
		n = pass_on(n, kind, c);
	await_rounds(p, 10);
	assert_int_equal(p->failures, 0);
	assert_int_equal(refusals_end(&refusals), 0);

	refusals_start(&refusals); /* the counters do count */
	restore(n, NULL);
	await_rounds(p, 2);
	assert_true(p->failures > 0);
	assert_true(refusals_end(&refusals) > 0);
	nft_free(n, true);
	prober_end(p);
	free(c);
}

static void test_relay_goes_on(void **state)
{
	disturb(*state, WAY_RELAY);
}

static void test_squid_goes_on(void **state)
{
	disturb(*state, WAY_SQUID);
}

/* What the content does not have is not permitted. */
static void test_exact(void **state)
{
	struct crowd *c = crowd_new(1);
	struct nft *n = take(*state, NULL);

	assert_false(connects(WAY_RELAY));
	assert_false(connects(WAY_SQUID));
	c->content.squid_count = 0;
	restore(n, &c->content);
	assert_true(connects(WAY_RELAY));
	assert_false(connects(WAY_SQUID));
	c->content.squid_count = 1;
	c->content.target_count = 0;
	restore(n, &c->content);
	assert_false(connects(WAY_RELAY));
	assert_true(connects(WAY_SQUID));
	nft_free(n, true);
	free(c);
}

static unsigned elements(const char *set)
{
	_cleanup_free_ char *command =
		xasprintf("nft list set inet awf %s | grep -o 'counter packets' | wc -l", set);
	FILE *f = popen(command, "r");
	unsigned count = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &count), 1);
	pclose(f);
	return count;
}

/* A thousand squids are one transaction still, larger than a socket takes by itself. */
static void test_crowd(void **state)
{
	struct crowd *c = crowd_new(CROWD);
	struct prober *p;
	struct nft *n;
	uint64_t start;

	nft_free(take(*state, &c->content), false);
	p = prober_start(WAY_SQUID);
	await_rounds(p, 10);
	n = take(*state, &c->content);
	start = clock_us();
	restore(n, &c->content);
	print_message("# %u squids with %zu elements each: restored in %.1f ms\n", CROWD,
		      ARRAY_SIZE(c->others) + 1, (double)(clock_us() - start) / 1000);
	await_rounds(p, 10);
	assert_int_equal(p->failures, 0);
	assert_int_equal(elements("squids4"), CROWD);
	assert_int_equal(elements("relay_targets4"), CROWD);
	assert_int_equal(elements("squid_grants4"), CROWD * (ARRAY_SIZE(c->others) - 2));
	nft_free(n, true);
	prober_end(p);
	free(c);
}

/* Whatever others made of it: gone, emptied, opened, or in the way. */
static void test_repairs(void **state)
{
	static const char *const damage[] = {
		"nft flush ruleset",
		"nft delete table inet awf",
		"nft flush table inet awf",
		"nft flush set inet awf squids4",
		"nft delete table inet awf; nft 'table inet awf { set squids4 { type mark; }; "
		"chain forward { type filter hook forward priority 0; policy drop; }; }'",
	};
	const struct kind *kind = *state;
	struct crowd *c = crowd_new(1);
	struct nft *n = take(kind, &c->content);

	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		assert_row(damage[i], (shell(OWN, "{ %s; } 2>/dev/null", damage[i]) == 0) ==
					      (kind->shared || i == 0));
		restore(n, &c->content);
		assert_row(damage[i], connects(WAY_RELAY) && connects(WAY_SQUID));
		assert_row(damage[i], elements("squids4") == 1 && elements("squid_grants4") == 14);
	}
	nft_free(n, true);
	free(c);
}

/* The configuration may change from one awfd to the next. */
static void test_changes_kind(void **state)
{
	struct crowd *c = crowd_new(1);

	(void)state;
	nft_free(take(&owned, &c->content), false);
	nft_free(take(&shared, &c->content), false);
	must(OWN, "! nft list table inet awf | grep -q flags");
	assert_true(connects(WAY_RELAY) && connects(WAY_SQUID));
	nft_free(take(&owned, &c->content), true);
	free(c);
}

static void test_bad_content(void **state)
{
	const struct sockaddr_storage bad = { .ss_family = AF_UNIX };
	const struct nft_content content = { .targets = &bad, .target_count = 1 };
	_cleanup_err_ struct err e = { 0 };
	struct crowd *c = crowd_new(1);
	struct nft *n = take(*state, &c->content);

	assert_int_equal(nft_restore(n, &content, &e), -EAFNOSUPPORT);
	assert_true(connects(WAY_RELAY) && connects(WAY_SQUID));
	nft_free(n, true);
	free(c);
}

#define TEST_BOTH(test)                                                                            \
	cmocka_unit_test_prestate(test, (void *)&owned),                                           \
		cmocka_unit_test_prestate(test, (void *)&shared)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_BOTH(test_relay_goes_on), TEST_BOTH(test_squid_goes_on),
		TEST_BOTH(test_exact),         TEST_BOTH(test_crowd),
		TEST_BOTH(test_repairs),       cmocka_unit_test(test_changes_kind),
		TEST_BOTH(test_bad_content),
	};

	if (!namespaces_begin())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nft-restore", tests, start_bed, NULL);
}
