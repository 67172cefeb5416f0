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

#define LONG_PART "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define LONG      LONG_PART LONG_PART LONG_PART LONG_PART LONG_PART

static const struct {
	const char *reference;
	bool pullable;
} pullables[] = {
	{ "debian:latest", true },
	{ "debian@sha256:" HEX, true },
	{ "a/b/c:1", true },
	{ "ghcr.io/a/b:1.2_3-X", true },
	{ "localhost/x:1", true },
	{ "localhost:5000/x:1", true },
	{ "10.0.0.1:5000/a__b/c-d.e@sha256:" HEX, true },
	{ "sha256:" HEX, false }, /* an id */
	{ "debian", false },      /* not normal */
	{ "debian:", false },
	{ "debian:-x", false },
	{ "debian:.x", false },
	{ "debian:a b", false },
	{ "debian:a%2f", false },
	{ "debian@sha256:0123", false },
	{ "debian@md5:" HEX, false },
	{ "debian@" HEX, false },
	{ "debian@sha256:" HEX "@sha256:" HEX, false },
	{ ":latest", false },
	{ "Debian:1", false },
	{ "Evil/x:1", false }, /* a registry for some engines, a name for others */
	{ "/x:1", false },
	{ "x/:1", false },
	{ "a//b:1", false },
	{ "a/../b:1", false },
	{ "a/./b:1", false },
	{ "..:1", false },
	{ "-a:1", false },
	{ "a/_b:1", false },
	{ "a/b-/c:1", false },
	{ "a/b:5000/c:1", false },
	{ "host:/c:1", false },
	{ "host:x/c:1", false },
	{ "host:1:2/c:1", false },
	{ "[::1]:5000/c:1", false },
	{ "a b:1", false },
	{ "a\nb:1", false },
	{ "\xc3\xbc:1", false },
	{ "user@ghcr.io/x:1", false },
	{ "http://ghcr.io/x:1", false },
	{ LONG ":1", true },
	{ LONG "abcdef:1", false },
	{ "x:" LONG_PART LONG_PART "abcdefghijabcdefghijabcdefgh", true },
	{ "x:" LONG_PART LONG_PART "abcdefghijabcdefghijabcdefghi", false },
};

static void test_pullable(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(pullables); i++)
		assert_row(pullables[i].reference,
			   image_reference_is_pullable(pullables[i].reference) ==
				   pullables[i].pullable);
}

static const struct {
	const char *word, *reference;
	bool comes;
} origins[] = {
	{ "ghcr.io", "ghcr.io/x:1", true },
	{ "ghcr.io", "ghcr.io/a/b@sha256:" HEX, true },
	{ "ghcr.io/team", "ghcr.io/team/x:1", true },
	{ "ghcr.io/team/x", "ghcr.io/team/x:1", true },
	{ "ghcr.io/team", "ghcr.io/teams/x:1", false },
	{ "ghcr.io/team", "ghcr.io/x:1", false },
	{ "ghcr.io/team", "ghcr.io/team/../x:1", false },
	{ "ghcr.io", "ghcr.io.evil.example/x:1", false },
	{ "ghcr.io", "evil.example/ghcr.io/x:1", false },
	{ "ghcr.io", "x:1", false },
	{ "localhost:5000", "localhost:5000/x:1", true },
	{ "localhost:5000", "localhost:50001/x:1", false },
	{ "localhost", "localhost:5000/x:1", false },
	{ "docker.io", "debian:12", true },
	{ "docker.io", "index.docker.io/a/b:1", true },
	{ "docker.io/library", "debian:12", true },
	{ "docker.io/library/debian", "docker.io/debian:12", true },
	{ "docker.io/library", "evil/debian:12", false },
	{ "docker.io/team", "team/x:1", true },
	{ "docker.io", "sha256:" HEX, false },
};

static void test_origins(void **state _unused_)
{
	static const char *const none[] = { "",
					    "debian",
					    "a/b",
					    "GHCR.io",
					    "ghcr.io/",
					    "ghcr.io/*",
					    "ghcr.io/a:1/b",
					    "https://ghcr.io",
					    "ghcr.io/../x" };

	for (size_t i = 0; i < ARRAY_SIZE(origins); i++) {
		assert_row(origins[i].word, image_reference_is_origin(origins[i].word));
		assert_row(origins[i].reference,
			   image_reference_comes_from(origins[i].word, origins[i].reference) ==
				   origins[i].comes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_row(none[i], !image_reference_is_origin(none[i]));
}

static void test_own(void **state _unused_)
{
	static const char *const own[] = { "awf/squid:latest", "awf/x@sha256:" HEX,
					   "docker.io/awf/squid:latest",
					   "index.docker.io/awf/squid:latest" };
	static const char *const others[] = { "awf:latest", "awfx/squid:latest", "x/awf/squid:1",
					      "ghcr.io/awf/squid:latest", "library/awf:1" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		assert_row(own[i], image_reference_is_own(own[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_row(others[i], !image_reference_is_own(others[i]));
	assert_same_text(image_reference_digest("a@sha256:" HEX), "sha256:" HEX);
	assert_null(image_reference_digest("a:1"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),    cmocka_unit_test(test_pullable),
		cmocka_unit_test(test_origins),  cmocka_unit_test(test_own),
		cmocka_unit_test(test_patterns),
	};

	return RUN_TESTS("image-reference", tests);
}
