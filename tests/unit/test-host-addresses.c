/* The host's own addresses: what is read, and what a relay is told. */
#include "awfd/host-addresses.h"

#include "tests/unit/check.h"

static const struct {
	const char *text;
	int result;
	const char *told; /* of a good one */
} rows[] = {
	{ "", 0, "localhost" },
	{ "172.17.0.1", 0, "localhost,172.17.0.1" },
	{ "10.0.0.5, fd77::0:1\t192.0.2.1", 0, "localhost,10.0.0.5,[fd77::1],192.0.2.1" },
	{ "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 2001:db8::6", 0,
	  "localhost,10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,[2001:db8::6]" },
	{ "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7", -E2BIG, NULL },
	{ "127.0.0.1", -EINVAL, NULL },
	{ "127.1.2.3", -EINVAL, NULL },
	{ "0.0.0.0", -EINVAL, NULL },
	{ "0.1.2.3", -EINVAL, NULL },
	{ "224.0.0.1", -EINVAL, NULL },
	{ "255.255.255.255", -EINVAL, NULL },
	{ "::", -EINVAL, NULL },
	{ "::1", -EINVAL, NULL },
	{ "ff02::1", -EINVAL, NULL },
	{ "fe80::1", -EINVAL, NULL },
	{ "::ffff:127.0.0.1", -EINVAL, NULL },
	{ "[2001:db8::6]", -EINVAL, NULL },
	{ "10.0.0.1:80", -EINVAL, NULL },
	{ "10.0.0.0/8", -EINVAL, NULL },
	{ "eth0", -EINVAL, NULL },
	{ "localhost", -EINVAL, NULL },
	{ "10.0.0.1 x", -EINVAL, NULL },
};

static void test_addresses(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_addresses addresses = { 0 };
		_cleanup_free_ char *told = NULL;

		assert_row(rows[i].text,
			   host_addresses_parse(rows[i].text, &addresses) == rows[i].result);
		told = host_addresses_format(&addresses);
		assert_row(rows[i].text,
			   same_text(told, rows[i].told ? rows[i].told : "localhost"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_addresses) };

	return RUN_TESTS("host-addresses", tests);
}
