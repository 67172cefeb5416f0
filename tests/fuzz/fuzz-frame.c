/* A stream of messages is cut the same however it arrives; what a field table takes is the same
 * again after build and parse, and what it refuses leaves nothing behind but a reason. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/alloc.h"
#include "common/utf8.h"
#include "proto/errors.h"
#include "proto/frame.h"
#include "proto/messages.h"

#define STRUCT_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static const char *text_of(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
}

static void require_empty(const struct field_table *table, const void *parsed)
{
	static const char zeros[STRUCT_MAX];

	require(table->size <= STRUCT_MAX && memcmp(parsed, zeros, table->size) == 0);
}

static void require_reason(const struct err *e)
{
	require(e->error < 0 && e->kind == ERR_INVALID_ARGUMENT && e->message && e->subject);
	require(utf8_is_valid(e->subject) && (!e->value || utf8_is_valid(e->value)));
}

/* As text and back: the object is the caller's. */
static struct json_object *resend(struct json_object *o)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };
	struct json_object *back = NULL;

	require(frame_append(&b, o) == 0);
	require(frame_parse(b.data, b.length - 1, &back, NULL) == 0);
	return back;
}

static void check_table(const struct field_table *table, struct json_object *o)
{
	_cleanup_json_ struct json_object *built = NULL, *sent = NULL, *again = NULL;
	_Alignas(max_align_t) char parsed[STRUCT_MAX] = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (fields_parse(table, o, parsed, &e) < 0) {
		require_reason(&e);
		require_empty(table, parsed);
		return;
	}
	built = fields_build(table, parsed);
	fields_clear(table, parsed);
	require_empty(table, parsed);
	sent = resend(built);
	require(fields_parse(table, sent, parsed, &e) == 0);
	again = fields_build(table, parsed);
	fields_clear(table, parsed);
	require(strcmp(text_of(built), text_of(again)) == 0);
}

/* An error that was understood is the same after it was passed on. */
static void check_error(struct json_object *o)
{
	struct json_object *name = json_object_object_get(o, "error");
	_cleanup_json_ struct json_object *parameters = NULL;
	_cleanup_err_ struct err e = { 0 }, again = { 0 };
	_cleanup_free_ char *text = NULL, *text_again = NULL;

	if (!json_object_is_type(name, json_type_string))
		return;
	error_parse(json_object_get_string(name), json_object_object_get(o, "parameters"), &e);
	text = err_text(&e);
	parameters = error_parameters(&e);
	error_parse(error_name(e.kind), parameters, &again);
	text_again = err_text(&again);
	require(e.error < 0 && again.kind == e.kind && strcmp(text, text_again) == 0);
}

/* The object itself as each message, or the parameters of a call or reply. */
static void check_message(struct json_object *o)
{
	struct json_object *parameters = o;

	check_error(o);
	(void)json_object_object_get_ex(o, "parameters", &parameters);
	if (!json_object_is_type(parameters, json_type_object))
		return;
	for (size_t i = 0; i < message_method_count; i++) {
		check_table(message_methods[i].in, parameters);
		check_table(message_methods[i].out, parameters);
	}
}

/* Takes what is complete; writes one line for each message or error. */
static void take_all(struct frame_reader *r, struct strbuf *lines, bool check)
{
	for (;;) {
		_cleanup_json_ struct json_object *o = NULL;
		_cleanup_err_ struct err e = { 0 };
		int status = frame_next(r, &o, &e);

		if (status == 0)
			return;
		require((status > 0) == (o != NULL) && (status < 0) == (e.message != NULL));
		strbuf_appendf(lines, "%d %s\n", status, o ? text_of(o) : e.message);
		if (o && check)
			check_message(o);
	}
}

static char *feed(const uint8_t *data, size_t size, size_t portion, bool check)
{
	struct strbuf lines = { 0 };
	struct frame_reader r = { 0 };

	for (size_t at = 0; at < size; at += portion) {
		require(frame_feed(&r, data + at, MIN(portion, size - at)) == 0);
		take_all(&r, &lines, check);
	}
	require(frame_pending(&r) <= size);
	frame_reader_clear(&r);
	return strbuf_take(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *whole = NULL, *portions = NULL;

	if (size < 2)
		return 0;
	whole = feed(data + 1, size - 1, size - 1, true);
	portions = feed(data + 1, size - 1, data[0] + 1u, false);
	require(strcmp(whole, portions) == 0);
	return 0;
}
