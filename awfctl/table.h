/* Tables: with aligned columns on a terminal, with a tab between whole values elsewhere. */
#pragma once

#include <stddef.h>

#include "awfctl/look.h"
#include "common/strbuf.h"

#define TABLE_COLUMNS_MAX 8

struct table_column {
	const char *title;
	/* The cell of a row, escaped. The caller owns it. */
	char *(*cell)(const void *row);
	/* The same for people, or NULL: no different. */
	char *(*for_people)(const void *row);
	enum colour (*colour)(const void *row); /* NULL: none */
};

/* What is printed, how it looks, and how wide each column has become. */
struct table {
	const struct table_column *columns;
	size_t count;
	struct look look; /* a width of 0: nothing is cut */
	bool exact;       /* nothing is said for people only */
	size_t widths[TABLE_COLUMNS_MAX];
};

/* A table as wide as its titles, that looks as standard output has it, and of which nothing is cut.
 */
struct table table_new(const struct table_column *columns, size_t count);
struct table table_new_as(const struct table_column *columns, size_t count,
			  const struct look *look);

/* Makes the columns as wide as these rows (NULL-terminated) need, or as the terminal has room for.
 */
void table_fit(struct table *t, const void *const *rows);

void table_titles(const struct table *t, struct strbuf *to);
void table_rows(const struct table *t, struct strbuf *to, const void *const *rows);
