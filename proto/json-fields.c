#include "proto/json-fields.h"

#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"
#include "common/utf8.h"

/* How long a value, or a name that the peer chose, may be in an error. */
#define SHOWN_MAX 200

static void *member(const struct field *f, void *base)
{
	return (char *)base + f->offset;
}

static const void *const_member(const struct field *f, const void *base)
{
	return (const char *)base + f->offset;
}

static const struct field *find_field(const struct field_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return &table->fields[i];
	return NULL;
}

static char *shown(const char *text)
{
	return text ? xstrndup(text, utf8_cut(text, SHOWN_MAX)) : NULL;
}

static int wrong(struct err *e, const struct field *f, struct json_object *value,
		 const char *reason)
{
	_cleanup_free_ char *text = shown(value ? json_object_to_json_string(value) : NULL);

	return err_invalid(e, f->name, text, "%s", reason);
}

static size_t limit_of(const struct field *f)
{
	return f->max ? f->max : FIELD_MAX_DEFAULT;
}

/* Checks type, embedded NUL and the budget that the strings of one field share. */
static int check_string(const struct field *f, struct json_object *value, size_t *budget,
			struct err *e)
{
	size_t length;

	if (!json_object_is_type(value, json_type_string))
		return wrong(e, f, value, "must be a string");
	length = (size_t)json_object_get_string_len(value);
	if (strlen(json_object_get_string(value)) != length)
		return err_invalid(e, f->name, NULL, "must not contain a NUL character");
	if (length > *budget)
		return err_invalid(e, f->name, NULL, "is longer than %zu bytes", limit_of(f));
	*budget -= length;
	return 0;
}

static int parse_string(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	size_t budget = limit_of(f);
	int r = check_string(f, value, &budget, e);

	if (r == 0)
		*(char **)to = xstrdup(json_object_get_string(value));
	return r;
}

static int parse_bool(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	if (!json_object_is_type(value, json_type_boolean))
		return wrong(e, f, value, "must be true or false");
	*(bool *)to = json_object_get_boolean(value);
	return 0;
}

static int parse_int(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	int64_t number;

	if (!json_object_is_type(value, json_type_int))
		return wrong(e, f, value, "must be an integer");
	number = json_object_get_int64(value);
	if (number == INT64_MIN || number == INT64_MAX) /* what json-c makes of larger ones */
		return wrong(e, f, value, "is out of range");
	*(int64_t *)to = number;
	return 0;
}

/* Each array entry also costs its pointer, so that many empty strings are bounded too. */
static int spend_entry(const struct field *f, size_t *budget, struct err *e)
{
	if (*budget < sizeof(char *))
		return err_invalid(e, f->name, NULL, "is larger than %zu bytes", limit_of(f));
	*budget -= sizeof(char *);
	return 0;
}

static int parse_strings(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	size_t budget = limit_of(f), count;
	_cleanup_strv_ char **strings = NULL;

	if (!json_object_is_type(value, json_type_array))
		return wrong(e, f, value, "must be an array of strings");
	count = json_object_array_length(value);
	strings = xcalloc(count + 1, sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		int r = spend_entry(f, &budget, e);

		if (r == 0)
			r = check_string(f, item, &budget, e);
		if (r < 0)
			return r;
		strings[i] = xstrdup(json_object_get_string(item));
	}
	*(char ***)to = TAKE_PTR(strings);
	return 0;
}

static int check_env_name(const struct field *f, const char *name, struct err *e)
{
	_cleanup_free_ char *text = shown(name);

	if (*name == '\0' || strchr(name, '='))
		return err_invalid(e, f->name, text, "is no name of a variable");
	return 0;
}

static int parse_env(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	size_t budget = limit_of(f), n = 0;
	_cleanup_strv_ char **env = NULL;

	if (!json_object_is_type(value, json_type_object))
		return wrong(e, f, value, "must be an object of strings");
	env = xcalloc((size_t)json_object_object_length(value) + 1, sizeof(char *));
	json_object_object_foreach (value, key, item) {
		int r = check_env_name(f, key, e);

		if (r == 0)
			r = spend_entry(f, &budget, e);
		if (r == 0)
			r = check_string(f, item, &budget, e);
		if (r < 0)
			return r;
		if (strlen(key) > budget)
			return err_invalid(e, f->name, NULL, "is larger than %zu bytes",
					   limit_of(f));
		budget -= strlen(key);
		env[n++] = xasprintf("%s=%s", key, json_object_get_string(item));
	}
	*(char ***)to = TAKE_PTR(env);
	return 0;
}

/* "outer.inner": the field inside a nested object that was wrong. */
static int name_outer(struct err *e, const struct field *f, int error)
{
	if (e && e->subject) {
		char *nested = xasprintf("%s.%s", f->name, e->subject);

		free(e->subject);
		e->subject = nested;
	}
	return error;
}

static int parse_object(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	_cleanup_free_ void *object = NULL;
	int r;

	if (!json_object_is_type(value, json_type_object))
		return wrong(e, f, value, "must be an object");
	object = xcalloc(1, f->table->size);
	r = fields_parse(f->table, value, object, e);
	if (r < 0)
		return name_outer(e, f, r);
	*(void **)to = TAKE_PTR(object);
	return 0;
}

static void free_objects(const struct field *f, void **objects)
{
	for (size_t i = 0; objects && objects[i]; i++) {
		fields_clear(f->table, objects[i]);
		free(objects[i]);
	}
	free(objects);
}

static int parse_objects(const struct field *f, struct json_object *value, void *to, struct err *e)
{
	void **objects;
	size_t count;

	if (!json_object_is_type(value, json_type_array))
		return wrong(e, f, value, "must be an array of objects");
	count = json_object_array_length(value);
	objects = xcalloc(count + 1, sizeof(void *));
	for (size_t i = 0; i < count; i++) {
		int r = parse_object(f, json_object_array_get_idx(value, i), &objects[i], e);

		if (r < 0) {
			free_objects(f, objects);
			return r;
		}
	}
	*(void ***)to = objects;
	return 0;
}

static void clear_string(const struct field *f _unused_, void *at)
{
	free(*(char **)at);
}

static void clear_strings(const struct field *f _unused_, void *at)
{
	strv_free(*(char ***)at);
}

static void clear_object(const struct field *f, void *at)
{
	void *object = *(void **)at;

	if (object)
		fields_clear(f->table, object);
	free(object);
}

static void clear_objects(const struct field *f, void *at)
{
	free_objects(f, *(void ***)at);
}

static struct json_object *build_string(const struct field *f _unused_, const void *at)
{
	const char *s = *(char *const *)at;

	return s ? json_object_new_string(s) : NULL;
}

static struct json_object *build_bool(const struct field *f _unused_, const void *at)
{
	return json_object_new_boolean(*(const bool *)at);
}

static struct json_object *build_int(const struct field *f, const void *at)
{
	int64_t number = *(const int64_t *)at;

	return f->absent != 0 && number == f->absent ? NULL : json_object_new_int64(number);
}

static struct json_object *build_strings(const struct field *f _unused_, const void *at)
{
	char *const *v = *(char **const *)at;
	struct json_object *array;

	if (!v)
		return NULL;
	array = json_object_new_array();
	for (size_t i = 0; v[i]; i++)
		json_object_array_add(array, json_object_new_string(v[i]));
	return array;
}

static struct json_object *build_env(const struct field *f _unused_, const void *at)
{
	char *const *v = *(char **const *)at;
	struct json_object *object;

	if (!v)
		return NULL;
	object = json_object_new_object();
	for (size_t i = 0; v[i]; i++) {
		const char *value = strchr(v[i], '=');
		_cleanup_free_ char *key = NULL;

		if (!value)
			continue;
		key = xstrndup(v[i], (size_t)(value - v[i]));
		json_object_object_add(object, key, json_object_new_string(value + 1));
	}
	return object;
}

static struct json_object *build_object(const struct field *f, const void *at)
{
	const void *object = *(void *const *)at;

	return object ? fields_build(f->table, object) : NULL;
}

static struct json_object *build_objects(const struct field *f, const void *at)
{
	void *const *objects = *(void **const *)at;
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; objects && objects[i]; i++)
		json_object_array_add(array, fields_build(f->table, objects[i]));
	return array;
}

/* What a type does in each direction; clear is NULL for types that own nothing. */
static const struct {
	int (*parse)(const struct field *f, struct json_object *value, void *to, struct err *e);
	struct json_object *(*build)(const struct field *f, const void *at);
	void (*clear)(const struct field *f, void *at);
} field_types[] = {
	[FIELD_STRING] = { parse_string, build_string, clear_string },
	[FIELD_BOOL] = { parse_bool, build_bool, NULL },
	[FIELD_INT] = { parse_int, build_int, NULL },
	[FIELD_STRINGS] = { parse_strings, build_strings, clear_strings },
	[FIELD_ENV] = { parse_env, build_env, clear_strings },
	[FIELD_OBJECT] = { parse_object, build_object, clear_object },
	[FIELD_OBJECTS] = { parse_objects, build_objects, clear_objects },
};

static int refuse_unknown(const struct field_table *table, struct json_object *object,
			  struct err *e)
{
	json_object_object_foreach (object, key, value) {
		_cleanup_free_ char *text = shown(key);

		(void)value;
		if (!find_field(table, key))
			return err_invalid(e, text, NULL, "is not a known field");
	}
	return 0;
}

static int parse_one(const struct field *f, struct json_object *object, void *to, struct err *e)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, f->name, &value) || !value) {
		if (f->flags & FIELD_REQUIRED)
			return err_invalid(e, f->name, NULL, "is missing");
		if (f->absent != 0)
			*(int64_t *)member(f, to) = f->absent;
		return 0;
	}
	return field_types[f->type].parse(f, value, member(f, to), e);
}

int fields_parse(const struct field_table *table, struct json_object *object, void *to,
		 struct err *e)
{
	int r = refuse_unknown(table, object, e);

	for (size_t i = 0; r == 0 && i < table->count; i++)
		r = parse_one(&table->fields[i], object, to, e);
	if (r < 0)
		fields_clear(table, to);
	return r;
}

static void json_putp(struct json_object **o)
{
	json_object_put(*o);
}

static void tokener_freep(struct json_tokener **t)
{
	json_tokener_free(*t);
}

int fields_parse_text(const struct field_table *table, const char *text, size_t length, int depth,
		      void *to)
{
	_cleanup_(tokener_freep) struct json_tokener *tokener = json_tokener_new_ex(depth);
	_cleanup_(json_putp) struct json_object *o = NULL;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != length ||
	    !json_object_is_type(o, json_type_object))
		return -EINVAL;
	return fields_parse(table, o, to, NULL) < 0 ? -EINVAL : 0;
}

struct json_object *fields_build(const struct field_table *table, const void *from)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		struct json_object *value = field_types[f->type].build(f, const_member(f, from));

		if (value)
			json_object_object_add(object, f->name, value);
	}
	return object;
}

void fields_clear(const struct field_table *table, void *from)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];

		if (field_types[f->type].clear)
			field_types[f->type].clear(f, member(f, from));
	}
	memset(from, 0, table->size);
}
