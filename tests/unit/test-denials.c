/* denials: aggregation, the bound, and what would grant a refusal. */
#include "tests/unit/check.h"

#include "awfd/denials.h"

static const struct denial example = {
	.time_ms = 1000,
	.source = DENIAL_SQUID,
	.from = "agent",
	.protocol = "CONNECT",
	.host = "evil.example",
	.port = 443,
	.reason = DENIAL_NOT_ALLOWED,
};

static void test_same_attempts_are_one_entry(void **state _unused_)
{
	struct denials *d = denials_new();
	struct denial later = example;
	const struct denial *entry;

	later.time_ms = 5000;
	assert_non_null(denials_add(d, &example));
	entry = denials_add(d, &later);
	assert_int_equal(denials_count(d), 1);
	assert_int_equal(entry->count, 2);
	assert_int_equal(entry->time_ms, 5000);
	denials_free(d);
}

/* Whatever differs, it is another entry. */
static void test_different_attempts_are_not(void **state _unused_)
{
	struct denials *d = denials_new();
	struct denial others[] = { example, example, example, example, example, example, example };

	others[1].source = DENIAL_FIREWALL;
	others[2].from = "cli-proxy";
	others[3].protocol = "GET";
	others[4].host = "other.example";
	others[5].port = 444;
	others[6].sni = "front.example";
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_non_null(denials_add(d, &others[i]));
	assert_int_equal(denials_count(d), ARRAY_SIZE(others));
	assert_string_equal(denials_get(d, 6)->sni, "front.example");
	denials_free(d);
}

static void test_the_list_is_bounded(void **state _unused_)
{
	struct denials *d = denials_new();
	struct denial one = example;

	for (unsigned port = 1; port <= DENIALS_MAX + 3; port++) {
		one.port = (uint16_t)port;
		if (port <= DENIALS_MAX)
			assert_non_null(denials_add(d, &one));
		else
			assert_null(denials_add(d, &one));
	}
	one.port = 1; /* known ones still count */
	assert_int_equal(denials_add(d, &one)->count, 2);
	assert_int_equal(denials_count(d), DENIALS_MAX);
	assert_int_equal(denials_lost(d), 3);
	denials_free(d);
}

static void test_grants(void **state _unused_)
{
	static const struct {
		const char *host, *reason;
		uint16_t port;
		const char *grant;
		const char *from; /* NULL: agent */
	} cases[] = {
		{ "evil.example", DENIAL_NOT_ALLOWED, 443, "--allow-domains evil.example", NULL },
		{ "evil.example", DENIAL_NOT_ALLOWED, 443, NULL, "cli-proxy" },
		{ "git.corp.example", DENIAL_PRIVATE, 443, "--allow-private git.corp.example",
		  NULL },
		{ "host.docker.internal", DENIAL_NOT_ALLOWED, 3000,
		  "--enable-host-access --allow-host-ports 3000", NULL },
		{ "localhost", DENIAL_NOT_ALLOWED, 80, "--enable-host-access --allow-host-ports 80",
		  NULL },
		{ "203.0.113.80", DENIAL_NOT_ALLOWED, 443, NULL, NULL },
		{ "0x7f.1", DENIAL_NOT_ALLOWED, 443, NULL, NULL },
		{ "2001:db8::1", DENIAL_NOT_ALLOWED, 443, NULL, NULL },
		{ "evil.example", "blocked by evil.example", 443, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct denial d = example;
		_cleanup_free_ char *grant = NULL;

		if (cases[i].from)
			d.from = cases[i].from;
		d.host = cases[i].host;
		d.reason = cases[i].reason;
		d.port = cases[i].port;
		grant = denial_grant(&d);
		if (cases[i].grant)
			assert_string_equal(grant, cases[i].grant);
		else
			assert_null(grant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_attempts_are_one_entry),
		cmocka_unit_test(test_different_attempts_are_not),
		cmocka_unit_test(test_the_list_is_bounded),
		cmocka_unit_test(test_grants),
	};

	return RUN_TESTS("denials", tests);
}
