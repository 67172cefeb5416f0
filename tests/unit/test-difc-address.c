#include "awfd/difc-address.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define L16  "abcdefghijklmnop"
#define L63  L16 L16 L16 "abcdefghijklmno"
#define L64  L16 L16 L16 L16
#define N253 L63 "." L63 "." L63 "." L16 L16 L16 "abcdefghijklm"

static const struct {
	const char *text;
	const char *host;
	uint16_t port;
	bool is_host;
	const char *formatted;
} accepted[] = {
	{ "", "host.docker.internal", 18443, true, "host.docker.internal:18443" },
	{ "localhost", "localhost", 18443, true, "localhost:18443" },
	{ "localhost:18443", "localhost", 18443, true, "localhost:18443" },
	{ "LocalHost:1", "localhost", 1, true, "localhost:1" },
	{ "host.docker.internal", "host.docker.internal", 18443, true,
	  "host.docker.internal:18443" },
	{ "host.docker.internal:65535", "host.docker.internal", 65535, true,
	  "host.docker.internal:65535" },
	{ "127.0.0.1", "127.0.0.1", 18443, true, "127.0.0.1:18443" },
	{ "127.255.0.9:443", "127.255.0.9", 443, true, "127.255.0.9:443" },
	{ "128.0.0.1:443", "128.0.0.1", 443, false, "128.0.0.1:443" },
	{ "192.0.2.7:80", "192.0.2.7", 80, false, "192.0.2.7:80" },
	{ "[::1]", "::1", 18443, true, "[::1]:18443" },
	{ "[::1]:443", "::1", 443, true, "[::1]:443" },
	{ "[0:0::0001]:443", "::1", 443, true, "[::1]:443" },
	{ "[2001:DB8::A]", "2001:db8::a", 18443, false, "[2001:db8::a]:18443" },
	{ "https://h:443", "h", 443, false, "h:443" },
	{ "https://h", "h", 18443, false, "h:18443" },
	{ "HTTP://h:80", "h", 80, false, "h:80" },
	{ "tcp+tls-1.2://[::1]:443", "::1", 443, true, "[::1]:443" },
	{ "https://localhost", "localhost", 18443, true, "localhost:18443" },
	{ "difc_proxy-1.internal:8443", "difc_proxy-1.internal", 8443, false,
	  "difc_proxy-1.internal:8443" },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example", 18443, false,
	  "xn--bcher-kva.example:18443" },
	{ "1.example", "1.example", 18443, false, "1.example:18443" },
	{ "0x1.a.0xzz", "0x1.a.0xzz", 18443, false, "0x1.a.0xzz:18443" },
	{ "notlocalhost", "notlocalhost", 18443, false, "notlocalhost:18443" },
	{ L63, L63, 18443, false, L63 ":18443" },
	{ "abcdefghijklmnop://" N253 ":65535", N253, 65535, false, N253 ":65535" },
};

static const struct {
	const char *text;
	const char *reason;
} refused[] = {
	{ " ", "spaces are not allowed" },
	{ " localhost", "spaces are not allowed" },
	{ "localhost:18443 ", "spaces are not allowed" },
	{ "local\thost", "control characters are not allowed" },
	{ "localhost\n", "control characters are not allowed" },
	{ "\033[1m", "control characters are not allowed" },
	{ "h\x7f", "control characters are not allowed" },
	{ "bücher.example", "only ASCII is allowed: write an internationalized name as xn--…" },
	{ "h\xff", "only ASCII is allowed: write an internationalized name as xn--…" },
	{ "://h", "the scheme is empty" },
	{ "abcdefghijklmnopq://h", "the scheme is too long" },
	{ "1http://h", "this is not a scheme before '://'" },
	{ "ht_tp://h", "this is not a scheme before '://'" },
	{ "a:b://h", "this is not a scheme before '://'" },
	{ "https://https://h", "a path is not allowed" },
	{ "https://", "there is no host" },
	{ ":18443", "there is no host" },
	{ ":", "there is no port after ':'" },
	{ "[]:443", "there is no host" },
	{ "user@h", "user information is not allowed" },
	{ "https://user:secret@h:443", "user information is not allowed" },
	{ "h/", "a path is not allowed" },
	{ "https://h:443/", "a path is not allowed" },
	{ "h:443/path", "a path is not allowed" },
	{ "h\\path", "a path is not allowed" },
	{ "//h", "a path is not allowed" },
	{ "h?x=1", "a query is not allowed" },
	{ "h#top", "a fragment is not allowed" },
	{ "h%2e", "an IPv6 zone or percent-encoding is not allowed" },
	{ "[fe80::1%eth0]", "an IPv6 zone or percent-encoding is not allowed" },
	{ "[fe80::1]", "a link-local address needs a zone, which is not supported" },
	{ "h:", "there is no port after ':'" },
	{ "[::1]:", "there is no port after ':'" },
	{ "h:0", "the port is not between 1 and 65535" },
	{ "h:65536", "the port is not between 1 and 65535" },
	{ "h:99999999999999999999999", "the port is not between 1 and 65535" },
	{ "h:080", "the port has a leading zero" },
	{ "h:00", "the port has a leading zero" },
	{ "h:-1", "the port is not a number" },
	{ "h:+1", "the port is not a number" },
	{ "h:80.5", "the port is not a number" },
	{ "h:0x50", "the port is not a number" },
	{ "h:https", "the port is not a number" },
	{ "h:80,h:81", "an IPv6 address is written in brackets" },
	{ "::1", "an IPv6 address is written in brackets" },
	{ "2001:db8::1", "an IPv6 address is written in brackets" },
	{ "[::1", "']' is missing" },
	{ "[::1]443", "there is something other than a port after ']'" },
	{ "[::1]]:443", "there is something other than a port after ']'" },
	{ "[[::1]]", "there is something other than a port after ']'" },
	{ "[localhost]", "there is no IPv6 address between the brackets" },
	{ "[127.0.0.1]", "there is no IPv6 address between the brackets" },
	{ "[::1::]", "there is no IPv6 address between the brackets" },
	{ "[::]", "[::] is not an address to connect to: write localhost" },
	{ "[::ffff:127.0.0.1]", "an IPv4 address is written without IPv6" },
	{ "[::127.0.0.1]", "an IPv4 address is written without IPv6" },
	{ "[ff02::1]", "a multicast address is not an address to connect to" },
	{ "0.0.0.0", "0.0.0.0 is not an address to connect to: write localhost" },
	{ "0.1.2.3", "0.0.0.0 is not an address to connect to: write localhost" },
	{ "224.0.0.1", "a multicast address is not an address to connect to" },
	{ "169.254.169.254:80", "a link-local address is not allowed" },
	{ "255.255.255.255", "a reserved or broadcast address is not an address to connect to" },
	{ "127.1", "this is not an IPv4 address: write four decimal numbers" },
	{ "2130706433", "this is not an IPv4 address: write four decimal numbers" },
	{ "0x7f000001", "this is not an IPv4 address: write four decimal numbers" },
	{ "0X7F.1", "this is not an IPv4 address: write four decimal numbers" },
	{ "0x", "this is not an IPv4 address: write four decimal numbers" },
	{ "017700000001", "this is not an IPv4 address: write four decimal numbers" },
	{ "127.0.0.01", "this is not an IPv4 address: write four decimal numbers" },
	{ "127.0.0.256", "this is not an IPv4 address: write four decimal numbers" },
	{ "1.2.3.4.5", "this is not an IPv4 address: write four decimal numbers" },
	{ ".", "the name has an empty label" },
	{ "h.", "the name has an empty label" },
	{ ".h", "the name has an empty label" },
	{ "a..b", "the name has an empty label" },
	{ "-h", "the name has a label that begins or ends with '-'" },
	{ "a.h-", "the name has a label that begins or ends with '-'" },
	{ "--help", "the name has a label that begins or ends with '-'" },
	{ "h*", "the name has a character other than letters, digits, '-', '_' and '.'" },
	{ "h]", "the name has a character other than letters, digits, '-', '_' and '.'" },
	{ "h;reboot", "the name has a character other than letters, digits, '-', '_' and '.'" },
	{ L64, "the name has a label of more than 63 characters" },
	{ N253 "x", "the name is too long" },
	{ "abcdefghijklmnop://" N253 "x:65535", "too long" },
};

static void test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_(difc_address_clear) struct difc_address a = { 0 }, again = { 0 };
		_cleanup_free_ char *formatted = NULL;
		_cleanup_err_ struct err e = { 0 };

		if (difc_address_parse(accepted[i].text, &a, &e) < 0)
			fail_msg("'%s': %s", accepted[i].text, e.message);
		assert_string_equal(a.host, accepted[i].host);
		assert_int_equal(a.port, accepted[i].port);
		assert_int_equal(a.is_host, accepted[i].is_host);
		formatted = difc_address_format(&a);
		assert_string_equal(formatted, accepted[i].formatted);
		assert_int_equal(difc_address_parse(formatted, &again, &e), 0);
		assert_string_equal(again.host, a.host);
		assert_int_equal(again.port, a.port);
	}
}

/* A refusal names field, value and reason, and leaves the result alone. */
static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct difc_address a = { .host = (char *)"untouched", .port = 7 };
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(difc_address_parse(refused[i].text, &a, &e), -EINVAL);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_string_equal(e.subject, "difcProxyHost");
		if (strcmp(e.message, refused[i].reason) != 0)
			fail_msg("'%s': %s", refused[i].text, e.message);
		assert_string_equal(a.host, "untouched");
		assert_int_equal(a.port, 7);
		assert_int_equal(difc_address_parse(refused[i].text, &a, NULL), -EINVAL);
	}
}

/* The value is given back as it was, except when it is too long to be repeated. */
static void test_refused_value(void **state)
{
	_cleanup_free_ char *huge = xcalloc(1 << 20, 1);
	struct difc_address a = { 0 };
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_int_equal(difc_address_parse("H:080", &a, &e), -EINVAL);
	assert_string_equal(e.value, "H:080");
	memset(huge, 'h', (1 << 20) - 1);
	assert_int_equal(difc_address_parse(huge, &a, &e), -EINVAL);
	assert_null(e.value);
	assert_string_equal(e.message, "too long");
}

static const struct {
	const char *text;
	const char *candidates[3];
} tried[] = {
	{ "", { "127.0.0.1", "::1" } },
	{ "localhost", { "127.0.0.1", "::1" } },
	{ "host.docker.internal:1", { "127.0.0.1", "::1" } },
	{ "127.0.0.1", { "127.0.0.1" } },
	{ "127.0.0.2", { "127.0.0.2" } },
	{ "[::1]", { "::1" } },
	{ "proxy.example", { "proxy.example" } },
};

static void test_candidates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tried); i++) {
		_cleanup_(difc_address_clear) struct difc_address a = { 0 };
		_cleanup_strv_ char **candidates = NULL;
		size_t n;

		assert_int_equal(difc_address_parse(tried[i].text, &a, NULL), 0);
		candidates = difc_address_candidates(&a);
		for (n = 0; tried[i].candidates[n]; n++)
			assert_string_equal(candidates[n], tried[i].candidates[n]);
		assert_int_equal(strv_length(candidates), n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_value),
		cmocka_unit_test(test_candidates),
	};

	return RUN_TESTS("difc-address", tests);
}
