#include "awfctl/log-sources.h"

#include <string.h>

#include "awfctl/moment.h"

static const struct {
	const char *name, *file;
} sources[] = {
	[LOG_SOURCE_SQUID] = { "squid", "squid.jsonl" },
	[LOG_SOURCE_GH] = { "gh", "gh.jsonl" },
	[LOG_SOURCE_RELAY] = { "relay", "relay.jsonl" },
	[LOG_SOURCE_FIREWALL] = { "firewall", "firewall.jsonl" },
	[LOG_SOURCE_AUDIT] = { "audit", "audit.jsonl" },
};

/* What one would look for here, and where it is. */
static const struct {
	const char *name, *instead;
} elsewhere[] = {
	{ "agent", "the command's output is kept nowhere, it goes to who is attached: have the "
		   "command write it to a file that is mounted, or let awfctl run write to one" },
};

const char *log_source_name(enum log_source source)
{
	return sources[source].name;
}

const char *log_source_file(enum log_source source)
{
	return sources[source].file;
}

static int want(struct log_span *span, const char *name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (strcmp(sources[i].name, name) == 0) {
			span->sources[i] = true;
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (strcmp(elsewhere[i].name, name) == 0)
			return usage_error(e, "--source '%s': %s", name, elsewhere[i].instead);
	return usage_error(e, "--source '%s': use squid, gh, relay, firewall or audit", name);
}

static int parse_sources(const struct options *o, struct log_span *span, struct err *e)
{
	char *const *words = o->sources.words;

	for (size_t i = 0; i < LOG_SOURCE_COUNT; i++)
		span->sources[i] = !words;
	for (; words && *words; words++) {
		int r = want(span, *words, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int log_span_parse(const struct options *o, int64_t now_ms, struct log_span *ret, struct err *e)
{
	struct log_span span = { .since_ms = INT64_MIN, .until_ms = INT64_MAX };
	int r = parse_sources(o, &span, e);

	if (r == 0 && o->since)
		r = moment_parse("since", o->since, now_ms, &span.since_ms, e);
	if (r == 0 && o->until)
		r = moment_parse("until", o->until, now_ms, &span.until_ms, e);
	if (r == 0 && span.since_ms >= span.until_ms)
		r = usage_error(e,
				"--until '%s' is not later than --since '%s': nothing is between",
				o->until, o->since);
	if (r == 0)
		*ret = span;
	return r;
}

bool log_span_has(const struct log_span *span, int64_t time_ms)
{
	return time_ms >= span->since_ms && time_ms < span->until_ms;
}
