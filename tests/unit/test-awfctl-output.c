/* --json, --format and --quiet; and that the schema of what is printed has the interface's fields.
 */
#include "awfctl/output.h"

#include "proto/frame.h"
#include "proto/messages.h"
#include "tests/unit/check.h"

#define SCHEMA     "awfctl/output.schema.json"
#define SCHEMA_MAX (1 << 20)

#define PARSE(o, ...)                                                                              \
	options_parse(o, OPTION_READING | OPTION_FORMATTED | OPTION_LISTING, false,                \
		      (char **)(const char *[]){ __VA_ARGS__, NULL }, NULL)

#define OBJECTS                                                                                    \
	"[{\"id\":\"a\\u001b[2J\",\"exitCode\":7,\"oomKilled\":true,\"command\":[\"x\",\"\\u007f " \
	"y\"]},{\"id\":\"b\",\"name\":\"n\\ta\"}]"

static void test_formats(void **state _unused_)
{
	static const struct {
		const char *args[4];
		bool lines;
		const char *text;
	} cases[] = {
		{ { "--format", "id" }, false, "a\\x1b[2J\nb\n" },
		{ { "--format=id,name", "--format", "exitCode" },
		  false,
		  "a\\x1b[2J\t\t7\nb\tn\\x09a\t\n" },
		{ { "--format", "oomKilled, command" }, true, "true\t[\"x\",\"\\u007f y\"]\n\t\n" },
		{ { "-q" }, false, "a\\x1b[2J\nb\n" },
		{ { "--json" },
		  true,
		  "{\"id\":\"a\\u001b[2J\",\"exitCode\":7,\"oomKilled\":true,\"command\":"
		  "[\"x\",\"\\u007f y\"]}\n{\"id\":\"b\",\"name\":\"n\\ta\"}\n" },
	};
	_cleanup_json_ struct json_object *objects = json_tokener_parse(OBJECTS);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_options_ struct options o = { 0 };
		_cleanup_strbuf_ struct strbuf text = { 0 };
		_cleanup_err_ struct err e = { 0 };
		char **args = (char **)cases[i].args;

		assert_true(options_parse(&o, OPTION_READING | OPTION_FORMATTED | OPTION_LISTING,
					  false, args, &e) >= 0);
		assert_int_equal(output_check(&o, &sandbox_info_table, &e), 0);
		assert_false(output_is_table(&o));
		output_append(&o, &text, objects, cases[i].lines);
		assert_string_equal(text.data, cases[i].text);
	}
}

/* One object is a line too, and no object nothing. */
static void test_edges(void **state _unused_)
{
	_cleanup_json_ struct json_object *objects = json_tokener_parse(OBJECTS),
					  *none = json_object_new_array();
	_cleanup_options_ struct options o = { 0 }, nothing = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };

	assert_true(output_is_table(&nothing));
	assert_int_equal(output_check(&nothing, &sandbox_info_table, NULL), 0);
	assert_int_equal(PARSE(&o, "--format", "exitCode"), 2);
	output_append(&o, &text, none, false);
	assert_string_equal(text.data, "");
	output_append(&o, &text, json_object_array_get_idx(objects, 0), false);
	assert_string_equal(text.data, "7\n");
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *args[4];
		const char *message;
	} cases[] = {
		{ { "--format", "id,stat" },
		  "--format 'stat': there is no such field; did you mean 'state'?" },
		{ { "--format", "{{.ID}}" },
		  "--format '{{.ID}}': there is no such field; use id, name, state, ownerUid, "
		  "owner, image, command, createdAt, difcProxy, mounts, masked, "
		  "logDirectory, exitCode, oomKilled, reason, left, pool, steps" },
		{ { "--format", "id", "--json" },
		  "--json, --format and --quiet exclude each other; give one" },
		{ { "--json", "-q" }, "--json, --format and --quiet exclude each other; give one" },
		{ { "-q", "--format", "id" },
		  "--json, --format and --quiet exclude each other; give one" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_options_ struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };
		char **args = (char **)cases[i].args;

		assert_true(options_parse(&o, OPTION_READING | OPTION_FORMATTED | OPTION_LISTING,
					  false, args, &e) >= 0);
		assert_int_equal(output_check(&o, &sandbox_info_table, &e), -EINVAL);
		assert_string_equal(e.message, cases[i].message);
	}
}

/* --- The schema --- */

static const char *type_name(enum field_type type)
{
	static const char *const names[] = {
		[FIELD_STRING] = "string", [FIELD_BOOL] = "boolean", [FIELD_INT] = "integer",
		[FIELD_STRINGS] = "array", [FIELD_ENV] = "object",   [FIELD_OBJECT] = NULL,
		[FIELD_OBJECTS] = "array",
	};

	return names[type];
}

static const char *text_of(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
}

static bool is_required(struct json_object *schema, const char *name)
{
	struct json_object *required = json_object_object_get(schema, "required");

	for (size_t i = 0; i < json_object_array_length(required); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(required, i)), name) ==
		    0)
			return true;
	return false;
}

static void compare_field(const struct field *f, struct json_object *schema)
{
	struct json_object *property =
		json_object_object_get(json_object_object_get(schema, "properties"), f->name);
	struct json_object *items = json_object_object_get(property, "items");

	assert_row(f->name, property);
	assert_same_text(text_of(property, "type"), type_name(f->type));
	assert_row(f->name, is_required(schema, f->name) == !!(f->flags & FIELD_REQUIRED));
	if (f->type == FIELD_STRINGS)
		assert_same_text(text_of(items, "type"), "string");
	if (f->type == FIELD_OBJECTS) {
		_cleanup_free_ char *reference = xasprintf("#/$defs/%s", f->table->name);

		assert_same_text(text_of(items, "$ref"), reference);
	}
}

static void compare(const struct field_table *table, struct json_object *definitions)
{
	struct json_object *schema = json_object_object_get(definitions, table->name);
	struct json_object *additional = json_object_object_get(schema, "additionalProperties");

	assert_row(table->name, schema && additional && !json_object_get_boolean(additional));
	assert_int_equal(json_object_object_length(json_object_object_get(schema, "properties")),
			 table->count);
	for (size_t i = 0; i < table->count; i++)
		compare_field(&table->fields[i], schema);
}

static void test_schema(void **state _unused_)
{
	static const struct field_table *const tables[] = { &sandbox_info_table, &step_info_table,
							    &denial_info_table,
							    &decision_info_table,
							    &finding_info_table };
	_cleanup_json_ struct json_object *schema = NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(file_read(SCHEMA, SCHEMA_MAX, &text, NULL, &e), 0);
	schema = json_tokener_parse(text);
	assert_non_null(schema);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		compare(tables[i], json_object_object_get(schema, "$defs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_schema),
	};

	return RUN_TESTS("awfctl-output", tests);
}
