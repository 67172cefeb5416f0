#include "awfd/resolvers.h"

#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/unit/check.h"

static char *joined(char *const *v)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	for (; v && *v; v++)
		strbuf_appendf(&b, "%s%s", b.length ? "," : "", *v);
	return strbuf_take(&b);
}

static void test_what_users_name(void **state _unused_)
{
	static const struct {
		const char *text, *servers, *reason; /* one of the last two */
	} rows[] = {
		{ "8.8.8.8", "8.8.8.8", NULL },
		{ "8.8.8.8,2001:4860:4860::8888", "8.8.8.8,2001:4860:4860::8888", NULL },
		{ "10.0.0.2", "10.0.0.2", NULL }, /* most companies' are private */
		{ "2001:DB8:0::1", "2001:db8::1", NULL },
		{ "", NULL, "no IP address" },
		{ "8.8.8.8,", NULL, "no IP address" },
		{ "dns.google", NULL, "no IP address" },
		{ "8.8.8.8:53", NULL, "no IP address" },
		{ " 8.8.8.8", NULL, "no IP address" },
		{ "8.8.8.8\nhttp_access allow all", NULL, "no IP address" },
		{ "010.0.0.2", NULL, "no IP address" },
		{ "127.0.0.53", NULL, "loopback" },
		{ "0.0.0.0", NULL, "loopback" },
		{ "::1", NULL, "loopback" },
		{ "::", NULL, "loopback" },
		{ "::ffff:8.8.8.8", NULL, "without IPv6" },
		{ "169.254.169.254", NULL, "link-local" },
		{ "fe80::1", NULL, "link-local" },
		{ "224.0.0.251", NULL, "multicast" },
		{ "255.255.255.255", NULL, "multicast" },
		{ "ff02::fb", NULL, "multicast" },
		{ "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9", NULL,
		  "more than 8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *const texts[] = { (char *)rows[i].text, NULL };
		_cleanup_strv_ char **servers = NULL;
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *text = NULL;
		int r = resolvers_parse("dnsServers", texts, &servers, &e);

		if (rows[i].reason) {
			assert_int_equal(r, -EINVAL);
			assert_same_text(e.subject, "dnsServers");
			assert_text_contains(e.message, rows[i].reason);
			continue;
		}
		assert_int_equal(r, 0);
		text = joined(servers);
		assert_same_text(text, rows[i].servers);
	}
}

static void test_resolv_conf(void **state _unused_)
{
	static const struct {
		const char *text, *servers;
	} rows[] = {
		{ "nameserver 10.77.0.2\n", "10.77.0.2" },
		{ "# nameserver 1.1.1.1\nsearch example\nnameserver\t9.9.9.9 # comment\n",
		  "9.9.9.9" },
		{ "nameserver 127.0.0.53\noptions edns0\n", "" },
		{ "nameserver 127.0.0.53\nnameserver 2001:db8::1\n", "2001:db8::1" },
		{ "nameserver fe80::1%eth0\nnameserver 192.0.2.1", "192.0.2.1" },
		{ "nameservers 192.0.2.1\nnameserver\nnameserver x\n", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ char **servers = resolvers_from_conf(rows[i].text);
		_cleanup_free_ char *text = joined(servers);

		assert_same_text(text, rows[i].servers);
	}
}

static void put_file(const char *root, const char *path, const char *text)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);
	_cleanup_err_ struct err e = { 0 };

	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_int_equal(file_mkdir(full, 0755, &e), 0);
		*slash = '/';
	}
	assert_int_equal(file_write_atomic(full, 0644, text, strlen(text), &e), 0);
}

/* Behind systemd-resolved, the servers that it asks. */
static void test_of_host(void **state _unused_)
{
	_cleanup_scratch_ char *root = scratch_new();
	_cleanup_strv_ char **plain = NULL, **behind = NULL;
	_cleanup_err_ struct err e = { 0 };
	char **none = NULL;

	assert_int_equal(resolvers_of_host(root, &none, &e), -ENOENT);
	assert_text_contains(e.message, "--dns-servers");
	put_file(root, "/etc/resolv.conf", "nameserver 127.0.0.53\n");
	assert_int_equal(resolvers_of_host(root, &none, &e), -ENOENT);
	put_file(root, "/run/systemd/resolve/resolv.conf", "nameserver 10.77.0.2\n");
	assert_int_equal(resolvers_of_host(root, &behind, &e), 0);
	assert_same_text(behind[0], "10.77.0.2");
	put_file(root, "/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(resolvers_of_host(root, &plain, &e), 0);
	assert_same_text(plain[0], "192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_users_name),
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_of_host),
	};

	return RUN_TESTS("resolvers", tests);
}
