/* The comparison of the interface file with what is written in C: field tables, method tables,
 * error rows. Both sides are brought into one form, without comments and spaces: "type
 * Step(name:string,…)", "method Stop(id:string,…)->()", "error NotFound(id:string)". */
#include "proto/interface.h"

#include <ctype.h>

#include "awfd/methods.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "proto/errors.h"
#include "proto/frame.h"
#include "proto/messages.h"

#include "tests/unit/check.h"

#define INTERFACE_MAX (1u << 20)

/* --- The file's side ------------------------------------------------------------------------- */

/* Appends a line without its comment and spaces, but for one behind its first word if it begins a
 * declaration; tells how deep in parentheses its end is. */
static int add_line(struct strbuf *to, const char *line, size_t length, int depth)
{
	for (size_t i = 0; i < length && line[i] != '#'; i++) {
		bool is_first_space = !memchr(to->data ? to->data : "", ' ', to->length);

		depth += (line[i] == '(') - (line[i] == ')');
		if (!isspace((unsigned char)line[i]) || (to->length > 0 && is_first_space))
			strbuf_append(to, &line[i], 1);
	}
	return depth;
}

/* A declaration ends with the line that closes its last parenthesis. */
static char **declarations_of(const char *text)
{
	_cleanup_strbuf_ struct strbuf declaration = { 0 };
	char **all = NULL;
	int depth = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		depth = add_line(&declaration, text, n, depth);
		text += n + (text[n] == '\n');
		if (depth == 0 && declaration.length > 0) {
			strv_append(&all, declaration.data);
			strbuf_clear(&declaration);
		}
	}
	assert_int_equal(depth, 0);
	assert_int_equal(declaration.length, 0);
	return all;
}

/* --- The tables' side ------------------------------------------------------------------------ */

static void add_type(struct strbuf *to, const struct field *f)
{
	static const char *const types[] = {
		[FIELD_STRING] = "string",    [FIELD_BOOL] = "bool",          [FIELD_INT] = "int",
		[FIELD_STRINGS] = "[]string", [FIELD_ENV] = "[string]string", [FIELD_OBJECT] = "",
		[FIELD_OBJECTS] = "[]",
	};

	strbuf_appendf(to, "%s:%s%s%s", f->name, f->flags & FIELD_REQUIRED ? "" : "?",
		       types[f->type], f->table ? f->table->name : "");
}

static void add_fields(struct strbuf *to, const struct field_table *table)
{
	strbuf_puts(to, "(");
	for (size_t i = 0; i < table->count; i++) {
		strbuf_puts(to, i ? "," : "");
		add_type(to, &table->fields[i]);
	}
	strbuf_puts(to, ")");
}

static bool has(char *const *v, const char *text)
{
	for (size_t i = 0; v && v[i]; i++)
		if (strcmp(v[i], text) == 0)
			return true;
	return false;
}

/* The named tables that this one leads to, each once. */
static void add_named_tables(char ***all, const struct field_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field_table *named = table->fields[i].table;
		_cleanup_strbuf_ struct strbuf text = { 0 };

		if (!named)
			continue;
		add_named_tables(all, named);
		strbuf_appendf(&text, "type %s", named->name);
		add_fields(&text, named);
		if (!has(*all, text.data))
			strv_append(all, text.data);
	}
}

static void add_method(char ***all, const struct message_method *m)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_appendf(&text, "method %s", m->name);
	add_fields(&text, m->in);
	strbuf_puts(&text, "->");
	add_fields(&text, m->out);
	strv_append(all, text.data);
}

/* An error's parameters are what error_parameters() makes: of an error with everything all of them,
 * of one with nothing those that are not optional. */
static void add_error(char ***all, enum err_kind kind)
{
	const struct err full = { -EIO, kind, 1, "subject", "value", "message" };
	_cleanup_json_ struct json_object *parameters = error_parameters(&full);
	_cleanup_json_ struct json_object *required =
		error_parameters(&(const struct err){ .error = -EIO, .kind = kind });
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const char *separator = "";

	assert_memory_equal(error_name(kind), AWF_INTERFACE ".", strlen(AWF_INTERFACE "."));
	strbuf_appendf(&text, "error %s(", error_name(kind) + strlen(AWF_INTERFACE "."));
	json_object_object_foreach (parameters, key, value) {
		strbuf_appendf(&text, "%s%s:%s%s", separator, key,
			       json_object_object_get_ex(required, key, NULL) ? "" : "?",
			       json_type_to_name(json_object_get_type(value)));
		separator = ",";
	}
	strbuf_puts(&text, ")");
	strv_append(all, text.data);
}

static char **declarations_of_tables(void)
{
	char **all = NULL;

	strv_append(&all, "interface " AWF_INTERFACE);
	for (size_t i = 0; i < message_method_count; i++) {
		add_named_tables(&all, message_methods[i].in);
		add_named_tables(&all, message_methods[i].out);
	}
	for (size_t i = 0; i < message_method_count; i++)
		add_method(&all, &message_methods[i]);
	for (enum err_kind kind = 0; kind < ERR_KIND_COUNT; kind++)
		add_error(&all, kind);
	return all;
}

/* --- Tests ----------------------------------------------------------------------------------- */

static unsigned print_missing(char *const *from, char *const *in, const char *where)
{
	unsigned n = 0;

	for (size_t i = 0; from[i]; i++) {
		if (has(in, from[i]))
			continue;
		print_error("only in %s: %s\n", where, from[i]);
		n++;
	}
	return n;
}

static void test_file_and_tables(void **state _unused_)
{
	_cleanup_strv_ char **declared = declarations_of(interface_description(AWF_INTERFACE));
	_cleanup_strv_ char **written = declarations_of_tables();
	unsigned differences = print_missing(declared, written, "the interface file") +
			       print_missing(written, declared, "the C tables");

	assert_int_equal(differences, 0);
	assert_int_equal(strv_length(declared), strv_length(written)); /* nothing twice */
}

/* Rows in the file's order: awfd's table is indexed by that of the messages. */
static void test_method_tables(void **state _unused_)
{
	_cleanup_strv_ char **declared = declarations_of(interface_description(AWF_INTERFACE));
	size_t n = 0;

	for (size_t i = 0; declared[i]; i++) {
		_cleanup_free_ char *start = NULL;

		if (strncmp(declared[i], "method ", strlen("method ")) != 0)
			continue;
		assert_true(n < message_method_count);
		start = xasprintf("method %s(", message_methods[n].name);
		assert_memory_equal(declared[i], start, strlen(start));
		assert_same_text(methods_name(n), message_methods[n].name);
		n++;
	}
	assert_int_equal(n, message_method_count);
	assert_null(methods_name(n));
}

/* As the standard has it (https://varlink.org/Service). */
static void test_service_interface(void **state _unused_)
{
	static const char *const standard[] = {
		"interface org.varlink.service",
		"method GetInfo()->(vendor:string,product:string,version:string,url:string,"
		"interfaces:[]string)",
		"method GetInterfaceDescription(interface:string)->(description:string)",
		"error InterfaceNotFound(interface:string)",
		"error MethodNotFound(method:string)",
		"error MethodNotImplemented(method:string)",
		"error InvalidParameter(parameter:string)",
		"error PermissionDenied()",
		"error ExpectedMore()",
		NULL,
	};
	_cleanup_strv_ char **declared =
		declarations_of(interface_description("org.varlink.service"));

	assert_int_equal(strv_length(declared), ARRAY_SIZE(standard) - 1);
	for (size_t i = 0; standard[i]; i++)
		assert_same_text(declared[i], standard[i]);
}

/* What is served is what lies in the tree. */
static void test_embedded_files(void **state _unused_)
{
	static const char *const names[] = { AWF_INTERFACE, "org.varlink.service" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = xasprintf("proto/%s.varlink", names[i]), *text = NULL;
		_cleanup_err_ struct err e = { 0 };

		if (file_read(path, INTERFACE_MAX, &text, NULL, &e) < 0)
			fail_msg("%s", e.message);
		assert_string_equal(interface_description(names[i]), text);
	}
	assert_null(interface_description("io.awf"));
	assert_null(interface_description("io.awf.Sandbox.Start"));
	assert_null(interface_description(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_and_tables),
		cmocka_unit_test(test_method_tables),
		cmocka_unit_test(test_service_interface),
		cmocka_unit_test(test_embedded_files),
	};

	return RUN_TESTS("interface", tests);
}
