/* What is counted, as text in both formats. That it is OpenMetrics for others too is tested with
 * Prometheus' own parser, in tests/system/metrics.bats. */
#include "awfd/metrics.h"

#include "awfd/plan.h"
#include "awfd/sandbox-counter.h"
#include "tests/unit/check.h"

static char *text_of(const struct metrics *m, const struct metrics_now *now,
		     enum metrics_format format)
{
	struct strbuf text = { 0 };

	metrics_append(m, now, format, &text);
	return strbuf_take(&text);
}

static void test_counts(void **state _unused_)
{
	static const char *const expected[] = {
		"awfd_sandboxes{state=\"running\"} 2\n",
		"awfd_sandboxes{state=\"exited\"} 0\n",
		"awfd_starts_total{result=\"ok\",step=\"\"} 2\n",
		"awfd_starts_total{result=\"failed\",step=\"relay\"} 1\n",
		"awfd_starts_total{result=\"cancelled\",step=\"\"} 1\n",
		"awfd_start_duration_seconds_bucket{le=\"0.1\"} 0\n",
		"awfd_start_duration_seconds_bucket{le=\"0.25\"} 1\n",
		"awfd_start_duration_seconds_bucket{le=\"2.5\"} 1\n",
		"awfd_start_duration_seconds_bucket{le=\"5.0\"} 2\n",
		"awfd_start_duration_seconds_bucket{le=\"+Inf\"} 2\n",
		"awfd_start_duration_seconds_count 2\n",
		"awfd_start_duration_seconds_sum 3.250001\n",
		"awfd_start_step_duration_seconds_count{step=\"links\"} 2\n",
		"awfd_start_step_duration_seconds_sum{step=\"links\"} 0.000012\n",
		"awfd_relay_bytes_total{direction=\"sent\"} 15\n",
		"awfd_relay_connections_open 3\n",
		"awfd_denials_total{source=\"squid\"} 3\n",
		"awfd_denials_total{source=\"firewall\"} 7\n",
		"awfd_engine_errors_total 4\n",
	};
	struct metrics *m = metrics_new();
	struct metrics_now now = { .engine_errors = 4 };
	_cleanup_free_ char *text = NULL;

	now.sandboxes[METRICS_RUNNING] = 2;
	now.relay[RELAY_BYTES_SENT] = 5;
	now.relay[RELAY_CONNECTIONS_OPEN] = 3;
	now.own[SANDBOX_REQUESTS_REFUSED] = 1;
	metrics_start(m, METRICS_OK, "", 250000);
	metrics_start(m, METRICS_OK, "", 3000001);
	metrics_start(m, METRICS_FAILED, "relay", 1);
	metrics_start(m, METRICS_CANCELLED, "", 1);
	metrics_step(m, "links", 5);
	metrics_step(m, "links", 7);
	metrics_gone(
		m,
		(uint64_t[COUNTERS_MAX]){
			[SANDBOX_REQUESTS_REFUSED] = 2, [SANDBOX_PACKETS_DROPPED] = 7 },
		(uint64_t[COUNTERS_MAX]){ [RELAY_BYTES_SENT] = 10, [RELAY_CONNECTIONS_OPEN] = 9 });
	text = text_of(m, &now, METRICS_OPENMETRICS);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_text_contains(text, expected[i]);
	metrics_free(m);
}

static void test_formats(void **state _unused_)
{
	struct metrics *m = metrics_new();
	struct metrics_now now = { 0 };
	_cleanup_free_ char *open = text_of(m, &now, METRICS_OPENMETRICS);
	_cleanup_free_ char *old = text_of(m, &now, METRICS_PROMETHEUS);

	assert_text_contains(open,
			     "# TYPE awfd_relay_bytes counter\n# UNIT awfd_relay_bytes bytes\n"
			     "# HELP awfd_relay_bytes Bytes ");
	assert_string_equal(open + strlen(open) - strlen("\n# EOF\n"), "\n# EOF\n");
	assert_text_contains(old, "# TYPE awfd_relay_bytes_total counter\n"
				  "# HELP awfd_relay_bytes_total Bytes ");
	assert_null(strstr(old, "# UNIT"));
	assert_null(strstr(old, "# EOF"));
	metrics_free(m);
}

/* A start can fail in each step, and in none. */
static void test_bounds(void **state _unused_)
{
	char names[2 * PLAN_STEPS_MAX][16];
	struct metrics *m = metrics_new();
	struct metrics_now now = { 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *last = xasprintf("_count{step=\"step %d\"} 1\n", PLAN_STEPS_MAX - 1);
	_cleanup_free_ char *more = xasprintf("_count{step=\"step %d\"}", PLAN_STEPS_MAX);
	_cleanup_free_ char *failed =
		xasprintf("{result=\"failed\",step=\"step %zu\"} 3\n", ARRAY_SIZE(names) - 1);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof(names[i]), "step %zu", i);
		metrics_step(m, names[i], 1);
		for (int n = 0; n < 3; n++)
			metrics_start(m, METRICS_FAILED, names[i], 1);
	}
	text = text_of(m, &now, METRICS_OPENMETRICS);
	assert_text_contains(text, last);
	assert_null(strstr(text, more));
	assert_text_contains(text, failed);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_bounds),
	};

	return RUN_TESTS("metrics", tests);
}
