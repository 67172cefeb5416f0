#include "awfd/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "awfd/plan.h"
#include "awfd/sandbox-counter.h"
#include "common/alloc.h"

/* The times of starts are told by how many took at most so long. */
static const struct {
	const char *seconds;
	int64_t us;
} bounds[] = {
	{ "0.1", 100000 },    { "0.25", 250000 },   { "0.5", 500000 },
	{ "1.0", 1000000 },   { "2.5", 2500000 },   { "5.0", 5000000 },
	{ "10.0", 10000000 }, { "30.0", 30000000 }, { "60.0", 60000000 },
};

#define FAILURES_MAX (METRICS_RESULT_COUNT * (PLAN_STEPS_MAX + 1))

struct step {
	const char *name;
	uint64_t count;
	int64_t sum_us;
};

struct start {
	enum metrics_result result;
	const char *step;
	uint64_t count;
};

struct metrics {
	struct step steps[PLAN_STEPS_MAX];
	size_t step_count;
	struct start starts[FAILURES_MAX];
	size_t start_count;
	uint64_t within[ARRAY_SIZE(bounds)]; /* started ones that took at most the bound */
	uint64_t started;
	int64_t started_us;
	uint64_t own[COUNTERS_MAX]; /* of those that are gone */
	uint64_t relay[COUNTERS_MAX];
};

struct metrics *metrics_new(void)
{
	return xnew(struct metrics);
}

void metrics_free(struct metrics *m)
{
	free(m);
}

/* --- Counting ------------------------------------------------------------------------------------
 */

void metrics_step(struct metrics *m, const char *step, int64_t elapsed_us)
{
	size_t i = 0;

	while (i < m->step_count && strcmp(m->steps[i].name, step) != 0)
		i++;
	if (i == ARRAY_SIZE(m->steps))
		return;
	if (i == m->step_count)
		m->steps[m->step_count++] = (struct step){ .name = step };
	m->steps[i].count++;
	m->steps[i].sum_us += elapsed_us;
}

static void add_time(struct metrics *m, int64_t elapsed_us)
{
	m->started++;
	m->started_us += elapsed_us;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		m->within[i] += elapsed_us <= bounds[i].us;
}

void metrics_start(struct metrics *m, enum metrics_result result, const char *step,
		   int64_t elapsed_us)
{
	size_t i = 0;

	if (result == METRICS_OK)
		add_time(m, elapsed_us);
	while (i < m->start_count &&
	       (m->starts[i].result != result || strcmp(m->starts[i].step, step) != 0))
		i++;
	if (i == ARRAY_SIZE(m->starts))
		return;
	if (i == m->start_count)
		m->starts[m->start_count++] = (struct start){ .result = result, .step = step };
	m->starts[i].count++;
}

void metrics_gone(struct metrics *m, const uint64_t own[COUNTERS_MAX],
		  const uint64_t relay[COUNTERS_MAX])
{
	for (size_t i = 0; i < COUNTERS_MAX; i++) {
		m->own[i] += own[i];
		m->relay[i] += relay[i];
	}
}

/* --- Telling -------------------------------------------------------------------------------------
 */

/* What a family's samples are made of. */
struct source {
	const struct metrics *m;
	const struct metrics_now *now;
	const char *name; /* of the family */
	struct strbuf *to;
};

/* One sample; the suffix and the label, which has a value when it has a name, may be "". */
static void put(const struct source *s, const char *suffix, const char *label, const char *value,
		uint64_t number)
{
	strbuf_appendf(s->to, "%s%s", s->name, suffix);
	if (*label)
		strbuf_appendf(s->to, "{%s=\"%s\"}", label, value);
	strbuf_appendf(s->to, " %" PRIu64 "\n", number);
}

static void put_seconds(const struct source *s, const char *suffix, const char *step, int64_t us)
{
	strbuf_appendf(s->to, "%s%s", s->name, suffix);
	if (*step)
		strbuf_appendf(s->to, "{step=\"%s\"}", step);
	strbuf_appendf(s->to, " %" PRId64 ".%06" PRId64 "\n", us / 1000000, us % 1000000);
}

static uint64_t own(const struct source *s, enum sandbox_counter which)
{
	return s->m->own[which] + s->now->own[which];
}

static uint64_t relays(const struct source *s, enum relay_counter which)
{
	return s->m->relay[which] + s->now->relay[which];
}

static void put_version(const struct source *s)
{
	put(s, "", "version", AWF_VERSION, 1);
}

static void put_sandboxes(const struct source *s)
{
	static const char *const names[] = {
		[METRICS_CREATING] = "creating", [METRICS_RUNNING] = "running",
		[METRICS_KEPT] = "kept",         [METRICS_DESTROYING] = "destroying",
		[METRICS_EXITED] = "exited",
	};

	for (size_t i = 0; i < METRICS_STATE_COUNT; i++)
		put(s, "", "state", names[i], s->now->sandboxes[i]);
}

static void put_starts(const struct source *s)
{
	static const char *const results[] = {
		[METRICS_OK] = "ok",
		[METRICS_FAILED] = "failed",
		[METRICS_CANCELLED] = "cancelled",
	};

	for (size_t i = 0; i < s->m->start_count; i++) {
		const struct start *start = &s->m->starts[i];

		strbuf_appendf(s->to, "%s_total{result=\"%s\",step=\"%s\"} %" PRIu64 "\n", s->name,
			       results[start->result], start->step, start->count);
	}
}

static void put_start_times(const struct source *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		put(s, "_bucket", "le", bounds[i].seconds, s->m->within[i]);
	put(s, "_bucket", "le", "+Inf", s->m->started);
	put(s, "_count", "", "", s->m->started);
	put_seconds(s, "_sum", "", s->m->started_us);
}

static void put_step_times(const struct source *s)
{
	for (size_t i = 0; i < s->m->step_count; i++) {
		const struct step *step = &s->m->steps[i];

		put(s, "_count", "step", step->name, step->count);
		put_seconds(s, "_sum", step->name, step->sum_us);
	}
}

static void put_relay_bytes(const struct source *s)
{
	put(s, "_total", "direction", "sent", relays(s, RELAY_BYTES_SENT));
	put(s, "_total", "direction", "received", relays(s, RELAY_BYTES_RECEIVED));
}

static void put_relay_connections(const struct source *s)
{
	put(s, "_total", "", "", relays(s, RELAY_CONNECTIONS));
}

static void put_relay_failures(const struct source *s)
{
	put(s, "_total", "", "", relays(s, RELAY_CONNECTIONS_FAILED));
}

/* Those of sandboxes that are gone are closed. */
static void put_relay_open(const struct source *s)
{
	put(s, "", "", "", s->now->relay[RELAY_CONNECTIONS_OPEN]);
}

static void put_allowed(const struct source *s)
{
	put(s, "_total", "source", "squid", own(s, SANDBOX_REQUESTS_ALLOWED));
	put(s, "_total", "source", "gh", own(s, SANDBOX_GH_ALLOWED));
}

static void put_denials(const struct source *s)
{
	put(s, "_total", "source", "squid", own(s, SANDBOX_REQUESTS_REFUSED));
	put(s, "_total", "source", "gh", own(s, SANDBOX_GH_REFUSED));
	put(s, "_total", "source", "firewall", own(s, SANDBOX_PACKETS_DROPPED));
}

static void put_engine_errors(const struct source *s)
{
	put(s, "_total", "", "", s->now->engine_errors);
}

/* Units are in the names, as both formats want them. */
static const struct {
	const char *name, *type, *unit, *help;
	void (*put)(const struct source *s);
} families[] = {
	{ "awfd_build_info", "gauge", "", "The version of awfd.", put_version },
	{ "awfd_sandboxes", "gauge", "", "Sandboxes by state.", put_sandboxes },
	{ "awfd_starts", "counter", "",
	  "Starts of sandboxes that have ended, by result and the step that failed.", put_starts },
	{ "awfd_start_duration_seconds", "histogram", "seconds",
	  "How long starts took that went well.", put_start_times },
	{ "awfd_start_step_duration_seconds", "summary", "seconds",
	  "How long the steps of these and other starts took.", put_step_times },
	{ "awfd_relay_bytes", "counter", "bytes",
	  "Bytes to and from DIFC proxies and ports of the host.", put_relay_bytes },
	{ "awfd_relay_connections", "counter", "",
	  "Connections to DIFC proxies and ports of the host.", put_relay_connections },
	{ "awfd_relay_connections_failed", "counter", "",
	  "Those of them that found nobody who answers.", put_relay_failures },
	{ "awfd_relay_connections_open", "gauge", "", "Those that are open now.", put_relay_open },
	{ "awfd_requests_allowed", "counter", "",
	  "Requests to domains, and calls of gh, that were allowed.", put_allowed },
	{ "awfd_denials", "counter", "", "Requests, calls of gh and packets that were refused.",
	  put_denials },
	{ "awfd_engine_errors", "counter", "", "Calls to the container engine that failed.",
	  put_engine_errors },
};

void metrics_append(const struct metrics *m, const struct metrics_now *now,
		    enum metrics_format format, struct strbuf *to)
{
	bool open = format == METRICS_OPENMETRICS;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct source s = { .m = m, .now = now, .name = families[i].name, .to = to };
		bool total = !open && strcmp(families[i].type, "counter") == 0;

		strbuf_appendf(to, "# TYPE %s%s %s\n", s.name, total ? "_total" : "",
			       families[i].type);
		if (open && *families[i].unit)
			strbuf_appendf(to, "# UNIT %s %s\n", s.name, families[i].unit);
		strbuf_appendf(to, "# HELP %s%s %s\n", s.name, total ? "_total" : "",
			       families[i].help);
		families[i].put(&s);
	}
	if (open)
		strbuf_puts(to, "# EOF\n");
}
