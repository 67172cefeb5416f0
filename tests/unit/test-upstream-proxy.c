#include "awfd/upstream-proxy.h"

#include "tests/unit/check.h"

static void test_accepted(void **state _unused_)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		const char *user, *password;
	} rows[] = {
		{ "http://proxy.corp.example:3128", "proxy.corp.example", 3128, NULL, NULL },
		{ "http://proxy.corp.example:3128/", "proxy.corp.example", 3128, NULL, NULL },
		{ "proxy.corp.example:8080", "proxy.corp.example", 8080, NULL, NULL },
		{ "http://Proxy.Corp.Example", "proxy.corp.example", 80, NULL, NULL },
		{ "http://10.77.0.8:3128", "10.77.0.8", 3128, NULL, NULL },
		{ "http://[2001:db8::8]:3128", "2001:db8::8", 3128, NULL, NULL },
		{ "http://me:secret@proxy:3128", "proxy", 3128, "me", "secret" },
		{ "http://me@proxy:3128", "proxy", 3128, "me", "" },
		{ "http://me:a%3Ab%40c@proxy:3128", "proxy", 3128, "me", "a:b@c" },
		{ "ftp.corp.example:3128", "ftp.corp.example", 3128, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(upstream_proxy_clear) struct upstream_proxy p = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (upstream_proxy_parse("f", rows[i].text, &p, &e) < 0)
			fail_msg("'%s': %s", rows[i].text, e.message);
		assert_same_text(p.host, rows[i].host);
		assert_int_equal(p.port, rows[i].port);
		assert_same_text(p.user, rows[i].user);
		assert_same_text(p.password, rows[i].password);
	}
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "https://proxy:3128", "only http://" },
		{ "socks5://proxy:1080", "only http://" },
		{ "file:///etc/passwd", "only http://" },
		{ "http://", "no URL" },
		{ "http://proxy:0", "port" },
		{ "http://proxy:65536", "no URL" },
		{ "http://proxy:x", "no URL" },
		{ "http://proxy:3128/path", "behind" },
		{ "http://proxy:3128/?q", "behind" },
		{ "http://proxy:3128/#f", "behind" },
		{ "http://pro xy:3128", "no URL" },
		{ "http://proxy\n:3128", "no URL" },
		{ "http://pr%6fxy\"x:3128", "no" },
		{ "http://a\"b:3128", "" },
		{ "http://me:a%0Ab@proxy:3128", "decoded" },
		{ "http://me:a%22b@proxy:3128", "character" },
		{ "http://me:a%20b@proxy:3128", "character" },
		{ "http://b\303\274cher:3128", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(upstream_proxy_clear) struct upstream_proxy p = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (upstream_proxy_parse("upstreamProxy", rows[i].text, &p, &e) != -EINVAL)
			fail_msg("'%s' was accepted: host '%s'", rows[i].text, p.host);
		assert_same_text(e.subject, "upstreamProxy");
		assert_text_contains(e.message, rows[i].reason);
		assert_null(p.host);
	}
}

/* An error must not show it: it ends up in logs. */
static void test_password_is_not_told(void **state _unused_)
{
	struct upstream_proxy p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *text = NULL;

	assert_int_equal(upstream_proxy_parse("f", "https://me:secret@proxy:1", &p, &e), -EINVAL);
	text = err_text(&e);
	assert_null(strstr(text, "secret"));
	assert_text_contains(text, "@proxy:1");
}

static void test_format(void **state _unused_)
{
	_cleanup_(upstream_proxy_clear) struct upstream_proxy p = { 0 };
	_cleanup_free_ char *text = NULL;

	assert_int_equal(upstream_proxy_parse("f", "http://me:secret@[2001:db8::8]:3128", &p, NULL),
			 0);
	text = upstream_proxy_format(&p);
	assert_same_text(text, "http://[2001:db8::8]:3128");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_password_is_not_told),
		cmocka_unit_test(test_format),
	};

	return RUN_TESTS("upstream-proxy", tests);
}
