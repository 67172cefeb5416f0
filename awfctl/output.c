#include "awfctl/output.h"

#include <string.h>

#include "awfctl/nearest.h"
#include "awfctl/render.h"
#include "common/escape.h"

/* What --quiet prints. */
static char *const quiet_fields[] = { (char *)"id", NULL };

static char *const *fields_of(const struct options *o)
{
	return o->quiet ? quiet_fields : o->format.words;
}

bool output_is_table(const struct options *o)
{
	return !o->json && !fields_of(o);
}

static bool has_field(const struct field_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return true;
	return false;
}

/* The error says what is meant, or else what there is. */
static int unknown_field(const struct field_table *table, const char *name, struct err *e)
{
	_cleanup_strbuf_ struct strbuf all = { 0 };
	struct nearest nearest = { .word = name };
	const char *best;

	for (size_t i = 0; i < table->count; i++) {
		strbuf_appendf(&all, "%s%s", i > 0 ? ", " : "", table->fields[i].name);
		nearest_offer(&nearest, table->fields[i].name);
	}
	best = nearest_get(&nearest);
	if (best)
		return usage_error(e, "--format '%s': there is no such field; did you mean '%s'?",
				   name, best);
	return usage_error(e, "--format '%s': there is no such field; use %s", name, all.data);
}

int output_check(const struct options *o, const struct field_table *table, struct err *e)
{
	if (o->json + o->quiet + (o->format.words != NULL) > 1)
		return usage_error(e, "--json, --format and --quiet exclude each other; give one");
	for (char *const *name = o->format.words; name && *name; name++)
		if (!has_field(table, *name))
			return unknown_field(table, *name, e);
	return 0;
}

/* Texts as they are, but for control characters, and other values as in JSON; of none nothing. */
static void append_value(struct strbuf *to, struct json_object *value)
{
	_cleanup_free_ char *text = NULL;

	if (!value)
		return;
	if (json_object_is_type(value, json_type_string)) {
		text = escape_control(json_object_get_string(value));
		strbuf_puts(to, text);
		return;
	}
	render_json_line(to, value);
	to->data[--to->length] = '\0'; /* its newline */
}

static void append_fields(struct strbuf *to, char *const *names, struct json_object *object)
{
	for (; *names; names++) {
		append_value(to, json_object_object_get(object, *names));
		strbuf_puts(to, names[1] ? "\t" : "\n");
	}
}

static void append_line(const struct options *o, struct strbuf *to, struct json_object *object)
{
	if (o->json)
		render_json_line(to, object);
	else
		append_fields(to, fields_of(o), object);
}

void output_append(const struct options *o, struct strbuf *to, struct json_object *value,
		   bool lines)
{
	strbuf_puts(to, "");
	if (o->json && !lines) {
		render_json(to, value);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			append_line(o, to, json_object_array_get_idx(value, i));
	} else {
		append_line(o, to, value);
	}
}
