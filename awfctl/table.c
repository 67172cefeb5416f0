#include "awfctl/table.h"

#include <stdint.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/utf8.h"

#define COLUMN_GAP 2
/* No column is cut to fewer characters. */
#define CUT_MIN 10

struct table table_new_as(const struct table_column *columns, size_t count, const struct look *look)
{
	struct table t = { .columns = columns, .count = count, .look = *look };

	for (size_t i = 0; i < count; i++)
		t.widths[i] = utf8_count(columns[i].title);
	return t;
}

struct table table_new(const struct table_column *columns, size_t count)
{
	struct look look = look_of(STDOUT_FILENO);

	look.width = 0;
	return table_new_as(columns, count, &look);
}

static char *cell_of(const struct table *t, size_t column, const void *row)
{
	const struct table_column *c = &t->columns[column];

	return t->look.terminal && !t->exact && c->for_people ? c->for_people(row) : c->cell(row);
}

static size_t total(const struct table *t)
{
	size_t n = (t->count - 1) * COLUMN_GAP;

	for (size_t i = 0; i < t->count; i++)
		n += t->widths[i];
	return n;
}

/* Of those that can be cut: what is for people is short as it is. */
static size_t *widest(struct table *t)
{
	size_t *best = &t->widths[0];

	for (size_t i = 1; i < t->count; i++)
		if (!t->columns[i].for_people && t->widths[i] >= *best)
			best = &t->widths[i];
	return best;
}

static void cut_to_terminal(struct table *t)
{
	for (size_t n = total(t); n > t->look.width && *widest(t) > CUT_MIN; n--)
		--*widest(t);
}

void table_fit(struct table *t, const void *const *rows)
{
	for (; rows && *rows; rows++)
		for (size_t i = 0; i < t->count; i++) {
			_cleanup_free_ char *cell = cell_of(t, i, *rows);

			t->widths[i] = MAX(t->widths[i], utf8_count(cell));
		}
	if (t->look.width > 0)
		cut_to_terminal(t);
}

/* The first characters of a text, "…" as the last of them when there are more. */
static char *cut(const char *text, size_t max)
{
	const char *end = text;

	if (utf8_count(text) <= max)
		return xstrdup(text);
	for (size_t i = 1; i < max; i++)
		end += utf8_sequence(end);
	return xasprintf("%.*s…", (int)(end - text), text);
}

/* The last column is not filled up. */
static void append_cell(const struct table *t, struct strbuf *to, size_t column, const char *cell,
			enum colour colour)
{
	const char *begin = look_begin(&t->look, colour), *end = look_end(&t->look, colour);
	bool last = column + 1 == t->count;
	_cleanup_free_ char *shown = NULL;
	size_t used;

	if (!t->look.terminal) {
		strbuf_appendf(to, "%s%s", cell, last ? "\n" : "\t");
		return;
	}
	shown = cut(cell, t->look.width > 0 ? t->widths[column] : SIZE_MAX);
	used = utf8_count(shown);
	strbuf_appendf(to, "%s%s%s%*s", begin, shown, end,
		       last ? 0 : (int)(MAX(t->widths[column], used) - used + COLUMN_GAP), "");
	strbuf_puts(to, last ? "\n" : "");
}

void table_titles(const struct table *t, struct strbuf *to)
{
	for (size_t i = 0; i < t->count; i++)
		append_cell(t, to, i, t->columns[i].title, COLOUR_BOLD);
}

static enum colour colour_of(const struct table *t, size_t column, const void *row)
{
	enum colour (*colour)(const void *row) = t->columns[column].colour;

	return colour ? colour(row) : COLOUR_NONE;
}

void table_rows(const struct table *t, struct strbuf *to, const void *const *rows)
{
	for (; rows && *rows; rows++)
		for (size_t i = 0; i < t->count; i++) {
			_cleanup_free_ char *cell = cell_of(t, i, *rows);

			append_cell(t, to, i, cell, colour_of(t, i, *rows));
		}
}
