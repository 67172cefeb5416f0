#include "awfctl/tally.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/escape.h"

struct row {
	char *texts[TALLY_TEXTS];
	uint64_t numbers[TALLY_NUMBERS];
};

struct tally {
	const struct tally_kind *kind;
	struct row rows[TALLY_ROWS_MAX];
	size_t count;
	uint64_t lost; /* what was added when no row was free */
	uint64_t sums[TALLY_NUMBERS];
};

struct tally *tally_new(const struct tally_kind *kind)
{
	struct tally *t = xnew(struct tally);

	t->kind = kind;
	return t;
}

void tally_free(struct tally *t)
{
	for (size_t i = 0; t && i < t->count; i++)
		for (size_t j = 0; j < TALLY_TEXTS; j++)
			free(t->rows[i].texts[j]);
	free(t);
}

static bool is_row(const struct tally *t, const struct row *row, const char *const *texts)
{
	for (size_t i = 0; t->kind->texts[i].title; i++)
		if (strcmp(row->texts[i], texts[i]) != 0)
			return false;
	return true;
}

static struct row *find(struct tally *t, const char *const *texts)
{
	for (size_t i = 0; i < t->count; i++)
		if (is_row(t, &t->rows[i], texts))
			return &t->rows[i];
	return NULL;
}

static struct row *append(struct tally *t, const char *const *texts)
{
	struct row *row;

	if (t->count == TALLY_ROWS_MAX)
		return NULL;
	row = &t->rows[t->count++];
	for (size_t i = 0; t->kind->texts[i].title; i++)
		row->texts[i] = xstrdup(texts[i]);
	return row;
}

void tally_add(struct tally *t, const char *const *texts, const uint64_t *numbers)
{
	struct row *row = find(t, texts);

	if (!row)
		row = append(t, texts);
	if (!row)
		t->lost++;
	for (size_t i = 0; t->kind->numbers[i].title; i++) {
		t->sums[i] += numbers[i];
		if (row)
			row->numbers[i] += numbers[i];
	}
}

uint64_t tally_sum(const struct tally *t, size_t number)
{
	return t->sums[number];
}

/* --- Markdown --- */

/* In code, nothing but a backquote ends it, and nothing but a bar ends a cell. */
void markdown_append_code(struct strbuf *to, const char *text)
{
	_cleanup_free_ char *escaped = escape_control(text);

	strbuf_puts(to, "`");
	for (const char *s = *escaped ? escaped : "-"; *s; s++) {
		if (*s == '`')
			strbuf_puts(to, "\\x60");
		else if (*s == '|')
			strbuf_puts(to, "\\|");
		else
			strbuf_append(to, s, 1);
	}
	strbuf_puts(to, "`");
}

static void append_titles(const struct tally *t, struct strbuf *to)
{
	for (size_t i = 0; t->kind->texts[i].title; i++)
		strbuf_appendf(to, "| %s ", t->kind->texts[i].title);
	for (size_t i = 0; t->kind->numbers[i].title; i++)
		strbuf_appendf(to, "| %s ", t->kind->numbers[i].title);
	strbuf_puts(to, "|\n");
	for (size_t i = 0; t->kind->texts[i].title; i++)
		strbuf_puts(to, "|---");
	for (size_t i = 0; t->kind->numbers[i].title; i++)
		strbuf_puts(to, "|---:");
	strbuf_puts(to, "|\n");
}

static void append_row(const struct tally *t, const struct row *row, struct strbuf *to)
{
	for (size_t i = 0; t->kind->texts[i].title; i++) {
		strbuf_puts(to, "| ");
		markdown_append_code(to, row->texts[i]);
		strbuf_puts(to, " ");
	}
	for (size_t i = 0; t->kind->numbers[i].title; i++)
		strbuf_appendf(to, "| %" PRIu64 " ", row->numbers[i]);
	strbuf_puts(to, "|\n");
}

void tally_append_markdown(const struct tally *t, const char *heading, struct strbuf *to)
{
	if (t->count == 0)
		return;
	strbuf_appendf(to, "\n#### %s\n\n", heading);
	append_titles(t, to);
	for (size_t i = 0; i < t->count; i++)
		append_row(t, &t->rows[i], to);
	if (t->lost > 0)
		strbuf_appendf(to, "\n… and %" PRIu64 " times others.\n", t->lost);
}

/* --- JSON --- */

static struct json_object *row_json(const struct tally *t, const struct row *row)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; t->kind->texts[i].title; i++)
		json_object_object_add(o, t->kind->texts[i].key,
				       json_object_new_string(row->texts[i]));
	for (size_t i = 0; t->kind->numbers[i].title; i++)
		json_object_object_add(o, t->kind->numbers[i].key,
				       json_object_new_int64((int64_t)row->numbers[i]));
	return o;
}

struct json_object *tally_json(const struct tally *t)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < t->count; i++)
		json_object_array_add(array, row_json(t, &t->rows[i]));
	return array;
}
