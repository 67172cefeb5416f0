#include "awfd/domain.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define FIELD "allowDomains"

#define L16  "abcdefghijklmnop"
#define L63  L16 L16 L16 "abcdefghijklmno"
#define L64  L16 L16 L16 L16
#define N253 L63 "." L63 "." L63 "." L16 L16 L16 "abcdefghijklm"

#define ADDRESS   "an address is not allowed: write the name, because only names are granted"
#define PORT      "a port is not allowed: names are granted for 80 (http) and 443 (https)"
#define CHARACTER "the name has a character other than letters, digits, '-', '_' and '.'"
#define WHOLE     "this is a whole top-level domain"
#define OVER      "this is a wildcard over a whole top-level domain"
#define LAST_TWO  "a wildcard is not allowed in the last two labels"

static const struct {
	const char *text;
	enum domain_kind kind;
	enum domain_scheme scheme;
	const char *name;
	const char *formatted;
} accepted[] = {
	{ "github.com", DOMAIN_TREE, DOMAIN_ANY, "github.com", "github.com" },
	{ "GitHub.COM", DOMAIN_TREE, DOMAIN_ANY, "github.com", "github.com" },
	{ "github.com.", DOMAIN_TREE, DOMAIN_ANY, "github.com", "github.com" },
	{ "*.github.com", DOMAIN_SUBDOMAINS, DOMAIN_ANY, "github.com", "*.github.com" },
	{ "*.GitHub.com.", DOMAIN_SUBDOMAINS, DOMAIN_ANY, "github.com", "*.github.com" },
	{ "=github.com", DOMAIN_EXACT, DOMAIN_ANY, "github.com", "=github.com" },
	{ "=nexus", DOMAIN_EXACT, DOMAIN_ANY, "nexus", "=nexus" },
	{ "https://github.com", DOMAIN_TREE, DOMAIN_HTTPS, "github.com", "https://github.com" },
	{ "HTTP://github.com", DOMAIN_TREE, DOMAIN_HTTP, "github.com", "http://github.com" },
	{ "https://*.github.com", DOMAIN_SUBDOMAINS, DOMAIN_HTTPS, "github.com",
	  "https://*.github.com" },
	{ "http://=a.example", DOMAIN_EXACT, DOMAIN_HTTP, "a.example", "http://=a.example" },
	{ "api-*.example.com", DOMAIN_PATTERN, DOMAIN_ANY, "api-*.example.com",
	  "api-*.example.com" },
	{ "*.eu-*.example.com", DOMAIN_PATTERN, DOMAIN_ANY, "*.eu-*.example.com",
	  "*.eu-*.example.com" },
	{ "https://a.*.b.example", DOMAIN_PATTERN, DOMAIN_HTTPS, "a.*.b.example",
	  "https://a.*.b.example" },
	{ "a*b*c*d*e*f*g*h*.x.example", DOMAIN_PATTERN, DOMAIN_ANY, "a*b*c*d*e*f*g*h*.x.example",
	  "a*b*c*d*e*f*g*h*.x.example" },
	{ "my_bucket.s3.example", DOMAIN_TREE, DOMAIN_ANY, "my_bucket.s3.example",
	  "my_bucket.s3.example" },
	{ "bücher.example", DOMAIN_TREE, DOMAIN_ANY, "xn--bcher-kva.example",
	  "xn--bcher-kva.example" },
	{ "BÜCHER.example.", DOMAIN_TREE, DOMAIN_ANY, "xn--bcher-kva.example",
	  "xn--bcher-kva.example" },
	{ "*.bücher.example", DOMAIN_SUBDOMAINS, DOMAIN_ANY, "xn--bcher-kva.example",
	  "*.xn--bcher-kva.example" },
	{ "faß.de", DOMAIN_TREE, DOMAIN_ANY, "xn--fa-hia.de", "xn--fa-hia.de" },
	{ "例え。テスト", DOMAIN_TREE, DOMAIN_ANY, "xn--r8jz45g.xn--zckzah",
	  "xn--r8jz45g.xn--zckzah" },
	{ "gіthub.com", DOMAIN_TREE, DOMAIN_ANY, "xn--gthub-n2e.com", "xn--gthub-n2e.com" },
	{ "ｇithub.com", DOMAIN_TREE, DOMAIN_ANY, "github.com", "github.com" },
	{ "xn--bcher-kva.example", DOMAIN_TREE, DOMAIN_ANY, "xn--bcher-kva.example",
	  "xn--bcher-kva.example" },
	{ "1.example", DOMAIN_TREE, DOMAIN_ANY, "1.example", "1.example" },
	{ "1.2.3.4.example", DOMAIN_TREE, DOMAIN_ANY, "1.2.3.4.example", "1.2.3.4.example" },
	{ "a.0xzz", DOMAIN_TREE, DOMAIN_ANY, "a.0xzz", "a.0xzz" },
	{ L63 ".example", DOMAIN_TREE, DOMAIN_ANY, L63 ".example", L63 ".example" },
	{ N253, DOMAIN_TREE, DOMAIN_ANY, N253, N253 },
	{ N253 ".", DOMAIN_TREE, DOMAIN_ANY, N253, N253 },
};

static const struct {
	const char *text;
	const char *reason;
} refused[] = {
	{ "", "there is no name" },
	{ "https://", "there is no name" },
	{ "=", "there is no name" },
	{ "*", LAST_TWO },
	{ "*.*", LAST_TWO },
	{ "*.*.*", LAST_TWO },
	{ "*.com", OVER },
	{ "*.com.", OVER },
	{ "https://*.com", OVER },
	{ "*.c*", LAST_TWO },
	{ "foo.*", LAST_TWO },
	{ "foo*.com", LAST_TWO },
	{ "*.foo.*", LAST_TWO },
	{ "*foo.com", LAST_TWO },
	{ "a.b*.com", LAST_TWO },
	{ "com", WHOLE },
	{ "com.", WHOLE },
	{ "localhost", WHOLE },
	{ "=*.github.com", "an exact name has no wildcard" },
	{ "**.a.github.com", "one '*' is enough" },
	{ "a**b.c.github.com", "one '*' is enough" },
	{ "a*b*c*d*e*f*g*h*i*.x.example", "the name has too many wildcards" },
	{ "a-*.bücher.example", "with a wildcard, write an internationalized name as xn--…" },
	{ "ftp://github.com", "the scheme is neither https:// nor http://" },
	{ "://github.com", "the scheme is neither https:// nor http://" },
	{ "https:// github.com", "spaces are not allowed" },
	{ "https://http://github.com", "a path is not allowed" },
	{ "github.com ", "spaces are not allowed" },
	{ " github.com", "spaces are not allowed" },
	{ "git hub.com", "spaces are not allowed" },
	{ "github.com\n", "control characters are not allowed" },
	{ "github.com\nhttp_access allow all", "control characters are not allowed" },
	{ "github.com\rx", "control characters are not allowed" },
	{ "github.com\tx", "control characters are not allowed" },
	{ "github.com\x7f", "control characters are not allowed" },
	{ "\033[1m.com", "control characters are not allowed" },
	{ "github\xff.com", "this is not UTF-8" },
	{ "\xc0\xae.com", "this is not UTF-8" },
	{ "github.com\xc2\xa0x", CHARACTER },
	{ "a\xe2\x80\xa8.example", "this is not an internationalized name" },
	{ "a\xef\xbc\x8f.example", CHARACTER },
	{ "\xef\xbc\x8a.example", CHARACTER },
	{ "ü\xef\xbc\x82y.example", "this is not an internationalized name" },
	{ "\xef\xbc\x9dgithub.com", CHARACTER },
	{ "ü\"x.example", "quotes are not allowed" },
	{ "\"github.com\"", "quotes are not allowed" },
	{ "'github.com'", "quotes are not allowed" },
	{ "`id`.com", "quotes are not allowed" },
	{ "github.com#x", "a comment is not allowed" },
	{ "github.com,evil.com", "one name only is allowed in each value" },
	{ "github.com;evil.com", "one name only is allowed in each value" },
	{ "github.com|evil.com", "one name only is allowed in each value" },
	{ "github.com:443", PORT },
	{ "github.com:", PORT },
	{ "github.com/path", "a path is not allowed" },
	{ "https://github.com/", "a path is not allowed" },
	{ "github.com?x", "a path is not allowed" },
	{ "github.com\\x", "a path is not allowed" },
	{ "user@github.com", "user information is not allowed" },
	{ "https://user:secret@github.com", "user information is not allowed" },
	{ ".github.com", "write *.NAME for the subdomains, NAME with itself" },
	{ ".", "write *.NAME for the subdomains, NAME with itself" },
	{ "=.", "the name has an empty label" },
	{ "*.", "there is no name" },
	{ "*..com", "the name has an empty label" },
	{ "github..com", "the name has an empty label" },
	{ "github.com..", "the name has an empty label" },
	{ "-github.com", "the name has a label that begins or ends with '-'" },
	{ "github-.com", "the name has a label that begins or ends with '-'" },
	{ "-n.com", "the name has a label that begins or ends with '-'" },
	{ "a.*-.b.com", "the name has a label that begins or ends with '-'" },
	{ "git!hub.com", CHARACTER },
	{ "git$hub.com", CHARACTER },
	{ "git%68ub.com", CHARACTER },
	{ "git(hub).com", CHARACTER },
	{ "git{hub}.com", CHARACTER },
	{ "^github.com$", CHARACTER },
	{ "a=b.com", CHARACTER },
	{ "==github.com", CHARACTER },
	{ "a&b.com", CHARACTER },
	{ "a<b>.com", CHARACTER },
	{ "~a.com", CHARACTER },
	{ "a+b.com", CHARACTER },
	{ "127.0.0.1", ADDRESS },
	{ "127.1", ADDRESS },
	{ "2130706433", ADDRESS },
	{ "0x7f000001", ADDRESS },
	{ "0X7F.1", ADDRESS },
	{ "0x", ADDRESS },
	{ "017700000001", ADDRESS },
	{ "1.2.3.4.", ADDRESS },
	{ "1.2.3.4.5", ADDRESS },
	{ "example.0x1f", ADDRESS },
	{ "*.1.2.3.4", ADDRESS },
	{ "=127.0.0.1", ADDRESS },
	{ "=1", ADDRESS },
	{ "https://8.8.8.8", ADDRESS },
	{ "１２７.0.0.1", ADDRESS },
	{ "1*.2.3.4", ADDRESS },
	{ "::1", ADDRESS },
	{ "2001:db8::1", ADDRESS },
	{ "::ffff:10.0.0.1", ADDRESS },
	{ "[::1]", ADDRESS },
	{ "[::1]:443", ADDRESS },
	{ "https://[2001:db8::1]", ADDRESS },
	{ L64 ".example", "the name has a label of more than 63 characters" },
	{ N253 "x", "the name is too long" },
	{ "a." N253, "the name is too long" },
};

static void test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_(domain_clear) struct domain d = { 0 }, again = { 0 };
		_cleanup_free_ char *formatted = NULL;
		_cleanup_err_ struct err e = { 0 };

		if (domain_parse(FIELD, accepted[i].text, &d, &e) < 0)
			fail_msg("'%s': %s", accepted[i].text, e.message);
		assert_row(accepted[i].text, d.kind == accepted[i].kind);
		assert_row(accepted[i].text, d.scheme == accepted[i].scheme);
		assert_string_equal(d.name, accepted[i].name);
		formatted = domain_format(&d);
		assert_string_equal(formatted, accepted[i].formatted);
		assert_int_equal(domain_parse(FIELD, formatted, &again, &e), 0);
		assert_row(formatted, again.kind == d.kind && again.scheme == d.scheme);
		assert_string_equal(again.name, d.name);
	}
}

/* A refusal names field, value and reason, and leaves the result alone. */
static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct domain d = { .name = (char *)"untouched" };
		_cleanup_err_ struct err e = { 0 };

		assert_row(refused[i].text,
			   domain_parse(FIELD, refused[i].text, &d, &e) == -EINVAL);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_string_equal(e.subject, FIELD);
		assert_string_equal(e.value, refused[i].text);
		if (strcmp(e.message, refused[i].reason) != 0)
			fail_msg("'%s': %s", refused[i].text, e.message);
		assert_string_equal(d.name, "untouched");
		assert_int_equal(domain_parse(FIELD, refused[i].text, &d, NULL), -EINVAL);
	}
}

static void test_huge(void **state)
{
	_cleanup_free_ char *huge = xcalloc(1 << 20, 1);
	struct domain d = { 0 };
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	memset(huge, 'h', (1 << 20) - 1);
	assert_int_equal(domain_parse(FIELD, huge, &d, &e), -EINVAL);
	assert_null(e.value);
	assert_string_equal(e.message, "too long");
}

static const struct {
	const char *domain;
	const char *host;
	bool matches;
} matched[] = {
	{ "github.com", "github.com", true },
	{ "github.com", "api.github.com", true },
	{ "github.com", "a.b.github.com", true },
	{ "github.com", "notgithub.com", false },
	{ "github.com", "github.com.evil.example", false },
	{ "github.com", ".github.com", false },
	{ "github.com", "com", false },
	{ "github.com", "", false },
	{ "*.github.com", "github.com", false },
	{ "*.github.com", "api.github.com", true },
	{ "*.github.com", "a.b.github.com", true },
	{ "*.github.com", "evilgithub.com", false },
	{ "=github.com", "github.com", true },
	{ "=github.com", "api.github.com", false },
	{ "https://github.com", "api.github.com", true },
	{ "api-*.example.com", "api-1.example.com", true },
	{ "api-*.example.com", "api-.example.com", true },
	{ "api-*.example.com", "api-a-b_c.example.com", true },
	{ "api-*.example.com", "api.example.com", false },
	{ "api-*.example.com", "api-1.x.example.com", false },
	{ "api-*.example.com", "x.api-1.example.com", false },
	{ "api-*.example.com", "api-1.example.com.evil.example", false },
	{ "api-*.example.com", "api-1xexample.com", false },
	{ "*.eu-*.example.com", "a.eu-1.example.com", true },
	{ "*.eu-*.example.com", ".eu-1.example.com", false },
	{ "*.eu-*.example.com", "eu-1.example.com", false },
	{ "*.eu-*.example.com", "a.b.eu-1.example.com", false },
	{ "a*b.x.example", "ab.x.example", true },
	{ "a*b.x.example", "aab.x.example", true },
	{ "a*b.x.example", "abbab.x.example", true },
	{ "a*b.x.example", "abc.x.example", false },
	{ "a*b*c.x.example", "a1b2b3c.x.example", true },
	{ "a*b*c.x.example", "acb.x.example", false },
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(matched); i++) {
		_cleanup_(domain_clear) struct domain d = { 0 };

		assert_int_equal(domain_parse(FIELD, matched[i].domain, &d, NULL), 0);
		if (domain_matches(&d, matched[i].host) != matched[i].matches)
			fail_msg("'%s' and '%s'", matched[i].domain, matched[i].host);
	}
}

static void test_localhost(void **state)
{
	(void)state;
	assert_true(domain_is_localhost("localhost"));
	assert_true(domain_is_localhost("LocalHost."));
	assert_false(domain_is_localhost("localhost.example"));
	assert_false(domain_is_localhost(""));
}

static void test_list(void **state)
{
	char *const texts[] = { (char *)"b.example",   (char *)"a.example",
				(char *)"B.example.",  (char *)"https://b.example",
				(char *)"*.b.example", NULL };
	_cleanup_(domain_list_clear) struct domain_list list = { 0 };

	(void)state;
	assert_int_equal(domain_list_parse(FIELD, texts, &list, NULL), 0);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[0].name, "b.example");
	assert_string_equal(list.items[1].name, "a.example");
	assert_int_equal(list.items[2].scheme, DOMAIN_HTTPS);
	assert_int_equal(list.items[3].kind, DOMAIN_SUBDOMAINS);
}

static void test_list_of_nothing(void **state)
{
	_cleanup_(domain_list_clear) struct domain_list list = { 0 };

	(void)state;
	assert_int_equal(domain_list_parse(FIELD, NULL, &list, NULL), 0);
	assert_int_equal(list.count, 0);
}

static void test_list_refused(void **state)
{
	char *const texts[] = { (char *)"a.example", (char *)"*", NULL };
	struct domain_list list = { .count = 7 };
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_int_equal(domain_list_parse(FIELD, texts, &list, &e), -EINVAL);
	assert_string_equal(e.value, "*");
	assert_int_equal(list.count, 7);
}

static void test_list_limit(void **state)
{
	_cleanup_(domain_list_clear) struct domain_list list = { 0 };
	_cleanup_strv_ char **texts = NULL;
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	for (int i = 0; i < DOMAINS_MAX; i++)
		strv_appendf(&texts, "d%d.example", i);
	assert_int_equal(domain_list_parse(FIELD, texts, &list, &e), 0);
	assert_int_equal(list.count, DOMAINS_MAX);
	strv_append(&texts, "more.example");
	assert_int_equal(domain_list_parse(FIELD, texts, &list, &e), -EINVAL);
	assert_string_equal(e.message, "more than 1024 names");
	assert_int_equal(list.count, DOMAINS_MAX);
}

static const struct {
	const char *wide, *narrow;
	bool covers;
} covers[] = {
	{ "a.example", "a.example", true },
	{ "a.example", "=a.example", true },
	{ "a.example", "*.a.example", true },
	{ "a.example", "x.a.example", true },
	{ "a.example", "x-*.a.example", true },
	{ "a.example", "https://a.example", true },
	{ "a.example", "ba.example", false },
	{ "a.example", "b.example", false },
	{ "x.a.example", "a.example", false },
	{ "*.a.example", "a.example", false },
	{ "*.a.example", "=a.example", false },
	{ "*.a.example", "*.a.example", true },
	{ "*.a.example", "x.a.example", true },
	{ "*.a.example", "*.x.a.example", true },
	{ "=a.example", "=a.example", true },
	{ "=a.example", "a.example", false },
	{ "=a.example", "=x.a.example", false },
	{ "x-*.a.example", "=x-1.a.example", true },
	{ "x-*.a.example", "x-1.a.example", false }, /* and what is below it */
	{ "x-*.a.example", "=y-1.a.example", false },
	{ "x-*.a.example", "x-*.a.example", true },
	{ "x-*.a.example", "x-1*.a.example", false },
	{ "https://a.example", "https://a.example", true },
	{ "https://a.example", "a.example", false },
	{ "https://a.example", "http://a.example", false },
};

static void test_covers(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(covers); i++) {
		_cleanup_(domain_clear) struct domain wide = { 0 }, narrow = { 0 };

		assert_int_equal(domain_parse("x", covers[i].wide, &wide, NULL), 0);
		assert_int_equal(domain_parse("x", covers[i].narrow, &narrow, NULL), 0);
		if (domain_covers(&wide, &narrow) != covers[i].covers)
			fail_msg("%s and %s", covers[i].wide, covers[i].narrow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers),       cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_huge),
		cmocka_unit_test(test_matches),      cmocka_unit_test(test_localhost),
		cmocka_unit_test(test_list),         cmocka_unit_test(test_list_of_nothing),
		cmocka_unit_test(test_list_refused), cmocka_unit_test(test_list_limit),
	};

	return RUN_TESTS("domain", tests);
}
