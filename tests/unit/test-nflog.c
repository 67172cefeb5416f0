/* Reports of refused packets, with real rules and packets. Needs root. */
#include <event2/event.h>
#include <unistd.h>

#include "awfd/link.h"
#include "awfd/nflog.h"
#include "awfd/nft.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define PORT 11000

struct seen {
	unsigned count;
	struct nflog_packet last;
	char in[IFNAMSIZ], out[IFNAMSIZ];
};

static void on_packet(const struct nflog_packet *packet, const char *in, const char *out,
		      void *userdata)
{
	struct seen *seen = userdata;

	seen->count++;
	seen->last = *packet;
	snprintf(seen->in, sizeof(seen->in), "%s", in);
	snprintf(seen->out, sizeof(seen->out), "%s", out);
}

/* A namespace in which only one port of loopback is open. */
static struct place closed_place(void)
{
	const struct nft_namespace ns = { .loopback_port = PORT };
	struct place p = place_new();

	assert_int_equal(link_seal_namespace(p.pidfd, NULL), 0);
	assert_int_equal(nft_namespace_apply(p.pidfd, &ns, NULL), 0);
	return p;
}

static void knock(const struct place *p, const char *host)
{
	_cleanup_close_ int to = udp_bind(p->pidfd, host, 53);

	assert_false(udp_reaches(p->pidfd, host, 53, to));
}

static void test_report(void **state)
{
	struct event_base *base = event_base_new();
	struct place p = closed_place(), other = closed_place();
	struct seen seen = { 0 }, others = { 0 };
	struct nflog *n, *m;

	(void)state;
	assert_int_equal(nflog_open(base, p.pidfd, on_packet, &seen, &n, NULL), 0);
	assert_int_equal(nflog_open(base, other.pidfd, on_packet, &others, &m, NULL), 0);
	knock(&p, "127.0.0.1");
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.last.prefix, "output");
	assert_string_equal(seen.out, "lo");
	assert_string_equal(seen.in, "");
	assert_int_equal(seen.last.family, AF_INET);
	assert_int_equal(seen.last.protocol, NFLOG_PROTOCOL_UDP);
	assert_int_equal(seen.last.port, 53);
	assert_memory_equal(seen.last.destination, "\x7f\0\0\1", 4);

	knock(&p, "::1");
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.last.family, AF_INET6);
	assert_int_equal(others.count, 0);

	nflog_free(n);
	nflog_free(m);
	place_end(&p);
	place_end(&other);
	event_base_free(base);
}

/* What came before the end is not lost. */
static void test_last_words(void **state)
{
	struct event_base *base = event_base_new();
	struct place p = closed_place();
	struct seen seen = { 0 };
	struct nflog *n;

	(void)state;
	assert_int_equal(nflog_open(base, p.pidfd, on_packet, &seen, &n, NULL), 0);
	knock(&p, "127.0.0.1");
	nflog_free(n);
	assert_int_equal(seen.count, 1);
	place_end(&p);
	event_base_free(base);
}

/* The rule's limit: everything is dropped, and of a flood only the beginning is told. */
static void test_limit(void **state)
{
	struct event_base *base = event_base_new();
	struct place p = closed_place();
	struct sockaddr_storage a = address_of("127.0.0.1", 53);
	_cleanup_close_ int fd = udp_bind(p.pidfd, "127.0.0.1", 9);
	struct seen seen = { 0 };
	struct nflog *n;

	(void)state;
	assert_int_equal(nflog_open(base, p.pidfd, on_packet, &seen, &n, NULL), 0);
	for (int i = 0; i < 1000; i++)
		(void)!sendto(fd, "x", 1, 0, (void *)&a, address_length(&a));
	nflog_free(n);
	assert_in_range(seen.count, 50, 200);
	assert_int_equal(shell(p.pidfd, "nft list chain inet awf output | "
					"grep -q 'counter packets 1000 .*drop'"),
			 0);
	place_end(&p);
	event_base_free(base);
}

/* A flood by a rule without a limit: a turn of the loop ends, what is too much is lost and counted,
 * and reading goes on. */
static void test_overrun(void **state)
{
	struct event_base *base = event_base_new();
	struct place p = closed_place();
	struct sockaddr_storage a = address_of("127.0.0.1", 53);
	_cleanup_close_ int fd = udp_bind(p.pidfd, "127.0.0.1", 9);
	struct seen seen = { 0 };
	struct nflog *n;
	unsigned before;

	(void)state;
	assert_int_equal(
		shell(p.pidfd, "nft 'insert rule inet awf output udp dport 53 log group 77'"), 0);
	assert_int_equal(nflog_open(base, p.pidfd, on_packet, &seen, &n, NULL), 0);
	for (int i = 0; i < 20000; i++)
		(void)!sendto(fd, "x", 1, 0, (void *)&a, address_length(&a));
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_in_range(seen.count, 1, 100);
	for (unsigned last = 0; last != seen.count;) {
		last = seen.count;
		assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	}
	assert_true(nflog_overruns(n) > 0);
	assert_true(seen.count < 20000);
	before = seen.count;
	knock(&p, "127.0.0.1");
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_true(seen.count > before);
	nflog_free(n);
	place_end(&p);
	event_base_free(base);
}

static void test_taken(void **state)
{
	struct event_base *base = event_base_new();
	struct place p = closed_place();
	_cleanup_close_ int ended = dup(p.pidfd);
	struct seen seen = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct nflog *n, *second = NULL;
	int before = open_descriptors();

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(nflog_open(base, p.pidfd, on_packet, &seen, &n, NULL), 0);
		assert_int_equal(nflog_open(base, p.pidfd, on_packet, &seen, &second, &e), -EPERM);
		assert_string_equal(e.message,
				    "cannot read NFLOG group 77: Operation not permitted");
		nflog_free(n);
	}
	assert_null(second);
	assert_int_equal(open_descriptors(), before);
	place_end(&p);
	assert_int_equal(nflog_open(base, ended, on_packet, &seen, &second, NULL), -ESRCH);
	nflog_free(NULL);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report), cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_taken),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("nflog", tests);
}
