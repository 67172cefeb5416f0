#include "awfd/denial-log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "awfd/squid-log.h"
#include "common/alloc.h"
#include "common/escape.h"
#include "common/timestamp.h"
#include "proto/json-fields.h"

#define DEPTH_MAX 2

static const struct {
	const char *chain, *reason;
} chains[] = {
	{ "output", "port not granted" },
	{ "egress", "port not granted" },
	{ "squid", "port not granted" },
	{ "private", DENIAL_PRIVATE },
	{ "host", "the host itself" },
	{ "input", "nobody asked for it" },
	{ "ingress", "nobody asked for it" },
	{ "forward", "nothing is forwarded" },
	{ "diverted", "redirected by the host" },
};

const char *denial_reason_of_chain(const char *chain)
{
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		if (strcmp(chains[i].chain, chain) == 0)
			return chains[i].reason;
	return chain;
}

char *denial_reason_of_squid(const char *decision, const char *rule)
{
	if (rule && strcmp(decision, squid_decision_text(SQUID_BLOCKED)) == 0)
		return xasprintf("%s by %s", decision, rule);
	return xstrdup(decision);
}

/* A line of either log, or what awfd says in it about the log itself. */
struct line {
	char *time, *from, *method, *host, *sni, *decision, *reason, *rule, *error;
	char *container, *protocol, *source, *destination;
	int64_t port, status, bytes_in, bytes_out;
	char *event;
	int64_t count;
};

static const struct field fields[] = {
	FIELD(struct line, time, "time", .type = FIELD_STRING),
	FIELD(struct line, port, "port", .type = FIELD_INT),
	FIELD(struct line, rule, "rule", .type = FIELD_STRING),
	/* squid's */
	FIELD(struct line, from, "from", .type = FIELD_STRING),
	FIELD(struct line, method, "method", .type = FIELD_STRING),
	FIELD(struct line, host, "host", .type = FIELD_STRING),
	FIELD(struct line, sni, "sni", .type = FIELD_STRING),
	FIELD(struct line, decision, "decision", .type = FIELD_STRING),
	FIELD(struct line, reason, "reason", .type = FIELD_STRING),
	FIELD(struct line, error, "error", .type = FIELD_STRING),
	FIELD(struct line, status, "status", .type = FIELD_INT),
	FIELD(struct line, bytes_in, "bytesIn", .type = FIELD_INT),
	FIELD(struct line, bytes_out, "bytesOut", .type = FIELD_INT),
	/* the firewall's */
	FIELD(struct line, container, "container", .type = FIELD_STRING),
	FIELD(struct line, protocol, "protocol", .type = FIELD_STRING),
	FIELD(struct line, source, "source", .type = FIELD_STRING),
	FIELD(struct line, destination, "destination", .type = FIELD_STRING),
	/* of the log itself */
	FIELD(struct line, event, "event", .type = FIELD_STRING),
	FIELD(struct line, count, "count", .type = FIELD_INT),
};

static const struct field_table table = FIELD_TABLE(struct line, NULL, fields);

static void line_clear(struct line *line)
{
	fields_clear(&table, line);
}

/* Where each log has what a denial is made of. */
static const struct {
	size_t from, protocol, host;
} places[] = {
	[DENIAL_SQUID] = { offsetof(struct line, from), offsetof(struct line, method),
			   offsetof(struct line, host) },
	[DENIAL_FIREWALL] = { offsetof(struct line, container), offsetof(struct line, protocol),
			      offsetof(struct line, destination) },
};

static char **text_at(struct line *line, size_t offset)
{
	return (char **)((char *)line + offset);
}

static bool is_denial(enum denial_source source, const struct line *line)
{
	return source == DENIAL_FIREWALL ||
	       (line->decision && strcmp(line->decision, "denied") == 0);
}

static char *reason_of(enum denial_source source, const struct line *line)
{
	if (source == DENIAL_SQUID)
		return line->reason ? denial_reason_of_squid(line->reason, line->rule) : NULL;
	return line->rule ? xstrdup(denial_reason_of_chain(line->rule)) : NULL;
}

static bool is_clean(const char *text)
{
	return text && !escape_is_needed(text);
}

static bool is_good(const struct denial *d)
{
	return is_clean(d->from) && is_clean(d->protocol) && is_clean(d->host) &&
	       is_clean(d->reason) && (!d->sni || is_clean(d->sni));
}

static int take(enum denial_source source, struct line *line, struct denial *ret)
{
	struct denial d = { .source = source };

	if (!line->time || timestamp_parse_ms(line->time, &d.time_ms) < 0 || line->port < 0 ||
	    line->port > UINT16_MAX)
		return -EINVAL;
	d.port = (uint16_t)line->port;
	d.from = TAKE_PTR(*text_at(line, places[source].from));
	d.protocol = TAKE_PTR(*text_at(line, places[source].protocol));
	d.host = TAKE_PTR(*text_at(line, places[source].host));
	d.sni = TAKE_PTR(line->sni);
	d.reason = reason_of(source, line);
	if (!is_good(&d)) {
		denial_log_clear(&d);
		return -EINVAL;
	}
	*ret = d;
	return 1;
}

int denial_log_parse(enum denial_source source, const char *text, struct denial *ret)
{
	_cleanup_(line_clear) struct line line = { 0 };
	int r = fields_parse_text(&table, text, strlen(text), DEPTH_MAX, &line);

	if (r < 0)
		return r;
	if (line.event || !is_denial(source, &line))
		return 0;
	return take(source, &line, ret);
}

void denial_log_clear(struct denial *d)
{
	free((char *)d->from);
	free((char *)d->protocol);
	free((char *)d->host);
	free((char *)d->sni);
	free((char *)d->reason);
	*d = (struct denial){ 0 };
}
