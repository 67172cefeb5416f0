/* Reads YAML, and so JSON, event by event: nothing is read but what is expected next, so that no
 * depth and no size but those of the text are ever reached. Refused, with the line: anchors,
 * aliases, tags, keys that are not known or there twice, a second document. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#include "common/cleanup.h"
#include "common/err.h"

/* A text on its way through libyaml's parser, with the current event. */
struct yaml_reader {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *name; /* of the file, for errors */
	const char *text;
	struct err *e;
};

/* A key of a mapping, and what reads its value, which is the current event, into `target`. */
struct yaml_key {
	const char *name;
	bool required;
	int (*read)(struct yaml_reader *r, const struct yaml_key *key, void *target);
	const char *option;             /* the reader's: whose value it is */
	const struct yaml_shape *shape; /* the reader's: of a mapping */
};

#define YAML_KEYS_MAX 32

/* A sort of mapping. */
struct yaml_shape {
	const char *noun;
	const struct yaml_key *keys;
	size_t count; /* YAML_KEYS_MAX at most */
};

#define YAML_SHAPE(noun, keys)                                                                     \
	{                                                                                          \
		(noun), (keys), ARRAY_SIZE(keys)                                                   \
	}

/* Reads one document, a mapping of this shape, and nothing behind it. The error begins with the
 * name and the line. */
int yaml_read(const char *name, const char *text, size_t length, const struct yaml_shape *shape,
	      void *target, struct err *e) _must_check_;

/* --- for what reads a value: all return -EINVAL when they refuse --- */

/* Goes on to the next event. */
int yaml_next(struct yaml_reader *r) _must_check_;

/* Reads the mapping that the current event begins, to its end. */
int yaml_read_mapping(struct yaml_reader *r, const struct yaml_shape *shape,
		      void *target) _must_check_;

size_t yaml_line(const struct yaml_reader *r);

/* Refuses the current event, or what is in that line. */
int yaml_refuse(struct yaml_reader *r, const char *fmt, ...) _printf_(2, 3);
int yaml_refuse_line(struct yaml_reader *r, size_t line, const char *fmt, ...) _printf_(3, 4);

bool yaml_is(const struct yaml_reader *r, yaml_event_type_t type);

/* The text of the current event, a scalar. */
const char *yaml_scalar(const struct yaml_reader *r);

/* Whether it is this word, and not a string in quotes. */
bool yaml_is_plain(const struct yaml_reader *r, const char *word);

/* Whether the scalar is a text: a plain word may be nothing, a boolean or a number in YAML. */
bool yaml_is_text(const struct yaml_reader *r);

/* Whether there is a NUL character in the scalar. */
bool yaml_has_nul(const struct yaml_reader *r);
