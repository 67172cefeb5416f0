/* Varlink framing and every field table: the first byte says how large the portions are that the
 * rest arrives in. Whatever is accepted survives being built and parsed again. */
#include <stdint.h>
#include <string.h>

#include "common/alloc.h"
#include "proto/frame.h"
#include "proto/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *build_text(const struct field_table *table, const void *from)
{
	_cleanup_json_ struct json_object *object = fields_build(table, from);

	return xstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
}

/* Parses the text into a struct and builds the text of that; NULL when it is refused. */
static char *round_trip(const struct field_table *table, struct json_object *object)
{
	_cleanup_free_ void *to = xcalloc(1, table->size);
	_cleanup_err_ struct err e = { 0 };
	char *text;

	if (fields_parse(table, object, to, &e) < 0) {
		if (e.error == 0 || !e.message)
			abort();
		return NULL;
	}
	text = build_text(table, to);
	fields_clear(table, to);
	return text;
}

static void try_table(const struct field_table *table, struct json_object *object)
{
	_cleanup_free_ char *once = round_trip(table, object), *twice = NULL;
	_cleanup_json_ struct json_object *again = NULL;

	if (!once)
		return;
	if (frame_parse(once, strlen(once), &again, NULL) < 0)
		abort();
	twice = round_trip(table, again);
	if (!twice || strcmp(once, twice) != 0)
		abort();
}

/* The object itself as each message, and the parameters of a call or reply. */
static void try_message(struct json_object *message)
{
	struct json_object *parameters = message;

	(void)json_object_object_get_ex(message, "parameters", &parameters);
	if (!json_object_is_type(parameters, json_type_object))
		return;
	for (size_t i = 0; i < message_method_count; i++) {
		try_table(message_methods[i].in, parameters);
		try_table(message_methods[i].out, parameters);
	}
}

static void take_messages(struct frame_reader *reader)
{
	for (;;) {
		_cleanup_json_ struct json_object *message = NULL;
		_cleanup_err_ struct err e = { 0 };
		int r = frame_next(reader, &message, &e);

		if (r == 0)
			return;
		if (r > 0)
			try_message(message);
		else if (!e.message)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_reader reader = { 0 };
	size_t portion;

	if (size < 2)
		return 0;
	portion = data[0] + 1;
	for (size_t at = 1; at < size; at += portion) {
		if (frame_feed(&reader, data + at, MIN(portion, size - at)) < 0)
			break;
		take_messages(&reader);
	}
	frame_reader_clear(&reader);
	return 0;
}
