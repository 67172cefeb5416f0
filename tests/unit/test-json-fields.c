#include "proto/json-fields.h"

#include "common/strbuf.h"
#include "common/strv.h"
#include "common/utf8.h"
#include "proto/frame.h"

#include "tests/unit/check.h"

/* One field of each type, with small limits. */
struct inner {
	char *name;
	int64_t number;
};

struct outer {
	char *text;
	char *needed;
	bool flag;
	int64_t number;
	char **list;
	char **env;
	struct inner *object;
	struct inner **objects;
};

static const struct field inner_fields[] = {
	FIELD(struct inner, name, "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED),
	FIELD(struct inner, number, "number", .type = FIELD_INT),
};
static const struct field_table inner_table = FIELD_TABLE(struct inner, "Inner", inner_fields);

static const struct field outer_fields[] = {
	FIELD(struct outer, text, "text", .type = FIELD_STRING, .max = 10),
	FIELD(struct outer, needed, "needed", .type = FIELD_STRING, .flags = FIELD_REQUIRED),
	FIELD(struct outer, flag, "flag", .type = FIELD_BOOL),
	FIELD(struct outer, number, "number", .type = FIELD_INT),
	FIELD(struct outer, list, "list", .type = FIELD_STRINGS, .max = 3 * sizeof(char *) + 6),
	FIELD(struct outer, env, "env", .type = FIELD_ENV, .max = 2 * sizeof(char *) + 6),
	FIELD(struct outer, object, "object", .type = FIELD_OBJECT, .table = &inner_table),
	FIELD(struct outer, objects, "objects", .type = FIELD_OBJECTS, .table = &inner_table),
};
static const struct field_table outer_table = FIELD_TABLE(struct outer, "Outer", outer_fields);

static struct json_object *json_of(const char *text)
{
	_cleanup_err_ struct err e = { 0 };
	struct json_object *o = NULL;

	if (frame_parse(text, strlen(text), &o, &e) < 0)
		fail_msg("%s: %s", text, e.message);
	return o;
}

static int parse(const char *text, struct outer *to, struct err *e)
{
	_cleanup_json_ struct json_object *o = json_of(text);

	return fields_parse(&outer_table, o, to, e);
}

static void assert_empty(const struct outer *o)
{
	static const struct outer empty = { 0 };

	assert_memory_equal(o, &empty, sizeof(empty));
}

static void outer_clear(struct outer *o)
{
	fields_clear(&outer_table, o);
}

#define _cleanup_outer_ _cleanup_(outer_clear)

static const char everything[] =
	"{\"text\":\"a\xc3\xbc\",\"needed\":\"\",\"flag\":true,\"number\":-42,\"list\":[\"x\",\"\",\"y\"],"
	"\"env\":{\"A\":\"1=2\",\"B\":\"\"},\"object\":{\"name\":\"in\",\"number\":7},"
	"\"objects\":[{\"name\":\"one\",\"number\":0},{\"name\":\"two\",\"number\":2}]}";

static void test_everything(void **state _unused_)
{
	_cleanup_outer_ struct outer o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (parse(everything, &o, &e) < 0)
		fail_msg("%s: %s", e.subject, e.message);
	assert_same_text(o.text, "a\xc3\xbc");
	assert_same_text(o.needed, "");
	assert_true(o.flag);
	assert_int_equal(o.number, -42);
	assert_int_equal(strv_length(o.list), 3);
	assert_same_text(o.list[1], "");
	assert_int_equal(strv_length(o.env), 2);
	assert_same_text(strv_env_get(o.env, "A"), "1=2");
	assert_same_text(strv_env_get(o.env, "B"), "");
	assert_same_text(o.object->name, "in");
	assert_int_equal(o.object->number, 7);
	assert_same_text(o.objects[1]->name, "two");
	assert_null(o.objects[2]);
}

static void test_round_trip(void **state _unused_)
{
	_cleanup_json_ struct json_object *built = NULL;
	_cleanup_outer_ struct outer o = { 0 };

	assert_int_equal(parse(everything, &o, NULL), 0);
	built = fields_build(&outer_table, &o);
	assert_string_equal(json_object_to_json_string_ext(built, JSON_C_TO_STRING_PLAIN),
			    everything);
}

struct choice {
	int64_t number;
};

static const struct field choice_fields[] = {
	FIELD(struct choice, number, "number", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
};
static const struct field_table choice_table = FIELD_TABLE(struct choice, NULL, choice_fields);

/* A number may be told apart from none: no message can hold what stands for none. */
static void test_absent_number(void **state _unused_)
{
	static const struct {
		const char *text;
		int64_t number;
		const char *built;
	} cases[] = {
		{ "{}", FIELD_INT_ABSENT, "{}" },
		{ "{\"number\":null}", FIELD_INT_ABSENT, "{}" },
		{ "{\"number\":0}", 0, "{\"number\":0}" },
		{ "{\"number\":-1}", -1, "{\"number\":-1}" },
	};
	_cleanup_json_ struct json_object *least = json_of("{\"number\":-9223372036854775808}");
	struct choice c = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *o = json_of(cases[i].text), *built = NULL;

		assert_int_equal(fields_parse(&choice_table, o, &c, NULL), 0);
		assert_int_equal(c.number, cases[i].number);
		built = fields_build(&choice_table, &c);
		assert_string_equal(json_object_to_json_string_ext(built, JSON_C_TO_STRING_PLAIN),
				    cases[i].built);
	}
	assert_int_equal(fields_parse(&choice_table, least, &c, NULL), -EINVAL);
}

/* Absent pointers are left out, flags and numbers never are; a null is an absent field. */
static void test_absent(void **state _unused_)
{
	static const char *const texts[] = {
		"{\"needed\":\"x\"}",
		"{\"needed\":\"x\",\"text\":null,\"flag\":null,\"number\":null,\"list\":null,\"env\":null,"
		"\"object\":null,\"objects\":null}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ struct json_object *built = NULL;
		_cleanup_outer_ struct outer o = { 0 };

		assert_int_equal(parse(texts[i], &o, NULL), 0);
		assert_null(o.text);
		assert_null(o.list);
		assert_null(o.env);
		assert_null(o.object);
		assert_null(o.objects);
		built = fields_build(&outer_table, &o);
		assert_string_equal(
			json_object_to_json_string_ext(built, JSON_C_TO_STRING_PLAIN),
			"{\"needed\":\"x\",\"flag\":false,\"number\":0,\"objects\":[]}");
	}
}

static void test_empty_lists(void **state _unused_)
{
	_cleanup_json_ struct json_object *built = NULL;
	_cleanup_outer_ struct outer o = { 0 };

	assert_int_equal(parse("{\"needed\":\"\",\"list\":[],\"env\":{},\"objects\":[]}", &o, NULL),
			 0);
	assert_non_null(o.list);
	assert_non_null(o.env);
	assert_non_null(o.objects);
	built = fields_build(&outer_table, &o);
	assert_string_equal(json_object_to_json_string_ext(built, JSON_C_TO_STRING_PLAIN),
			    "{\"needed\":\"\",\"flag\":false,\"number\":0,\"list\":[],\"env\":{},"
			    "\"objects\":[]}");
}

/* Each is put beside a valid "needed". */
static const struct {
	const char *field;
	const char *subject;
	const char *value;
	const char *reason;
} refusals[] = {
	{ "\"text\":1", "text", "1", "must be a string" },
	{ "\"text\":true", "text", "true", "must be a string" },
	{ "\"text\":[\"a\"]", "text", "[ \"a\" ]", "must be a string" },
	{ "\"text\":{}", "text", "{ }", "must be a string" },
	{ "\"text\":\"a\\u0000b\"", "text", NULL, "must not contain a NUL character" },
	{ "\"text\":\"12345678901\"", "text", NULL, "is longer than 10 bytes" },
	{ "\"text\":\"123456789\xc3\xbc\"", "text", NULL, "is longer than 10 bytes" },
	{ "\"flag\":1", "flag", "1", "must be true or false" },
	{ "\"flag\":\"true\"", "flag", "\"true\"", "must be true or false" },
	{ "\"number\":\"1\"", "number", "\"1\"", "must be an integer" },
	{ "\"number\":1.0", "number", "1.0", "must be an integer" },
	{ "\"number\":1e3", "number", "1e3", "must be an integer" },
	{ "\"number\":true", "number", "true", "must be an integer" },
	{ "\"number\":9223372036854775808", "number", "9223372036854775808", "is out of range" },
	{ "\"number\":99999999999999999999", "number", "18446744073709551615", "is out of range" },
	{ "\"number\":-9223372036854775809", "number", "-9223372036854775808", "is out of range" },
	{ "\"list\":\"a\"", "list", "\"a\"", "must be an array of strings" },
	{ "\"list\":{}", "list", "{ }", "must be an array of strings" },
	{ "\"list\":[\"a\",1]", "list", "1", "must be a string" },
	{ "\"list\":[null]", "list", NULL, "must be a string" },
	{ "\"list\":[\"a\\u0000\"]", "list", NULL, "must not contain a NUL character" },
	{ "\"list\":[\"abcdefghijkl\",\"mno\"]", "list", NULL, "is longer than 30 bytes" },
	{ "\"list\":[\"\",\"\",\"\",\"\"]", "list", NULL, "is larger than 30 bytes" },
	{ "\"env\":[\"A=1\"]", "env", "[ \"A=1\" ]", "must be an object of strings" },
	{ "\"env\":{\"A\":1}", "env", "1", "must be a string" },
	{ "\"env\":{\"A\":null}", "env", NULL, "must be a string" },
	{ "\"env\":{\"\":\"1\"}", "env", "", "is no name of a variable" },
	{ "\"env\":{\"A=B\":\"1\"}", "env", "A=B", "is no name of a variable" },
	{ "\"env\":{\"A\":\"\\u0000\"}", "env", NULL, "must not contain a NUL character" },
	{ "\"env\":{\"A\":\"1234567890123456789\"}", "env", NULL, "is longer than 22 bytes" },
	{ "\"env\":{\"ABCDEFGHIJKLMNO\":\"\"}", "env", NULL, "is larger than 22 bytes" },
	{ "\"env\":{\"A\":\"\",\"B\":\"\",\"C\":\"\"}", "env", NULL, "is larger than 22 bytes" },
	{ "\"object\":[]", "object", "[ ]", "must be an object" },
	{ "\"object\":{}", "object.name", NULL, "is missing" },
	{ "\"object\":{\"name\":null}", "object.name", NULL, "is missing" },
	{ "\"object\":{\"name\":1}", "object.name", "1", "must be a string" },
	{ "\"object\":{\"name\":\"\",\"other\":1}", "object.other", NULL, "is not a known field" },
	{ "\"objects\":{}", "objects", "{ }", "must be an array of objects" },
	{ "\"objects\":[1]", "objects", "1", "must be an object" },
	{ "\"objects\":[null]", "objects", NULL, "must be an object" },
	{ "\"objects\":[{\"name\":\"a\"},{}]", "objects.name", NULL, "is missing" },
	{ "\"other\":1", "other", NULL, "is not a known field" },
	{ "\"other\":null", "other", NULL, "is not a known field" },
	{ "\"Text\":\"a\"", "Text", NULL, "is not a known field" },
	{ "\"\":1", "", NULL, "is not a known field" },
};

static void test_refusals(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_free_ char *text = xasprintf("{\"needed\":\"x\",%s}", refusals[i].field);
		_cleanup_err_ struct err e = { 0 };
		struct outer o = { 0 };

		assert_row(refusals[i].field, parse(text, &o, &e) == -EINVAL);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_row(refusals[i].field, same_text(e.subject, refusals[i].subject));
		assert_row(refusals[i].field, same_text(e.value, refusals[i].value));
		assert_same_text(e.message, refusals[i].reason);
		assert_empty(&o);
		assert_int_equal(parse(text, &o, NULL), -EINVAL);
	}
}

static void test_missing(void **state _unused_)
{
	static const char *const texts[] = { "{}", "{\"needed\":null}", "{\"text\":\"a\"}" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct outer o = { 0 };

		assert_int_equal(parse(texts[i], &o, &e), -EINVAL);
		assert_same_text(e.subject, "needed");
		assert_same_text(e.message, "is missing");
		assert_empty(&o);
	}
}

/* Exactly as large as it may be. */
static const char *const at_the_limit[] = {
	"\"text\":\"1234567890\"",
	"\"text\":\"12345678\xc3\xbc\"",
	"\"list\":[\"ab\",\"cd\",\"ef\"]",
	"\"list\":[\"abcdefghijklmnopqrstuv\"]",
	"\"env\":{\"AB\":\"12\",\"C\":\"3\"}",
	"\"env\":{\"ABCDEFG\":\"1234567\"}",
	"\"number\":9223372036854775806",
	"\"number\":-9223372036854775807",
};

static void test_limits(void **state _unused_)
{
	_cleanup_free_ char *full = NULL, *longer = NULL;
	_cleanup_strbuf_ struct strbuf filler = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(at_the_limit); i++) {
		_cleanup_free_ char *text = xasprintf("{\"needed\":\"\",%s}", at_the_limit[i]);
		_cleanup_outer_ struct outer o = { 0 };

		assert_row(at_the_limit[i], parse(text, &o, NULL) == 0);
	}
	while (filler.length < FIELD_MAX_DEFAULT)
		strbuf_puts(&filler, "x");
	full = xasprintf("{\"needed\":\"%s\"}", filler.data);
	longer = xasprintf("{\"needed\":\"%s+\"}", filler.data);
	for (unsigned more = 0; more < 2; more++) {
		_cleanup_outer_ struct outer o = { 0 };

		assert_int_equal(parse(more ? longer : full, &o, NULL), more ? -EINVAL : 0);
	}
}

/* What the peer wrote comes back shortened, and still as UTF-8. */
static void assert_shown_well(const char *before, const char *filler, const char *behind)
{
	_cleanup_free_ char *text = xasprintf("{\"needed\":\"\",%s%s%s}", before, filler, behind);
	_cleanup_err_ struct err e = { 0 };
	struct outer o = { 0 };

	assert_int_equal(parse(text, &o, &e), -EINVAL);
	assert_true(strlen(e.subject) <= 200 && utf8_is_valid(e.subject));
	assert_true(!e.value || (strlen(e.value) <= 200 && utf8_is_valid(e.value)));
}

static void test_shown_values(void **state _unused_)
{
	for (size_t length = 190; length < 210; length++) {
		_cleanup_strbuf_ struct strbuf filler = { 0 };

		while (filler.length < length)
			strbuf_puts(&filler, "x");
		strbuf_puts(&filler, "\xe2\x82\xac\xf0\x9f\x99\x82");
		assert_shown_well("\"flag\":\"", filler.data, "\"");
		assert_shown_well("\"", filler.data, "\":1");
		assert_shown_well("\"env\":{\"", filler.data, "=\":\"1\"}");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),   cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_absent),       cmocka_unit_test(test_absent_number),
		cmocka_unit_test(test_empty_lists),  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_missing),      cmocka_unit_test(test_limits),
		cmocka_unit_test(test_shown_values),
	};

	return RUN_TESTS("json-fields", tests);
}
