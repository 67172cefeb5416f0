#include "awfctl/yaml-reader.h"

#include <string.h>

#include "common/alloc.h"
#include "common/strbuf.h"

static int refuse(struct yaml_reader *r, size_t line, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = xvasprintf(fmt, ap);

	return err_set(r->e, -EINVAL, ERR_INVALID_ARGUMENT, "%s:%zu: %s", r->name, line, text);
}

int yaml_refuse_line(struct yaml_reader *r, size_t line, const char *fmt, ...)
{
	va_list ap;
	int error;

	va_start(ap, fmt);
	error = refuse(r, line, fmt, ap);
	va_end(ap);
	return error;
}

int yaml_refuse(struct yaml_reader *r, const char *fmt, ...)
{
	va_list ap;
	int error;

	va_start(ap, fmt);
	error = refuse(r, yaml_line(r), fmt, ap);
	va_end(ap);
	return error;
}

size_t yaml_line(const struct yaml_reader *r)
{
	return r->event.start_mark.line + 1;
}

/* Where the parser gave up: of a byte that can't be read it knows the offset only. */
static size_t problem_line(const struct yaml_reader *r)
{
	size_t line = 1;

	if (r->parser.error != YAML_READER_ERROR)
		return r->parser.problem_mark.line + 1;
	for (size_t i = 0; i < r->parser.problem_offset; i++)
		if (r->text[i] == '\n')
			line++;
	return line;
}

static int refuse_syntax(struct yaml_reader *r)
{
	const char *problem = r->parser.problem ? r->parser.problem : "cannot be read";

	if (r->parser.context)
		return yaml_refuse_line(r, problem_line(r), "not YAML: %s, %s", problem,
					r->parser.context);
	return yaml_refuse_line(r, problem_line(r), "not YAML: %s", problem);
}

/* What the current event says about itself beside its value. */
static void get_properties(const yaml_event_t *event, const yaml_char_t **anchor,
			   const yaml_char_t **tag)
{
	if (event->type == YAML_SCALAR_EVENT) {
		*anchor = event->data.scalar.anchor;
		*tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		*anchor = event->data.sequence_start.anchor;
		*tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		*anchor = event->data.mapping_start.anchor;
		*tag = event->data.mapping_start.tag;
	}
}

int yaml_next(struct yaml_reader *r)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return refuse_syntax(r);
	get_properties(&r->event, &anchor, &tag);
	if (r->event.type == YAML_ALIAS_EVENT || anchor)
		return yaml_refuse(r, "anchors and aliases (& and *) have no meaning here; quote a "
				      "domain that begins with '*'");
	if (tag)
		return yaml_refuse(r, "tags (!) have no meaning here");
	return 0;
}

bool yaml_is(const struct yaml_reader *r, yaml_event_type_t type)
{
	return r->event.type == type;
}

const char *yaml_scalar(const struct yaml_reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

bool yaml_is_plain(const struct yaml_reader *r, const char *word)
{
	return yaml_is(r, YAML_SCALAR_EVENT) &&
	       r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp(yaml_scalar(r), word) == 0;
}

bool yaml_is_text(const struct yaml_reader *r)
{
	static const char *const others[] = { "~", "null", "true", "false" };
	const char *s = yaml_scalar(r);

	if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcasecmp(s, others[i]) == 0)
			return false;
	s += strspn(s, "+-");
	s += strspn(s, "0123456789");
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	return *s != '\0';
}

bool yaml_has_nul(const struct yaml_reader *r)
{
	return strlen(yaml_scalar(r)) != r->event.data.scalar.length;
}

/* The keys of a shape, for people. The caller owns it. */
static char *known_keys(const struct yaml_shape *shape)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (size_t i = 0; i < shape->count; i++)
		strbuf_appendf(&text, "%s%s",
			       i == 0                 ? ""
			       : i + 1 < shape->count ? ", "
						      : " and ",
			       shape->keys[i].name);
	return xstrdup(text.data);
}

static const struct yaml_key *find_key(const struct yaml_shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->count; i++)
		if (strcmp(shape->keys[i].name, name) == 0)
			return &shape->keys[i];
	return NULL;
}

static int refuse_key(struct yaml_reader *r, const struct yaml_shape *shape)
{
	_cleanup_free_ char *known = known_keys(shape);

	if (!yaml_is(r, YAML_SCALAR_EVENT))
		return yaml_refuse(r, "a key has to be a name: %s has %s", shape->noun, known);
	return yaml_refuse(r, "unknown key '%s': %s has %s", yaml_scalar(r), shape->noun, known);
}

/* The current event is a key: reads it and its value. */
static int read_entry(struct yaml_reader *r, const struct yaml_shape *shape, unsigned *seen,
		      void *target)
{
	const struct yaml_key *key = NULL;
	unsigned bit;

	if (yaml_is(r, YAML_SCALAR_EVENT) && !yaml_has_nul(r))
		key = find_key(shape, yaml_scalar(r));
	if (!key)
		return refuse_key(r, shape);
	bit = 1u << (key - shape->keys);
	if (*seen & bit)
		return yaml_refuse(r, "'%s' is there twice", key->name);
	*seen |= bit;
	return yaml_next(r) < 0 ? -EINVAL : key->read(r, key, target);
}

static int refuse_no_mapping(struct yaml_reader *r, const struct yaml_shape *shape)
{
	_cleanup_free_ char *known = known_keys(shape);

	return yaml_refuse(r, "%s has to have the keys %s", shape->noun, known);
}

int yaml_read_mapping(struct yaml_reader *r, const struct yaml_shape *shape, void *target)
{
	size_t line = yaml_line(r);
	unsigned seen = 0;

	if (!yaml_is(r, YAML_MAPPING_START_EVENT))
		return refuse_no_mapping(r, shape);
	for (;;) {
		if (yaml_next(r) < 0)
			return -EINVAL;
		if (yaml_is(r, YAML_MAPPING_END_EVENT))
			break;
		if (read_entry(r, shape, &seen, target) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < shape->count; i++)
		if (shape->keys[i].required && !(seen & 1u << i))
			return yaml_refuse_line(r, line, "%s has no '%s'", shape->noun,
						shape->keys[i].name);
	return 0;
}

static int refuse_empty(struct yaml_reader *r, const struct yaml_shape *shape)
{
	_cleanup_free_ char *known = known_keys(shape);

	return yaml_refuse(r, "the file is empty: %s has %s", shape->noun, known);
}

static int read_stream(struct yaml_reader *r, const struct yaml_shape *shape, void *target)
{
	if (yaml_next(r) < 0 || yaml_next(r) < 0) /* the stream begins, a document does */
		return -EINVAL;
	if (!yaml_is(r, YAML_DOCUMENT_START_EVENT))
		return refuse_empty(r, shape);
	if (yaml_next(r) < 0 || yaml_read_mapping(r, shape, target) < 0)
		return -EINVAL;
	if (yaml_next(r) < 0 || yaml_next(r) < 0) /* the document ends, the stream does */
		return -EINVAL;
	if (!yaml_is(r, YAML_STREAM_END_EVENT))
		return yaml_refuse(r, "a second document begins here; give one file for each");
	return 0;
}

int yaml_read(const char *name, const char *text, size_t length, const struct yaml_shape *shape,
	      void *target, struct err *e)
{
	struct yaml_reader r = { .name = name, .text = text, .e = e };
	int failed;

	if (!yaml_parser_initialize(&r.parser))
		return err_set(e, -ENOMEM, ERR_SYSTEM, "%s: cannot start the YAML parser", name);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
	failed = read_stream(&r, shape, target);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return failed;
}
