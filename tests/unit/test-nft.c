/* The host's table, with real traffic of the relays' user. Needs root. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libnftnl/common.h>

#include "awfd/netlink.h"
#include "awfd/nft-ruleset.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define RELAY_UID 64998
#define NOBODY    65534
#define PORT      18443
#define OTHER     18444
#define LISTING   "nft -s list table inet awf | sed 's/ # progname.*//; /flags owner/,+1d'"

static const struct nft_config config = { .relay_uid = RELAY_UID };

/* What listens on the host: TCP on all addresses and both ports, and UDP. */
static struct {
	int tcp[4];
	int udp;
	bool owned; /* the kernel has tables that are owned and persist (Linux 6.9) */
} host;

static void become(uid_t uid)
{
	if (seteuid(uid) < 0)
		abort();
}

/* A socket's skuid is who made it. */
static bool relay_tcp(const char *address, uint16_t port)
{
	bool r;

	become(RELAY_UID);
	r = tcp_reaches(OWN, address, port);
	become(0);
	return r;
}

static bool relay_udp(void)
{
	bool r;

	become(RELAY_UID);
	r = udp_reaches(OWN, "127.0.0.1", PORT, host.udp);
	become(0);
	return r;
}

static bool relay_icmp(void)
{
	bool r;

	become(RELAY_UID);
	r = icmp_reaches(OWN, "127.0.0.1");
	become(0);
	return r;
}

static struct nft *take(void)
{
	struct nft *n = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (nft_new(&config, NULL, &n, &e) < 0)
		fail_msg("%s", e.message);
	return n;
}

static void look_for_ownership(void)
{
	struct nft *n = take();

	host.owned = shell(OWN, "nft list table inet awf | grep -q 'flags owner'") == 0;
	if (!host.owned)
		print_message("# this kernel has no owned, persistent tables\n");
	nft_free(n, true);
}

static int start_host(void **state)
{
	(void)state;
	host.tcp[0] = tcp_listen(OWN, "0.0.0.0", PORT);
	host.tcp[1] = tcp_listen(OWN, "0.0.0.0", OTHER);
	host.tcp[2] = tcp_listen(OWN, "::1", PORT);
	host.tcp[3] = tcp_listen(OWN, "::1", OTHER);
	host.udp = udp_bind(OWN, "127.0.0.1", PORT);
	look_for_ownership();
	return shell(OWN, "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
}

/* For tests that begin with a table and leave none behind, whatever becomes of them. */
static int begin(void **state)
{
	*state = take();
	return 0;
}

static int end(void **state)
{
	nft_free(*state, true);
	return 0;
}

static void add(struct nft *n, const char *address, uint16_t port)
{
	struct sockaddr_storage target = address_of(address, port);

	assert_int_equal(nft_relay_target_add(n, &target, NULL), 0);
}

static void drop(struct nft *n, const char *address, uint16_t port)
{
	struct sockaddr_storage target = address_of(address, port);

	assert_int_equal(nft_relay_target_remove(n, &target, NULL), 0);
}

static void assert_all_alive(void)
{
	assert_true(tcp_reaches(OWN, "127.0.0.1", PORT));
	assert_true(tcp_reaches(OWN, "127.0.0.1", OTHER));
	assert_true(tcp_reaches(OWN, "127.0.0.2", PORT));
	assert_true(tcp_reaches(OWN, "::1", PORT));
	assert_true(tcp_reaches(OWN, "::1", OTHER));
	assert_true(udp_reaches(OWN, "127.0.0.1", PORT, host.udp));
	assert_true(icmp_reaches(OWN, "127.0.0.1"));
}

/* Which of the TCP targets the relays' user reaches; the others never. */
static void assert_relay_reaches(bool four, bool six)
{
	assert_int_equal(relay_tcp("127.0.0.1", PORT), four);
	assert_int_equal(relay_tcp("::1", PORT), six);
	assert_false(relay_tcp("127.0.0.1", OTHER));
	assert_false(relay_tcp("127.0.0.2", PORT));
	assert_false(relay_tcp("::1", OTHER));
	assert_false(relay_udp());
	assert_false(relay_icmp());
}

static void assert_relay_is_free(void)
{
	assert_true(relay_tcp("127.0.0.1", OTHER));
	assert_true(relay_tcp("::1", OTHER));
	assert_true(relay_udp());
	assert_true(relay_icmp());
}

static void test_targets(void **state)
{
	struct nft *n;

	(void)state;
	assert_all_alive();
	assert_relay_is_free();
	n = take();
	assert_relay_reaches(false, false);
	add(n, "127.0.0.1", PORT);
	assert_relay_reaches(true, false);
	add(n, "::1", PORT);
	assert_relay_reaches(true, true);
	drop(n, "127.0.0.1", PORT);
	assert_relay_reaches(false, true);
	drop(n, "::1", PORT);
	assert_relay_reaches(false, false);
	assert_all_alive();

	nft_free(n, true);
	assert_relay_is_free();
	assert_int_not_equal(shell(OWN, "nft list table inet awf 2>/dev/null"), 0);
}

static void test_counters(void **state)
{
	struct nft *n = *state;

	add(n, "127.0.0.1", PORT);
	assert_true(relay_tcp("127.0.0.1", PORT));
	assert_false(relay_udp());
	assert_int_equal(shell(OWN, "nft list set inet awf relay_targets4 | "
				    "grep -q '127.0.0.1 . 18443 counter packets [1-9]'"),
			 0);
	assert_int_equal(
		shell(OWN, "nft list chain inet awf relay | grep -q 'counter packets 1 .*drop'"),
		0);
}

/* Twice is as good as once, and not there as good as removed. */
static void test_idempotent(void **state)
{
	struct nft *n = *state;

	drop(n, "127.0.0.1", PORT);
	add(n, "127.0.0.1", PORT);
	add(n, "127.0.0.1", PORT);
	assert_true(relay_tcp("127.0.0.1", PORT));
	drop(n, "127.0.0.1", PORT);
	drop(n, "127.0.0.1", PORT);
	assert_false(relay_tcp("127.0.0.1", PORT));
}

static void test_mapped_address(void **state)
{
	struct nft *n = *state;

	add(n, "::ffff:127.0.0.1", PORT);
	assert_true(relay_tcp("127.0.0.1", PORT));
	drop(n, "::ffff:127.0.0.1", PORT);
	assert_false(relay_tcp("127.0.0.1", PORT));
}

static bool arrives(int from, int to)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	char byte = 'x';

	(void)!write(from, &byte, 1);
	return poll(&p, 1, PATIENCE_MS) == 1 && read(to, &byte, 1) == 1;
}

/* The end of a sandbox is the end of its connections too. */
static void test_established(void **state)
{
	_cleanup_close_ int client = -EBADF, server = -EBADF, listener = -EBADF;
	struct nft *n = *state;

	listener = tcp_listen(OWN, "127.0.0.1", 18445);
	add(n, "127.0.0.1", 18445);
	become(RELAY_UID);
	client = tcp_connect(OWN, NULL, "127.0.0.1", 18445);
	become(0);
	assert_int_equal(poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 10000), 1);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	assert_true(arrives(client, server));
	assert_true(arrives(server, client));
	drop(n, "127.0.0.1", 18445);
	assert_false(arrives(client, server));
}

/* A target that the operator's rules lead elsewhere (a published port) is reached by the address
 * that was asked for; where they lead to is no target. */
static void test_before_nat(void **state)
{
	struct nft *n = *state;

	assert_int_equal(
		shell(OWN,
		      "ip addr add 192.0.2.3/32 dev lo && nft add table ip nat && "
		      "nft 'add chain ip nat out { type nat hook output priority -100; }' && "
		      "nft add rule ip nat out ip daddr 192.0.2.3 tcp dport 80 "
		      "dnat to 127.0.0.1:%d",
		      PORT),
		0);
	assert_true(tcp_reaches(OWN, "192.0.2.3", 80));
	assert_false(relay_tcp("192.0.2.3", 80));
	add(n, "192.0.2.3", 80);
	assert_true(relay_tcp("192.0.2.3", 80));
	assert_false(relay_tcp("127.0.0.1", PORT));
	assert_int_equal(shell(OWN, "nft delete table ip nat && ip addr del 192.0.2.3/32 dev lo"),
			 0);
}

static void test_listing(void **state)
{
	struct nft *n = *state;

	add(n, "127.0.0.1", PORT);
	add(n, "2001:db8::1", 443);
	assert_int_equal(shell(OWN, LISTING " | diff tests/unit/golden/nft-host-listing.txt -"), 0);
}

/* --- Ownership ------------------------------------------------------------------------------- */

static int take_too(void *userdata)
{
	_cleanup_err_ struct err e = { 0 };
	struct nft *n;

	(void)userdata;
	if (nft_new(&config, NULL, &n, &e) != -EPERM)
		return 1;
	return !strstr(e.message, "table inet awf is owned by another living process");
}

/* Against other processes, where the kernel can do that. */
static void assert_protected(void)
{
	static const char *const edits[] = {
		"nft add element inet awf relay_targets4 '{ 127.0.0.1 . 1 }'",
		"nft insert rule inet awf relay accept",
		"nft flush table inet awf",
		"nft delete table inet awf",
	};

	if (!host.owned)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++)
		if (shell(OWN, "%s 2>/dev/null", edits[i]) == 0)
			fail_msg("worked: %s", edits[i]);
	assert_int_equal(in_child(take_too, NULL), 0);
}

static void test_owner(void **state)
{
	struct nft *n = *state;

	add(n, "127.0.0.1", PORT);
	assert_protected();
	if (!host.owned)
		return;
	shell(OWN, "nft flush ruleset 2>/dev/null");
	assert_relay_reaches(true, false);
}

static int be_awfd(void *userdata)
{
	struct nft *n = take();

	(void)userdata;
	add(n, "127.0.0.1", PORT);
	return raise(SIGKILL);
}

/* The rules of an awfd that was killed stay, and the next one takes them over with empty sets. */
static void test_adopt(void **state)
{
	struct nft *n;

	(void)state;
	assert_int_equal(in_child(be_awfd, NULL), -SIGKILL);
	assert_relay_reaches(true, false);
	n = take();
	assert_relay_reaches(false, false);
	assert_protected();
	add(n, "::1", PORT);
	assert_relay_reaches(false, true);
	nft_free(n, false);
	assert_relay_reaches(false, true);
	nft_free(take(), true);
}

static int be_awfd_with(void *userdata)
{
	const int *fd = userdata;
	struct nft *n = NULL;

	if (nft_new_with(dup(*fd), &config, NULL, &n, NULL) < 0)
		return 1;
	add(n, "127.0.0.1", PORT);
	return raise(SIGKILL);
}

/* Kept open by somebody, as the service manager does, the socket owns the table while there is no
 * awfd; and the next one is that owner, too. */
static void test_kept_owner(void **state)
{
	struct netlink kept;
	struct nft *n = NULL;
	int fd;

	(void)state;
	assert_int_equal(netlink_open(NETLINK_OWN, NETLINK_NETFILTER, &kept, NULL), 0);
	fd = kept.fd;
	assert_int_equal(in_child(be_awfd_with, &fd), -SIGKILL);
	assert_protected();
	if (host.owned)
		shell(OWN, "nft flush ruleset 2>/dev/null");
	assert_relay_reaches(true, false);
	assert_int_equal(nft_new_with(fd, &config, NULL, &n, NULL), 0);
	assert_int_equal(nft_socket(n), fd);
	assert_relay_reaches(false, false);
	assert_protected();
	nft_free(n, true);
}

/* A table of that name that somebody made by hand, in the way in every respect. */
static void test_foreign_table(void **state)
{
	struct nft *n;

	(void)state;
	assert_int_equal(shell(OWN, "nft 'table inet awf { set relay_targets4 { type mark; }; "
				    "chain relay { type filter hook output priority 0; "
				    "policy drop; }; }'"),
			 0);
	assert_false(tcp_reaches(OWN, "127.0.0.1", PORT));
	n = take();
	assert_all_alive();
	assert_relay_reaches(false, false);
	assert_protected();
	nft_free(n, true);
}

struct hammer {
	volatile uint64_t tries, successes;
};

static void be_hammer(struct hammer *h)
{
	struct sockaddr_storage a = address_of("127.0.0.1", 9);
	int fd;

	become(RELAY_UID);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (;;) {
		if (sendto(fd, "x", 1, MSG_DONTWAIT, (void *)&a, address_length(&a)) == 1)
			h->successes++;
		h->tries++;
	}
}

static pid_t start_hammer(struct hammer *h)
{
	pid_t pid = fork();

	if (pid == 0)
		be_hammer(h);
	assert_true(pid > 0);
	return pid;
}

static void await_tries(const struct hammer *h)
{
	uint64_t enough = h->tries + 1000;

	while (h->tries < enough)
		usleep(1000);
}

/* There is no moment without rules when the table goes from one awfd to the next. */
static void test_no_gap(void **state)
{
	struct hammer *h =
		mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = start_hammer(h); /* before there is an owner's socket to inherit */
	struct nft *n = take();
	uint64_t successes;

	(void)state;
	await_tries(h);
	successes = h->successes;
	for (int i = 0; i < 100; i++) {
		nft_free(n, false);
		n = take();
		usleep(1000);
	}
	await_tries(h);
	assert_int_equal(h->successes, successes);
	nft_free(n, true);
	await_tries(h);
	assert_true(h->successes > successes);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(h, sizeof(*h));
}

/* --- Errors ---------------------------------------------------------------------------------- */

static int take_as_nobody(void *userdata)
{
	_cleanup_err_ struct err e = { 0 };
	struct nft *n;

	(void)userdata;
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0 || nft_new(&config, NULL, &n, &e) != -EPERM)
		return 1;
	return strcmp(e.message, "nftables: not permitted: CAP_NET_ADMIN is missing") != 0;
}

static void test_refused(void **state)
{
	const struct nft_config root = { .relay_uid = 0 };
	struct nft *n = NULL;

	(void)state;
	assert_int_equal(in_child(take_as_nobody, NULL), 0);
	assert_int_equal(nft_new(&root, NULL, &n, NULL), -EINVAL);
	assert_null(n);
}

/* Deletes the table through a socket that may. */
static void delete_table(const struct netlink *nl)
{
	_Alignas(struct nlmsghdr) char messages[3][256];
	_cleanup_nft_objects_ struct nft_objects list = { 0 };
	struct iovec iov[3];

	nft_ruleset_remove(&list);
	nftnl_batch_begin(messages[0], 1);
	nft_object_build(&list.items[0], messages[1], 0, 2);
	nftnl_batch_end(messages[2], 3);
	for (size_t i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i] = (struct iovec){ messages[i], ((struct nlmsghdr *)messages[i])->nlmsg_len };
	assert_int_equal(netlink_send(nl, iov, ARRAY_SIZE(iov)), 0);
}

static void test_error_names_object(void **state)
{
	struct sockaddr_storage target = address_of("127.0.0.1", PORT);
	struct netlink owner = { .fd = dup(STDIN_FILENO) };
	_cleanup_err_ struct err e = { 0 };
	struct nft *n;

	(void)state;
	close(owner.fd); /* the next descriptor gets its number */
	n = take();
	delete_table(&owner);
	assert_int_equal(nft_relay_target_add(n, &target, &e), -ENOENT);
	assert_string_equal(e.message, "nftables: element of set relay_targets4 of table inet awf: "
				       "No such file or directory");
	assert_int_equal(nft_relay_target_remove(n, &target, NULL), 0);
	nft_free(n, true);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_signals(void **state)
{
	const struct sigaction act = { .sa_handler = on_alarm }, deflt = { .sa_handler = SIG_DFL };
	struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { 0 };
	struct nft *n = *state;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 1000; i++) {
		add(n, "127.0.0.1", PORT);
		drop(n, "127.0.0.1", PORT);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &deflt, NULL);
}

static void test_no_leaks(void **state)
{
	const struct nft_config root = { .relay_uid = 0 };
	struct nft *n = NULL, *second = NULL;
	int before = open_descriptors();

	(void)state;
	for (int i = 0; i < 10; i++) {
		n = take();
		if (host.owned)
			assert_int_equal(nft_new(&config, NULL, &second, NULL), -EPERM);
		assert_int_equal(nft_new(&root, NULL, &second, NULL), -EINVAL);
		assert_int_equal(nft_new_with(dup(STDOUT_FILENO), &root, NULL, &second, NULL),
				 -EINVAL);
		assert_int_equal(nft_new_with(dup(STDOUT_FILENO), &config, NULL, &second, NULL),
				 -EPROTOTYPE);
		nft_free(n, i % 2);
	}
	nft_free(NULL, true);
	assert_int_equal(open_descriptors(), before);
	assert_null(second);
}

#define TEST_WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),       TEST_WITH_TABLE(test_counters),
		TEST_WITH_TABLE(test_idempotent),     TEST_WITH_TABLE(test_mapped_address),
		TEST_WITH_TABLE(test_established),    TEST_WITH_TABLE(test_before_nat),
		TEST_WITH_TABLE(test_listing),        TEST_WITH_TABLE(test_owner),
		cmocka_unit_test(test_adopt),         cmocka_unit_test(test_kept_owner),
		cmocka_unit_test(test_foreign_table), cmocka_unit_test(test_no_gap),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_error_names_object),
		TEST_WITH_TABLE(test_signals),        cmocka_unit_test(test_no_leaks),
	};

	if (!namespaces_begin())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nft", tests, start_host, NULL);
}
