#include "awfd/image-reference.h"

#include "tests/unit/check.h"

#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *text, *normal;
} forms[] = {
	{ "debian", "debian:latest" },
	{ "debian:12", "debian:12" },
	{ "awf/agent", "awf/agent:latest" },
	{ "host:5000/a/b", "host:5000/a/b:latest" },
	{ "host:5000/a/b:c", "host:5000/a/b:c" },
	{ "debian@sha256:" HEX, "debian@sha256:" HEX },
	{ "debian:12@sha256:" HEX, "debian@sha256:" HEX },
	{ "h:5000/d:12@sha256:" HEX, "h:5000/d@sha256:" HEX },
	{ "sha256:" HEX, "sha256:" HEX },
	{ HEX, "sha256:" HEX },
	{ "0123456789ab", "0123456789ab:latest" }, /* no abbreviated id */
	{ "sha256:0123", "sha256:0123" },          /* a tag, not an id */
	{ "", ":latest" },
	{ "host", "host" }, /* no image, and none of that name without a tag */
	{ "host:latest", "host:latest" },
	{ "host/host", "host/host:latest" },
};

static void test_forms(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *normal = image_reference_normalize(forms[i].text);
		_cleanup_free_ char *again = image_reference_normalize(normal);

		assert_same_text(normal, forms[i].normal);
		assert_same_text(again, normal);
	}
}

static const struct {
	const char *pattern, *reference;
	bool matches;
} rows[] = {
	{ "debian", "debian:latest", true },
	{ "debian", "debian:12", false },
	{ "debian:*", "debian:12", true },
	{ "debian:1?", "debian:12", true },
	{ "debian:1[12]", "debian:13", false },
	{ "debian*:*", "debian-evil:12", true },
	{ "*:*", "a/b:1", false },
	{ "a/*:*", "a/b:1", true },
	{ "a/*:*", "a/b/c:1", false },
	{ "debian:*", "debian@sha256:" HEX, false },
	{ "*", "debian@sha256:" HEX, false },
	{ "debian@sha256:*", "debian@sha256:" HEX, true },
	{ "debian@sha256:" HEX, "debian@sha256:" HEX, true },
	{ "debian:12@sha256:" HEX, "debian@sha256:" HEX, true },
	{ "debian@sha256:" HEX, "ubuntu@sha256:" HEX, false },
	{ "@sha256:" HEX, "any/thing@sha256:" HEX, true },
	{ "@sha256:" HEX, "any/thing@sha256:" OTHER, false },
	{ "@sha256:" HEX, "sha256:" HEX, false },
	{ "sha256:" HEX, "sha256:" HEX, true },
	{ HEX, "sha256:" HEX, true },
	{ "sha256:*", "sha256:" HEX, false },
	{ "*:*", "sha256:" HEX, false },
	{ "sha256:" HEX, "a@sha256:" HEX, false },
	{ "Debian", "debian:latest", false },
	{ "host", "host", true },
	{ "host", "host:latest", false },
	{ "host:latest", "host", false },
	{ "host:latest", "host:latest", true },
	{ "h*", "host", false },
	{ "*:*", "host", false },
	{ "awf/agent", "host", false },
};

static void test_patterns(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (image_reference_matches(rows[i].pattern, rows[i].reference) != rows[i].matches)
			fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].reference);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_patterns),
	};

	return RUN_TESTS("image-reference", tests);
}
