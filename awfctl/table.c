#include "awfctl/table.h"

#include "common/utf8.h"

#define COLUMN_GAP 3

/* The number of characters of escaped text, which is valid UTF-8. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text += utf8_sequence(text))
		n++;
	return n;
}

struct table table_new(const struct table_column *columns, size_t count)
{
	struct table t = { .columns = columns, .count = count };

	for (size_t i = 0; i < count; i++)
		t.widths[i] = width(columns[i].title);
	return t;
}

void table_fit(struct table *t, const void *const *rows)
{
	for (; rows && *rows; rows++)
		for (size_t i = 0; i < t->count; i++) {
			_cleanup_free_ char *cell = t->columns[i].cell(*rows);

			t->widths[i] = MAX(t->widths[i], width(cell));
		}
}

/* The last column is not filled up. */
static void append_cell(const struct table *t, struct strbuf *to, size_t column, const char *cell)
{
	size_t used = width(cell), room = MAX(t->widths[column], used);

	if (column + 1 == t->count)
		strbuf_appendf(to, "%s\n", cell);
	else
		strbuf_appendf(to, "%s%*s", cell, (int)(room - used + COLUMN_GAP), "");
}

void table_titles(const struct table *t, struct strbuf *to)
{
	for (size_t i = 0; i < t->count; i++)
		append_cell(t, to, i, t->columns[i].title);
}

void table_rows(const struct table *t, struct strbuf *to, const void *const *rows)
{
	for (; rows && *rows; rows++)
		for (size_t i = 0; i < t->count; i++) {
			_cleanup_free_ char *cell = t->columns[i].cell(*rows);

			append_cell(t, to, i, cell);
		}
}
