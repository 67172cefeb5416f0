#include "awfctl/denial-text.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "awfctl/age.h"
#include "awfctl/render.h"
#include "common/alloc.h"
#include "common/escape.h"

static char *cell_time(const void *row)
{
	return escape_control(((const struct denial_info *)row)->time);
}

static char *cell_age(const void *row)
{
	return age_text(((const struct denial_info *)row)->time, time(NULL));
}

static char *cell_from(const void *row)
{
	return escape_control(((const struct denial_info *)row)->from);
}

static char *cell_protocol(const void *row)
{
	return escape_control(((const struct denial_info *)row)->protocol);
}

static char *cell_host(const void *row)
{
	return escape_control(((const struct denial_info *)row)->host);
}

static char *cell_port(const void *row)
{
	const struct denial_info *d = row;

	return d->port > 0 ? xasprintf("%" PRId64, d->port) : xstrdup(RENDER_NOTHING);
}

static char *cell_count(const void *row)
{
	return xasprintf("%" PRId64, ((const struct denial_info *)row)->count);
}

static char *cell_reason(const void *row)
{
	return escape_control(((const struct denial_info *)row)->reason);
}

static char *cell_grant(const void *row)
{
	const struct denial_info *d = row;

	return escape_control(d->grant ? d->grant : RENDER_NOTHING);
}

static const struct table_column columns[] = {
	{ "TIME", cell_time, cell_age, NULL },     { "FROM", cell_from, NULL, NULL },
	{ "PROTOCOL", cell_protocol, NULL, NULL }, { "HOST", cell_host, NULL, NULL },
	{ "PORT", cell_port, NULL, NULL },         { "COUNT", cell_count, NULL, NULL },
	{ "REASON", cell_reason, NULL, NULL },     { "GRANT", cell_grant, NULL, NULL },
};
static_assert(ARRAY_SIZE(columns) <= TABLE_COLUMNS_MAX, "a column too many");

struct table denial_table(void)
{
	return table_new(columns, ARRAY_SIZE(columns));
}

static void append_destination(struct strbuf *to, const struct denial_info *d)
{
	bool brackets = d->port > 0 && strchr(d->host, ':');

	strbuf_appendf(to, "%s%s%s", brackets ? "[" : "", d->host, brackets ? "]" : "");
	if (d->port > 0)
		strbuf_appendf(to, ":%" PRId64, d->port);
}

char *denial_line(const struct denial_info *d)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	append_destination(&line, d);
	strbuf_appendf(&line, " (%s", d->protocol);
	if (strcmp(d->from, "agent") != 0)
		strbuf_appendf(&line, " from %s", d->from);
	if (d->sni && strcmp(d->sni, d->host) != 0)
		strbuf_appendf(&line, ", TLS for %s", d->sni);
	strbuf_appendf(&line, "), %" PRId64 " %s: %s", d->count, d->count == 1 ? "time" : "times",
		       d->reason);
	if (d->grant)
		strbuf_appendf(&line, "; to grant it: %s", d->grant);
	return strbuf_take(&line);
}
