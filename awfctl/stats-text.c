#include "awfctl/stats-text.h"

#include <assert.h>
#include <inttypes.h>

#include "common/alloc.h"
#include "common/escape.h"

/* What stands for a value that is not there. */
#define NOTHING "-"

/* In the largest unit that leaves a number before the point. */
static char *render_bytes(int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t i = 0;

	if (bytes == FIELD_INT_ABSENT)
		return xstrdup(NOTHING);
	for (; value >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1024;
	return xasprintf(i == 0 ? "%.0f%s" : "%.1f%s", value, units[i]);
}

static char *pair_of_bytes(int64_t a, int64_t b)
{
	_cleanup_free_ char *first = render_bytes(a), *second = render_bytes(b);

	return xasprintf("%s / %s", first, second);
}

static char *pair_of_numbers(int64_t a, int64_t b)
{
	return xasprintf("%" PRId64 " / %" PRId64, a, b);
}

static const struct stats_info *info(const void *row)
{
	return ((const struct stats_row *)row)->now;
}

static char *cell_id(const void *row)
{
	return escape_control(info(row)->id);
}

static char *cell_cpu(const void *row)
{
	double cpu = ((const struct stats_row *)row)->cpu;

	return cpu < 0 ? xstrdup(NOTHING) : xasprintf("%.1f%%", cpu);
}

static char *cell_memory(const void *row)
{
	return pair_of_bytes(info(row)->memory, info(row)->memory_limit);
}

static char *cell_pids(const void *row)
{
	const struct stats_info *s = info(row);

	return s->pids == FIELD_INT_ABSENT ? xstrdup(NOTHING)
					   : pair_of_numbers(s->pids, s->pids_limit);
}

static char *cell_relay(const void *row)
{
	return pair_of_numbers(info(row)->relay_open, info(row)->relay_connections);
}

static char *cell_relay_bytes(const void *row)
{
	return pair_of_bytes(info(row)->relay_sent, info(row)->relay_received);
}

static char *cell_requests(const void *row)
{
	return pair_of_numbers(info(row)->requests_allowed, info(row)->requests_refused);
}

static char *cell_gh(const void *row)
{
	return pair_of_numbers(info(row)->gh_allowed, info(row)->gh_refused);
}

static const struct table_column columns[] = {
	{ .title = "ID", .cell = cell_id },
	{ .title = "CPU", .cell = cell_cpu },
	{ .title = "MEMORY / LIMIT", .cell = cell_memory },
	{ .title = "PIDS / LIMIT", .cell = cell_pids },
	{ .title = "RELAY OPEN / ALL", .cell = cell_relay },
	{ .title = "SENT / RECEIVED", .cell = cell_relay_bytes },
	{ .title = "REQUESTS OK / REFUSED", .cell = cell_requests },
	{ .title = "GH OK / REFUSED", .cell = cell_gh },
};
static_assert(ARRAY_SIZE(columns) <= TABLE_COLUMNS_MAX, "a column too many");

struct table stats_table(void)
{
	return table_new(columns, ARRAY_SIZE(columns));
}

double stats_cpu(const struct stats_info *before, const struct stats_info *now, uint64_t apart_us)
{
	if (!before || before->cpu_us == FIELD_INT_ABSENT || now->cpu_us == FIELD_INT_ABSENT ||
	    now->cpu_us < before->cpu_us || apart_us == 0)
		return -1;
	return 100 * (double)(now->cpu_us - before->cpu_us) / (double)apart_us;
}
