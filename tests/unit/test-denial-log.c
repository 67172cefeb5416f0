/* denial-log: what awfd wrote to a log is what another one reads, and nothing else is. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "awfd/denial-log.h"
#include "common/alloc.h"

#define SQUID                                                                                      \
	"{\"time\":\"2026-11-26T10:00:00.123Z\",\"from\":\"agent\",\"method\":\"CONNECT\","        \
	"\"host\":\"evil.example\",\"port\":443,\"decision\":\"denied\",\"reason\":\"%s\",%s"      \
	"\"status\":403,\"bytesIn\":1,\"bytesOut\":2}"

#define FIREWALL                                                                                   \
	"{\"time\":\"2026-11-26T10:00:00.123Z\",\"container\":\"squid\",\"protocol\":\"tcp\","     \
	"\"source\":\"172.30.0.10\",\"destination\":\"10.0.0.1\",\"port\":22,\"rule\":\"private\"}"

#define TIME_MS INT64_C(1795687200123)

static void check_texts(const struct denial *d, const char *from, const char *protocol,
			const char *host, const char *reason)
{
	assert_int_equal(d->time_ms, TIME_MS);
	assert_string_equal(d->from, from);
	assert_string_equal(d->protocol, protocol);
	assert_string_equal(d->host, host);
	assert_string_equal(d->reason, reason);
}

static void test_squid(void **state _unused_)
{
	_cleanup_free_ char *plain = xasprintf(SQUID, DENIAL_NOT_ALLOWED, ""),
			    *ruled = xasprintf(SQUID, "blocked",
					       "\"sni\":\"a.example\",\"rule\":\"*.example\",");
	struct denial d;

	assert_int_equal(denial_log_parse(DENIAL_SQUID, plain, &d), 1);
	check_texts(&d, "agent", "CONNECT", "evil.example", DENIAL_NOT_ALLOWED);
	assert_int_equal(d.port, 443);
	assert_null(d.sni);
	denial_log_clear(&d);
	assert_int_equal(denial_log_parse(DENIAL_SQUID, ruled, &d), 1);
	check_texts(&d, "agent", "CONNECT", "evil.example", "blocked by *.example");
	assert_string_equal(d.sni, "a.example");
	denial_log_clear(&d);
}

static void test_firewall(void **state _unused_)
{
	struct denial d;

	assert_int_equal(denial_log_parse(DENIAL_FIREWALL, FIREWALL, &d), 1);
	check_texts(&d, "squid", "tcp", "10.0.0.1", DENIAL_PRIVATE);
	assert_int_equal(d.source, DENIAL_FIREWALL);
	assert_int_equal(d.port, 22);
	denial_log_clear(&d);
}

static void test_other_lines(void **state _unused_)
{
	struct denial d;

	assert_int_equal(
		denial_log_parse(DENIAL_SQUID, "{\"event\":\"lines_lost\",\"count\":3}", &d), 0);
	assert_int_equal(denial_log_parse(DENIAL_FIREWALL, "{\"event\":\"log_full\"}", &d), 0);
	assert_int_equal(
		denial_log_parse(DENIAL_SQUID,
				 "{\"time\":\"2026-11-26T10:00:00.123Z\",\"from\":\"agent\","
				 "\"method\":\"GET\",\"host\":\"a.example\",\"port\":80,"
				 "\"decision\":\"allowed\",\"status\":200}",
				 &d),
		0);
}

/* Its owner may have written anything. */
static void test_refused(void **state _unused_)
{
	static const char *const lines[] = {
		"",
		"{",
		"[]",
		"3\"}",
		"{\"decision\":\"denied\"}",
		"{\"decision\":\"denied\",\"unknown\":1}",
		"{\"time\":\"2026-11-26T10:00:00Z\",\"from\":\"agent\",\"method\":\"GET\","
		"\"host\":\"a\",\"port\":1,\"decision\":\"denied\",\"reason\":\"x\"}",
		"{\"time\":\"2026-11-26T10:00:00.123Z\",\"from\":\"agent\",\"method\":\"GET\","
		"\"host\":\"a\",\"port\":65536,\"decision\":\"denied\",\"reason\":\"x\"}",
		"{\"time\":\"2026-11-26T10:00:00.123Z\",\"from\":\"agent\",\"method\":\"GET\","
		"\"host\":\"a\\u001b\",\"port\":1,\"decision\":\"denied\",\"reason\":\"x\"}",
		"{\"time\":\"2026-11-26T10:00:00.123Z\",\"from\":\"agent\",\"method\":\"GET\","
		"\"port\":1,\"decision\":\"denied\",\"reason\":\"x\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct denial d;

		if (denial_log_parse(DENIAL_SQUID, lines[i], &d) != -EINVAL)
			fail_msg("not refused: %s", lines[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_squid),
		cmocka_unit_test(test_firewall),
		cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_refused),
	};

	return RUN_TESTS("denial-log", tests);
}
