#include "awfd/private-networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/check.h"

/* The first and the last address of each network, and its neighbours outside. */
static const struct {
	const char *text;
	bool is_private;
} addresses[] = {
	{ "0.0.0.0", true },
	{ "0.255.255.255", true },
	{ "1.0.0.0", false },
	{ "9.255.255.255", false },
	{ "10.0.0.0", true },
	{ "10.255.255.255", true },
	{ "11.0.0.0", false },
	{ "100.63.255.255", false },
	{ "100.64.0.0", true },
	{ "100.127.255.255", true },
	{ "100.128.0.0", false },
	{ "126.255.255.255", false },
	{ "127.0.0.1", true },
	{ "127.255.255.255", true },
	{ "128.0.0.0", false },
	{ "169.253.255.255", false },
	{ "169.254.0.0", true },
	{ "169.254.169.254", true },
	{ "169.254.255.255", true },
	{ "169.255.0.0", false },
	{ "172.15.255.255", false },
	{ "172.16.0.0", true },
	{ "172.30.0.10", true },
	{ "172.31.255.255", true },
	{ "172.32.0.0", false },
	{ "191.255.255.255", false },
	{ "192.0.0.0", true },
	{ "192.0.0.255", true },
	{ "192.0.1.0", false },
	{ "192.167.255.255", false },
	{ "192.168.0.0", true },
	{ "192.168.255.255", true },
	{ "192.169.0.0", false },
	{ "198.17.255.255", false },
	{ "198.18.0.0", true },
	{ "198.19.255.255", true },
	{ "198.20.0.0", false },
	{ "203.0.113.1", false },
	{ "223.255.255.255", false },
	{ "224.0.0.0", true },
	{ "239.255.255.255", true },
	{ "240.0.0.0", true },
	{ "255.255.255.255", true },
	{ "::", true },
	{ "::1", true },
	{ "::10.0.0.1", true },
	{ "::1:0:0", false },
	{ "::fffe:0:1", false },
	{ "::ffff:0.0.0.0", true },
	{ "::ffff:203.0.113.1", true },
	{ "::ffff:255.255.255.255", true },
	{ "::1:0:0:0", false },
	{ "64:ff9b::", true },
	{ "64:ff9b::ffff:ffff", true },
	{ "64:ff9b::1:0:0", false },
	{ "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", false },
	{ "64:ff9b:1::", true },
	{ "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", true },
	{ "64:ff9b:2::", false },
	{ "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	{ "2001::", true },
	{ "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", true },
	{ "2001:1::", false },
	{ "2001:db8::1", false },
	{ "2001:4860:4860::8888", false },
	{ "2002::", true },
	{ "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
	{ "2003::", false },
	{ "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	{ "fc00::", true },
	{ "fd61:7766:6567::1", true },
	{ "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
	{ "fe00::", false },
	{ "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	{ "fe80::1", true },
	{ "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
	{ "fec0::", true },
	{ "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
	{ "ff00::", true },
	{ "ff02::1", true },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
};

static struct sockaddr_storage parse(const char *text)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		s.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		s.ss_family = AF_INET6;
	else
		fail_msg("'%s' is no address", text);
	return s;
}

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct sockaddr_storage address = parse(addresses[i].text);

		assert_row(addresses[i].text,
			   private_networks_contain(&address) == addresses[i].is_private);
	}
}

static void test_unknown_family_is_private(void **state)
{
	struct sockaddr_storage address = { .ss_family = AF_UNIX };

	(void)state;
	assert_true(private_networks_contain(&address));
}

/* What the design says, in its words. */
static void test_networks(void **state)
{
	static const char *const expected[] = {
		"0.0.0.0/8",      "10.0.0.0/8",    "100.64.0.0/10",  "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",   "192.168.0.0/16",
		"198.18.0.0/15",  "224.0.0.0/4",   "240.0.0.0/4",    "::/96",
		"::ffff:0:0/96",  "64:ff9b::/96",  "64:ff9b:1::/48", "2001::/32",
		"2002::/16",      "fc00::/7",      "fe80::/10",      "fec0::/10",
		"ff00::/8",
	};

	(void)state;
	assert_int_equal(private_networks_count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < private_networks_count; i++) {
		_cleanup_free_ char *text = network_format(&private_networks[i]);

		if (strcmp(text, "::ffff:0.0.0.0/96") != 0) /* how the C library writes it */
			assert_string_equal(text, expected[i]);
		else
			assert_string_equal(expected[i], "::ffff:0:0/96");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_unknown_family_is_private),
		cmocka_unit_test(test_networks),
	};

	return RUN_TESTS("private-networks", tests);
}
