/* Field tables: one table says how a JSON object maps to a C struct, in both directions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"

enum field_type {
	FIELD_STRING,  /* char * */
	FIELD_BOOL,    /* bool */
	FIELD_INT,     /* int64_t */
	FIELD_STRINGS, /* char ** (strv) from []string */
	FIELD_ENV,     /* char ** (strv of KEY=value) from [string]string */
	FIELD_OBJECT,  /* pointer to the struct of `table` */
	FIELD_OBJECTS, /* NULL-terminated array of pointers to the struct of `table` */
};

enum { FIELD_REQUIRED = 1 << 0 };

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset; /* of the member in the struct */
	size_t max; /* bytes of one string; for arrays and maps of all of it; 0: FIELD_MAX_DEFAULT
		     */
	const struct field_table *table;
	int64_t absent; /* FIELD_INT: 0, or what stands for a field that is not there */
};

/* An `absent` that no message can hold. */
#define FIELD_INT_ABSENT INT64_MIN

struct field_table {
	const char *name; /* the type's name in the interface file, or NULL for parameters */
	const struct field *fields;
	size_t count;
	size_t size; /* of the struct */
};

#define FIELD_MAX_DEFAULT 4096

#define FIELD(struct_type, member, json_name, ...)                                                 \
	{                                                                                          \
		.name = (json_name), .offset = offsetof(struct_type, member), __VA_ARGS__          \
	}

#define FIELD_TABLE(struct_type, type_name, rows)                                                  \
	{                                                                                          \
		.name = (type_name), .fields = (rows), .count = ARRAY_SIZE(rows),                  \
		.size = sizeof(struct_type)                                                        \
	}

/* Fills the zeroed struct `to` from the object. An unknown field, a missing required one, a wrong
 * type, a string with a NUL in it or one too long is ERR_INVALID_ARGUMENT with the field's name (of
 * a nested one "outer.inner"); `to` then holds nothing. A null value is an absent field. */
int fields_parse(const struct field_table *table, struct json_object *object, void *to,
		 struct err *e) _must_check_;

/* The same from a text that is one object, with nothing before or behind it, and no deeper than
 * `depth`: 0 or -EINVAL. */
int fields_parse_text(const struct field_table *table, const char *text, size_t length, int depth,
		      void *to) _must_check_;

/* The JSON object of a struct; absent (NULL) pointers are left out. The caller owns it. */
struct json_object *fields_build(const struct field_table *table, const void *from) _must_check_;

/* Frees what the members own (not the struct) and zeroes the struct. */
void fields_clear(const struct field_table *table, void *from);
