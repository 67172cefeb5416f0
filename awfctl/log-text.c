#include "awfctl/log-text.h"

#include <string.h>

#include "awfctl/render.h"
#include "common/alloc.h"
#include "common/escape.h"

#define TIME_WIDTH   24
#define SOURCE_WIDTH 8

/* Quotes around what has spaces or the like in it; quotes and backslashes are escaped. */
static void append_value(struct strbuf *to, const char *value)
{
	_cleanup_free_ char *escaped = escape_control(value);

	if (*escaped && escaped[strcspn(escaped, " =\"[]")] == '\0') {
		strbuf_puts(to, escaped);
		return;
	}
	strbuf_puts(to, "\"");
	for (const char *s = escaped; *s; s++)
		strbuf_appendf(to, *s == '"' ? "\\x22" : "%c", *s);
	strbuf_puts(to, "\"");
}

static const char *text_of(struct json_object *value)
{
	return value ? json_object_get_string(value) : "null";
}

static void append_list(struct strbuf *to, struct json_object *list)
{
	strbuf_puts(to, "[");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		strbuf_puts(to, i ? " " : "");
		append_value(to, text_of(json_object_array_get_idx(list, i)));
	}
	strbuf_puts(to, "]");
}

static void append_members(struct strbuf *to, const char *prefix, struct json_object *object);

/* Members of an object within the record have its name before theirs: "grants.image=...". */
static void append_member(struct strbuf *to, const char *prefix, const char *key,
			  struct json_object *value)
{
	_cleanup_free_ char *name = xasprintf("%s%s", prefix, key);

	if (json_object_is_type(value, json_type_object)) {
		_cleanup_free_ char *deeper = xasprintf("%s.", name);

		append_members(to, deeper, value);
		return;
	}
	strbuf_puts(to, " ");
	append_value(to, name);
	strbuf_puts(to, "=");
	if (json_object_is_type(value, json_type_array))
		append_list(to, value);
	else
		append_value(to, text_of(value));
}

static void append_members(struct strbuf *to, const char *prefix, struct json_object *object)
{
	json_object_object_foreach (object, key, value) {
		if (*prefix || strcmp(key, "time") != 0)
			append_member(to, prefix, key, value);
	}
}

void log_text_append(struct strbuf *to, const struct log_record *record)
{
	struct json_object *time = json_object_object_get(record->object, "time");
	_cleanup_free_ char *text = escape_control(time ? json_object_get_string(time) : "-");

	strbuf_appendf(to, "%-*s  %-*s", TIME_WIDTH, text, SOURCE_WIDTH,
		       log_source_name(record->source));
	append_members(to, "", record->object);
	strbuf_puts(to, "\n");
}

void log_text_append_json(struct strbuf *to, const struct log_record *record)
{
	json_object_object_add(record->object, "log",
			       json_object_new_string(log_source_name(record->source)));
	render_json_line(to, record->object);
}
