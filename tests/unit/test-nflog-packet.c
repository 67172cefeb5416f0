/* Reports of refused packets, as the kernel writes them. What it is to survive is fuzzed. */
#include <arpa/inet.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "awfd/nflog-packet.h"
#include "tests/unit/check.h"

#define CORPUS "tests/fuzz/corpus/nflog/"

/* Reads a report of the corpus. */
static int parse(const char *name, uint16_t type, struct nflog_packet *p)
{
	_cleanup_free_ char *path = xasprintf(CORPUS "%s", name);
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ struct nlmsghdr *message = NULL;
	size_t length;

	assert_true(file_read(path, 4096, &text, &length, NULL) >= 0);
	message = xcalloc(sizeof(*message) + length, 1);
	message->nlmsg_len = (uint32_t)(sizeof(*message) + length);
	message->nlmsg_type = type;
	memcpy(message + 1, text, length);
	return nflog_parse(message, p);
}

#define REPORT (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)

static void test_packets(void **state)
{
	static const struct {
		const char *name;
		int family;
		const char *protocol;
		uint8_t number;
		uint16_t port;
		int icmp_type;
	} rows[] = {
		{ "tcp4", AF_INET, "tcp", 6, 443, -1 },
		{ "udp4", AF_INET, "udp", 17, 53, -1 },
		{ "icmp4", AF_INET, "icmp", 1, 0, 8 },
		{ "udplite4", AF_INET, "udplite", 136, 53, -1 },
		{ "sctp4", AF_INET, "other", 132, 0, -1 },
		{ "options4", AF_INET, "tcp", 6, 443, -1 },
		{ "fragment4", AF_INET, "udp", 17, 0, -1 }, /* what is there are no ports */
		{ "cut4", AF_INET, "tcp", 6, 0, -1 },
		{ "tcp6", AF_INET6, "tcp", 6, 443, -1 },
		{ "icmp6", AF_INET6, "icmp", 58, 0, 128 },
		{ "hopopts6", AF_INET6, "tcp", 6, 443, -1 },
		{ "fragment6", AF_INET6, "udp", 17, 53, -1 },
		{ "later-fragment6", AF_INET6, "udp", 17, 0, -1 },
		{ "many6", AF_INET6, "other", 60, 0, -1 },     /* more than are looked through */
		{ "long-ext6", AF_INET6, "other", 43, 0, -1 }, /* ends behind the copy */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nflog_packet p;
		char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
		const bool six = rows[i].family == AF_INET6;

		assert_row(rows[i].name, parse(rows[i].name, REPORT, &p) == 0);
		assert_row(rows[i].name, p.family == rows[i].family);
		assert_row(rows[i].name,
			   same_text(nflog_protocol_name(p.protocol), rows[i].protocol));
		assert_row(rows[i].name, p.protocol_number == rows[i].number);
		assert_row(rows[i].name, p.port == rows[i].port);
		assert_row(rows[i].name, p.icmp_type == rows[i].icmp_type);
		inet_ntop(p.family, p.source, from, sizeof(from));
		inet_ntop(p.family, p.destination, to, sizeof(to));
		assert_row(rows[i].name, same_text(from, six ? "fd61:7766:6567::5" : "198.18.0.5"));
		assert_row(rows[i].name, same_text(to, six ? "2001:db8::1" : "10.0.0.1"));
		assert_row(rows[i].name, same_text(p.prefix, "squid"));
		assert_row(rows[i].name, p.in == 3 && p.out == 2 && p.mark == 0x77);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "empty", "header",  "short4",
					   "ihl4",  "version", "bad-attr" };
	struct nflog_packet p = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_row(bad[i], parse(bad[i], REPORT, &p) == -EBADMSG);
	assert_int_equal(parse("tcp4", NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, &p), -EBADMSG);
	assert_int_equal(p.port, 7);
}

static void test_bounds(void **state)
{
	struct nflog_packet p;

	(void)state;
	assert_int_equal(parse("no-nul", REPORT, &p), 0);
	assert_int_equal(strlen(p.prefix), NFLOG_PREFIX_MAX - 1);
	assert_int_equal(parse("small-words", REPORT, &p), 0);
	assert_true(p.in == 0 && p.mark == 0 && p.out == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounds),
	};

	return RUN_TESTS("nflog-packet", tests);
}
