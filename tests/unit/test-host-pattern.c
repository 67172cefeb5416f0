#include "awfd/host-pattern.h"

#include "tests/unit/check.h"

static const struct {
	const char *text;
	bool is_valid;
} patterns[] = {
	{ "*", true },
	{ "*:80", true },
	{ "localhost", true },
	{ "localhost:1024-65535", true },
	{ "a.example", true },
	{ "*.a.example:443", true },
	{ "10.0.0.1", true },
	{ "10.0.0.0/8:80", true },
	{ "[fd00::/8]:18443", true },
	{ "[::1]", true },
	{ "A.Example", true },
	{ "", false },
	{ ":80", false },
	{ "a:0", false },
	{ "a:65536", false },
	{ "a:80-79", false },
	{ "a:", false },
	{ "a:80:81", false },
	{ "fd00::1", false },
	{ "[fd00::1", false },
	{ "[10.0.0.1]", false },
	{ "[a]", false },
	{ "10.0.0.1/8", false },
	{ "10.*", false },
	{ "10.0.0", false },
	{ "a*.example", false },
	{ "*.", false },
	{ "*.*.example", false },
	{ "a..example", false },
	{ "http://a", false },
	{ "a/b", false },
	{ "u@a", false },
	{ "[::1]x", false },
	{ "10.0.0.256", false },
	{ "*.10.0.0.1", false },
};

static void test_valid(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		assert_row(patterns[i].text,
			   host_pattern_is_valid(patterns[i].text) == patterns[i].is_valid);
}

static const struct {
	const char *pattern, *value;
	bool matches;
} rows[] = {
	{ "*", "anything:1", true },
	{ "*", "10.0.0.1:1", true },
	{ "*:80", "a:80", true },
	{ "*:80", "a:81", false },
	{ "a.example", "a.example:65535", true },
	{ "a.example:80-90", "a.example:90", true },
	{ "a.example:80-90", "a.example:91", false },
	{ "A.example", "a.EXAMPLE:1", true },
	{ "a.example", "b.a.example:1", false },
	{ "*.a.example", "b.a.example:1", true },
	{ "*.a.example", "c.b.a.example:1", true },
	{ "*.a.example", "a.example:1", false },
	{ "*.a.example", "ba.example:1", false },
	{ "*.a.example", ".a.example:1", false },
	{ "10.0.0.0/8", "10.255.0.1:1", true },
	{ "10.0.0.0/8", "11.0.0.1:1", false },
	{ "10.0.0.0/8", "10.evil.example:1", false },
	{ "10.0.0.0/32", "10.0.0.0/8:1", false },
	{ "10.0.0.1:22", "10.0.0.1:22", true },
	{ "[fd00::/8]:443", "[fd12::1]:443", true },
	{ "[fd00::/8]:443", "[fe80::1]:443", false },
	{ "[::1]", "[0:0:0:0:0:0:0:1]:1", true },
	{ "localhost", "127.0.0.1:1", false },
	{ "127.0.0.1", "localhost:1", false },
	{ "a", "a:0", false },
	{ "a", "", false },
};

static void test_matches(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (host_pattern_matches(rows[i].pattern, rows[i].value) != rows[i].matches)
			fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].value);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_matches),
	};

	return RUN_TESTS("host-pattern", tests);
}
