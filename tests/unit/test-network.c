#include "awfd/network.h"

#include "awfd/resolvers.h"
#include "tests/unit/check.h"

static void test_parse(void **state _unused_)
{
	static const struct {
		const char *text;
		int family; /* 0: refused */
	} rows[] = {
		{ "10.0.0.0/8", AF_INET },
		{ "0.0.0.0/0", AF_INET },
		{ "192.0.2.1/32", AF_INET },
		{ "fd00::/8", AF_INET6 },
		{ "::/0", AF_INET6 },
		{ "2001:db8::1/128", AF_INET6 },
		{ "", 0 },
		{ "10.0.0.0", 0 },
		{ "10.0.0.0/", 0 },
		{ "10.0.0.0/33", 0 },
		{ "10.0.0.0/08", 0 },
		{ "10.0.0.1/8", 0 },
		{ "10.0.0/8", 0 },
		{ " 10.0.0.0/8", 0 },
		{ "10.0.0.0/8 ", 0 },
		{ "1.0.0.0/0", 0 },
		{ "fd00::1/8", 0 },
		{ "fd00::/129", 0 },
		{ "fd00::%eth0/64", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct network n;
		int r = network_parse(rows[i].text, &n);

		if (r != (rows[i].family ? 0 : -EINVAL))
			fail_msg("'%s': %d", rows[i].text, r);
		if (r == 0)
			assert_int_equal(n.family, rows[i].family);
	}
}

static bool contains(const char *network, const char *address)
{
	struct sockaddr_storage bytes;
	struct network n;

	assert_int_equal(network_parse(network, &n), 0);
	assert_int_equal(resolvers_sockaddr(address, 0, &bytes), 0);
	return network_contains(&n, &bytes);
}

static void test_contains(void **state _unused_)
{
	assert_true(contains("10.0.0.0/8", "10.255.255.255"));
	assert_false(contains("10.0.0.0/8", "11.0.0.0"));
	assert_true(contains("172.16.0.0/12", "172.31.255.255"));
	assert_false(contains("172.16.0.0/12", "172.32.0.0"));
	assert_true(contains("192.0.2.1/32", "192.0.2.1"));
	assert_false(contains("192.0.2.1/32", "192.0.2.2"));
	assert_true(contains("0.0.0.0/0", "255.255.255.255"));
	assert_true(contains("fd00::/8", "fdff::1"));
	assert_false(contains("fd00::/8", "fe00::1"));
	assert_false(contains("::/0", "10.0.0.1"));
	assert_false(contains("0.0.0.0/0", "::1"));
}

static void test_format(void **state _unused_)
{
	static const char *const texts[] = { "10.0.0.0/8", "0.0.0.0/0", "fd00::/8" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *text = NULL;
		struct network n;

		assert_int_equal(network_parse(texts[i], &n), 0);
		text = network_format(&n);
		assert_same_text(text, texts[i]);
	}
}

static bool overlaps(const char *one, const char *other)
{
	struct network a, b;

	assert_int_equal(network_parse(one, &a), 0);
	assert_int_equal(network_parse(other, &b), 0);
	return network_overlaps(&a, &b) && network_overlaps(&b, &a);
}

static void test_overlaps(void **state _unused_)
{
	assert_true(overlaps("172.16.0.0/12", "172.30.0.0/24"));
	assert_false(overlaps("198.18.0.0/20", "172.30.0.0/24"));
	assert_false(overlaps("10.0.0.0/9", "10.128.0.0/9"));
	assert_true(overlaps("::/0", "fd00::/8"));
	assert_false(overlaps("::/0", "10.0.0.0/8"));
}

static char *first(const char *text, unsigned bits)
{
	struct network n;

	assert_int_equal(network_parse(text, &n), 0);
	n = network_first(&n, bits);
	return network_format(&n);
}

static char *host(const char *text, uint32_t number)
{
	struct network n;

	assert_int_equal(network_parse(text, &n), 0);
	n = network_host(&n, number);
	return network_format(&n);
}

static void assert_made(char *text, const char *expected)
{
	assert_same_text(text, expected);
	free(text);
}

static void test_parts(void **state _unused_)
{
	assert_made(first("198.18.0.0/20", 29), "198.18.0.0/29");
	assert_made(first("fd61::/64", 125), "fd61::/125");
	assert_made(first("10.0.0.0/8", 8), "10.0.0.0/8");
	assert_made(host("198.18.0.0/20", 0), "198.18.0.0/32");
	assert_made(host("198.18.0.0/20", 1), "198.18.0.1/32");
	assert_made(host("198.18.0.0/20", 4094), "198.18.15.254/32");
	assert_made(host("198.18.0.16/28", 9), "198.18.0.25/32");
	assert_made(host("0.0.0.0/0", UINT32_MAX), "255.255.255.255/32");
	assert_made(host("fd61::/64", 8), "fd61::8/128");
	assert_made(host("fd61::/64", 0x12345678), "fd61::1234:5678/128");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_contains),
		cmocka_unit_test(test_format), cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_parts),
	};

	return RUN_TESTS("network", tests);
}
