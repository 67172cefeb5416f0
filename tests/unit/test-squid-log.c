#include "awfd/squid-log.h"

#include "awfd/denials.h"
#include "tests/unit/check.h"

/* Lines as squid 5.7 wrote them. */
static const struct {
	const char *line;
	struct squid_event event;
} events[] = {
	{ "1795644063177 172.30.0.20 CONNECT a.example 443 a.example 200 TCP_TUNNEL splice allowed "
	  "https://a.example - 723 1734",
	  { 1795644063177, SQUID_ALLOWED, "172.30.0.20", "CONNECT", "a.example", 443, "a.example",
	    "https://a.example", NULL, 200, 723, 1734 } },
	{ "1795644041222 172.30.0.20 CONNECT down.example 443 down.example 503 NONE_NONE splice "
	  "allowed down.example - 0 0",
	  { 1795644041222, SQUID_ALLOWED, "172.30.0.20", "CONNECT", "down.example", 443,
	    "down.example", "down.example", NULL, 503, 0, 0 } },
	{ "1795644041082 172.30.0.20 GET evil.test 80 - 403 TCP_DENIED - not-allowed - "
	  "ERR_ACCESS_DENIED 119 269",
	  { 1795644041082, SQUID_NOT_ALLOWED, "172.30.0.20", "GET", "evil.test", 80, NULL, NULL,
	    "ERR_ACCESS_DENIED", 403, 119, 269 } },
	{ "1795644041082 172.30.0.20 CONNECT b.a.example 443 - 403 NONE_NONE splice blocked "
	  "*.a.example ERR_FORWARDING_DENIED 138 0",
	  { 1795644041082, SQUID_BLOCKED, "172.30.0.20", "CONNECT", "b.a.example", 443, NULL,
	    "*.a.example", "ERR_FORWARDING_DENIED", 403, 138, 0 } },
	{ "1795644064302 172.30.0.20 CONNECT a.example 443 other.example 200 NONE_NONE terminate "
	  "sni-mismatch a.example - 122 0",
	  { 1795644064302, SQUID_SNI, "172.30.0.20", "CONNECT", "a.example", 443, "other.example",
	    "a.example", NULL, 200, 122, 0 } },
	{ "1 172.30.0.20 GET %5B2001:db8::80%5D 80 - 403 TCP_DENIED - not-allowed - "
	  "ERR_ACCESS_DENIED 129 344",
	  { 1, SQUID_NOT_ALLOWED, "172.30.0.20", "GET", "[2001:db8::80]", 80, NULL, NULL,
	    "ERR_ACCESS_DENIED", 403, 129, 344 } },
	{ "1 172.30.0.20 GET a.example 80 - 501 NONE_NONE - - - ERR_UNSUP_REQ 87 268",
	  { 1, SQUID_INVALID, "172.30.0.20", "GET", "a.example", 80, NULL, NULL, "ERR_UNSUP_REQ",
	    501, 87, 268 } },
	{ "1 172.30.0.20 CONNECT a.example 443 %ff%fe%c3%a9 200 NONE_NONE terminate sni-mismatch "
	  "a.example - 1 0",
	  { 1, SQUID_SNI, "172.30.0.20", "CONNECT", "a.example", 443, "%ff%fe%c3%a9", "a.example",
	    NULL, 200, 1, 0 } },
	{ "1 172.30.0.20 CONNECT a.example 443 %00%c3%a9 200 NONE_NONE terminate sni-mismatch "
	  "a.example - 1 0",
	  { 1, SQUID_SNI, "172.30.0.20", "CONNECT", "a.example", 443, "%00%c3%a9", "a.example",
	    NULL, 200, 1, 0 } },
	{ "1 172.30.0.20 CONNECT a.example 443 %0a%0 200 NONE_NONE terminate sni-mismatch "
	  "a.example - 1 0",
	  { 1, SQUID_SNI, "172.30.0.20", "CONNECT", "a.example", 443, "%0a%0", "a.example", NULL,
	    200, 1, 0 } },
	{ "1 172.30.0.20 GET a%4g 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	  { 1, SQUID_NOT_ALLOWED, "172.30.0.20", "GET", "a%4g", 80, NULL, NULL, NULL, 403, 1, 1 } },
	{ "1 172.30.0.20 CONNECT a.example 443 %c3%a9.example 200 NONE_NONE terminate sni-mismatch "
	  "a.example - 1 0",
	  { 1, SQUID_SNI, "172.30.0.20", "CONNECT", "a.example", 443, "\xc3\xa9.example",
	    "a.example", NULL, 200, 1, 0 } },
	{ "1 172.30.0.20 G%0a%20T a.example 0 - 000 NONE_NONE - port - - - -",
	  { 1, SQUID_PORT, "172.30.0.20", "G\n T", "a.example", 0, NULL, NULL, NULL, 0, 0, 0 } },
};

static const char *const silent[] = {
	"1795644040682 172.30.0.20 CONNECT a.example 443 a.example 200 NONE_NONE splice allowed "
	"a.example - 122 0",
	"1795644040682 172.30.0.20 - - - - 0 NONE_NONE - - - - 517 0",
	"1795644071242 172.30.0.20 OPTIONS - 80 - 501 NONE_NONE - - - ERR_UNSUP_REQ 81 253",
	"1795644071241 172.30.0.20 - - - - 400 NONE_NONE - - - - 43 267",
};

static const char *const invalid[] = {
	"",
	"-",
	"1 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1",
	"1 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1 1",
	"1 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1 ",
	"1  GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	" 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	"- 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	"x 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	"9223372036854775808 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	"1 - GET a.example 80 - 403 TCP_DENIED - not-allowed - - 1 1",
	"1 172.30.0.20 GET a.example 65536 - 403 TCP_DENIED - not-allowed - - 1 1",
	"1 172.30.0.20 GET a.example 80 - 1000 TCP_DENIED - not-allowed - - 1 1",
	"1 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - whatever - - 1 1",
	"1 172.30.0.20 GET a.example 80 - 403 TCP_DENIED - not-allowed - - -1 1",
};

static void assert_same_event(const struct squid_event *a, const struct squid_event *b)
{
	assert_int_equal(a->time_ms, b->time_ms);
	assert_int_equal(a->decision, b->decision);
	assert_same_text(a->client, b->client);
	assert_same_text(a->method, b->method);
	assert_same_text(a->host, b->host);
	assert_int_equal(a->port, b->port);
	assert_same_text(a->sni, b->sni);
	assert_same_text(a->rule, b->rule);
	assert_same_text(a->error, b->error);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->bytes_in, b->bytes_in);
	assert_int_equal(a->bytes_out, b->bytes_out);
}

static void test_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		_cleanup_(squid_event_clear) struct squid_event event = { 0 };

		assert_row(events[i].line, squid_log_parse(events[i].line, &event) == 1);
		assert_same_event(&event, &events[i].event);
	}
}

static void test_lines_without_event(void **state)
{
	struct squid_event event = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		assert_row(silent[i], squid_log_parse(silent[i], &event) == 0);
	assert_int_equal(event.port, 7);
}

static void test_invalid(void **state)
{
	struct squid_event event = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		assert_row(invalid[i], squid_log_parse(invalid[i], &event) == -EINVAL);
	assert_int_equal(event.port, 7);
}

static void test_length(void **state)
{
	const char *start = "1 172.30.0.20 GET ", *end = " 80 - 403 X - not-allowed - - 1 1";
	_cleanup_free_ char *host = xcalloc(SQUID_LOG_LINE_MAX + 1, 1);
	_cleanup_free_ char *longest = NULL, *longer = NULL;
	_cleanup_(squid_event_clear) struct squid_event event = { 0 };

	(void)state;
	memset(host, 'h', SQUID_LOG_LINE_MAX - strlen(start) - strlen(end));
	longest = xasprintf("%s%s%s", start, host, end);
	longer = xasprintf("%sh%s%s", start, host, end);
	assert_int_equal(squid_log_parse(longer, &event), -EINVAL);
	assert_int_equal(squid_log_parse(longest, &event), 1);
}

/* What grants something is found by these texts. */
static void test_texts(void **state)
{
	(void)state;
	assert_string_equal(squid_decision_text(SQUID_NOT_ALLOWED), DENIAL_NOT_ALLOWED);
	assert_string_equal(squid_decision_text(SQUID_PRIVATE), DENIAL_PRIVATE);
	for (enum squid_decision d = 0; d < SQUID_DECISION_COUNT; d++) {
		assert_non_null(squid_decision_token(d));
		assert_null(strchr(squid_decision_token(d), ' '));
		assert_non_null(squid_decision_text(d));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),  cmocka_unit_test(test_lines_without_event),
		cmocka_unit_test(test_invalid), cmocka_unit_test(test_length),
		cmocka_unit_test(test_texts),
	};

	return RUN_TESTS("squid-log", tests);
}
