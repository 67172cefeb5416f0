/* Tables with aligned columns for a terminal. */
#pragma once

#include <stddef.h>

#include "common/strbuf.h"

#define TABLE_COLUMNS_MAX 8

struct table_column {
	const char *title;
	/* The cell of a row, escaped. The caller owns it. */
	char *(*cell)(const void *row);
};

/* What is printed, and how wide each column has become. */
struct table {
	const struct table_column *columns;
	size_t count;
	size_t widths[TABLE_COLUMNS_MAX];
};

/* A table as wide as its titles. */
struct table table_new(const struct table_column *columns, size_t count);

/* Makes the columns as wide as these rows (NULL-terminated) need. */
void table_fit(struct table *t, const void *const *rows);

void table_titles(const struct table *t, struct strbuf *to);
void table_rows(const struct table *t, struct strbuf *to, const void *const *rows);
