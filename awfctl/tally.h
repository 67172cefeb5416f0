/* What is counted by name, in the order in which the names came. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "common/strbuf.h"

#define TALLY_ROWS_MAX 256 /* names; further ones are only counted */
#define TALLY_TEXTS    4
#define TALLY_NUMBERS  4

/* What one of the texts or numbers of a row is called, for people and in JSON. */
struct tally_column {
	const char *title;
	const char *key;
};

/* The columns of one kind of tally: texts, which together are a row's name, then numbers. */
struct tally_kind {
	struct tally_column texts[TALLY_TEXTS + 1]; /* up to one without a title */
	struct tally_column numbers[TALLY_NUMBERS + 1];
};

struct tally;

struct tally *tally_new(const struct tally_kind *kind) _must_check_;
void tally_free(struct tally *t);

/* Adds the numbers to the row of these texts: as many of each as the kind has. */
void tally_add(struct tally *t, const char *const *texts, const uint64_t *numbers);

/* The sum of a number over all that was added. */
uint64_t tally_sum(const struct tally *t, size_t number);

/* A table in Markdown, in which no text can be more than a text; nothing of an empty one. */
void tally_append_markdown(const struct tally *t, const char *heading, struct strbuf *to);

/* An array of objects. The caller owns it. */
struct json_object *tally_json(const struct tally *t) _must_check_;

/* The text as code in Markdown, with control characters made visible. */
void markdown_append_code(struct strbuf *to, const char *text);
