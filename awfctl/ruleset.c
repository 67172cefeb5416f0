#include "awfctl/ruleset.h"

#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "common/alloc.h"

/* A ruleset on its way through libyaml's parser, with the current event. Nothing is read but what
 * is expected next, so that no depth and no size but those of the text are ever reached. */
struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *name;
	const char *text;
	struct word_list *to;
	struct err *e;
};

struct rule {
	char *domain;
	bool subdomains;
};

/* A key of a mapping, and what reads its value, which is the current event, into `target`. */
struct key {
	const char *name;
	bool required;
	int (*read)(struct reader *r, void *target);
};

/* A sort of mapping. */
struct shape {
	const char *noun;
	const char *known; /* its keys, for people */
	const struct key *keys;
	size_t count;
};

static int refuse_line(struct reader *r, size_t line, const char *fmt, ...) _printf_(3, 4);
static int refuse_line(struct reader *r, size_t line, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(r->e, -EINVAL, ERR_INVALID_ARGUMENT, "%s:%zu: %s", r->name, line, text);
}

static size_t current_line(const struct reader *r)
{
	return r->event.start_mark.line + 1;
}

#define refuse(r, ...) refuse_line(r, current_line(r), __VA_ARGS__)

/* Where the parser gave up: of a byte that can't be read it knows the offset only. */
static size_t problem_line(const struct reader *r)
{
	size_t line = 1;

	if (r->parser.error != YAML_READER_ERROR)
		return r->parser.problem_mark.line + 1;
	for (size_t i = 0; i < r->parser.problem_offset; i++)
		if (r->text[i] == '\n')
			line++;
	return line;
}

static int refuse_syntax(struct reader *r)
{
	const char *problem = r->parser.problem ? r->parser.problem : "cannot be read";

	if (r->parser.context)
		return refuse_line(r, problem_line(r), "not YAML: %s, %s", problem,
				   r->parser.context);
	return refuse_line(r, problem_line(r), "not YAML: %s", problem);
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

static int next(struct reader *r)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return refuse_syntax(r);
	get_properties(&r->event, &anchor, &tag);
	if (r->event.type == YAML_ALIAS_EVENT || anchor)
		return refuse(r, "anchors and aliases (& and *) have no meaning here; quote a "
				 "domain that begins with '*'");
	if (tag)
		return refuse(r, "tags (!) have no meaning here");
	return 0;
}

static bool is(const struct reader *r, yaml_event_type_t type)
{
	return r->event.type == type;
}

static const char *scalar(const struct reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

/* Whether it is this word, and not a string in quotes. */
static bool is_plain(const struct reader *r, const char *word)
{
	return is(r, YAML_SCALAR_EVENT) && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp(scalar(r), word) == 0;
}

static const struct key *find_key(const struct shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->count; i++)
		if (strcmp(shape->keys[i].name, name) == 0)
			return &shape->keys[i];
	return NULL;
}

/* The current event is a key: reads it and its value. */
static int read_entry(struct reader *r, const struct shape *shape, unsigned *seen, void *target)
{
	const struct key *key;
	unsigned bit;

	if (!is(r, YAML_SCALAR_EVENT))
		return refuse(r, "a key has to be a name: %s has %s", shape->noun, shape->known);
	key = find_key(shape, scalar(r));
	if (!key)
		return refuse(r, "unknown key '%s': %s has %s", scalar(r), shape->noun,
			      shape->known);
	bit = 1u << (key - shape->keys);
	if (*seen & bit)
		return refuse(r, "'%s' is there twice", key->name);
	*seen |= bit;
	return next(r) < 0 ? -EINVAL : key->read(r, target);
}

/* Reads the mapping that the current event begins, to its end. */
static int read_mapping(struct reader *r, const struct shape *shape, void *target)
{
	size_t line = current_line(r);
	unsigned seen = 0;

	if (!is(r, YAML_MAPPING_START_EVENT))
		return refuse(r, "%s has to have the keys %s", shape->noun, shape->known);
	for (;;) {
		if (next(r) < 0)
			return -EINVAL;
		if (is(r, YAML_MAPPING_END_EVENT))
			break;
		if (read_entry(r, shape, &seen, target) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < shape->count; i++)
		if (shape->keys[i].required && !(seen & 1u << i))
			return refuse_line(r, line, "%s has no '%s'", shape->noun,
					   shape->keys[i].name);
	return 0;
}

/* Plain words that are no text in YAML: nothing, booleans, numbers. */
static bool is_text(const struct reader *r)
{
	static const char *const others[] = { "~", "null", "true", "false" };
	const char *s = scalar(r);

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

static int read_domain(struct reader *r, void *target)
{
	struct rule *rule = target;

	if (!is(r, YAML_SCALAR_EVENT))
		return refuse(r, "'domain' has to be one domain");
	if (strlen(scalar(r)) != r->event.data.scalar.length)
		return refuse(r, "there is a NUL character in the domain");
	if (*scalar(r) == '\0')
		return refuse(r, "'domain' is empty");
	if (!is_text(r))
		return refuse(r, "'%s' is no domain", scalar(r));
	if (*scalar(r) == '=')
		return refuse(r, "'%s': give the name alone, and 'subdomains: false'", scalar(r));
	rule->domain = xstrdup(scalar(r));
	return 0;
}

static int read_subdomains(struct reader *r, void *target)
{
	struct rule *rule = target;

	rule->subdomains = is_plain(r, "true");
	if (!rule->subdomains && !is_plain(r, "false"))
		return refuse(r, "'subdomains' has to be true or false");
	return 0;
}

static const struct key rule_keys[] = {
	{ "domain", true, read_domain },
	{ "subdomains", false, read_subdomains },
};
static const struct shape rule_shape = { "a rule", "domain and subdomains", rule_keys,
					 ARRAY_SIZE(rule_keys) };

/* The domain as awfd takes it: what says that it is exact stands behind the scheme. */
static char *rule_word(const struct rule *rule)
{
	const char *scheme_end = strstr(rule->domain, "://");
	const char *host = scheme_end ? scheme_end + strlen("://") : rule->domain;

	if (rule->subdomains)
		return xstrdup(rule->domain);
	return xasprintf("%.*s=%s", (int)(host - rule->domain), rule->domain, host);
}

static int read_rule(struct reader *r)
{
	size_t line = current_line(r);
	struct rule rule = { .subdomains = true };
	_cleanup_free_ char *word = NULL;
	int failed = read_mapping(r, &rule_shape, &rule);

	if (failed == 0)
		word = rule_word(&rule);
	free(rule.domain);
	if (failed == 0 && word_list_add(r->to, word) < 0)
		return refuse_line(r, line,
				   "too many domains; a pattern such as '*.example.com' "
				   "stands for many");
	return failed;
}

static int read_rules(struct reader *r, void *target _unused_)
{
	if (!is(r, YAML_SEQUENCE_START_EVENT))
		return refuse(r, "'rules' has to be a list of rules");
	for (;;) {
		if (next(r) < 0)
			return -EINVAL;
		if (is(r, YAML_SEQUENCE_END_EVENT))
			return 0;
		if (read_rule(r) < 0)
			return -EINVAL;
	}
}

static int read_version(struct reader *r, void *target _unused_)
{
	if (is_plain(r, "1"))
		return 0;
	if (is(r, YAML_SCALAR_EVENT))
		return refuse(r, "version '%s' is not known: it has to be the number 1", scalar(r));
	return refuse(r, "'version' has to be the number 1");
}

static const struct key ruleset_keys[] = {
	{ "version", true, read_version },
	{ "rules", true, read_rules },
};
static const struct shape ruleset_shape = { "a ruleset", "version and rules", ruleset_keys,
					    ARRAY_SIZE(ruleset_keys) };

/* One document and nothing behind it. */
static int read_stream(struct reader *r)
{
	if (next(r) < 0 || next(r) < 0) /* the stream begins, a document does */
		return -EINVAL;
	if (!is(r, YAML_DOCUMENT_START_EVENT))
		return refuse(r, "the file is empty: a ruleset has %s", ruleset_shape.known);
	if (next(r) < 0 || read_mapping(r, &ruleset_shape, NULL) < 0)
		return -EINVAL;
	if (next(r) < 0 || next(r) < 0) /* the document ends, the stream does */
		return -EINVAL;
	if (!is(r, YAML_STREAM_END_EVENT))
		return refuse(r, "a second document begins here; give one file for each");
	return 0;
}

int ruleset_parse(const char *name, const char *text, size_t length, struct word_list *to,
		  struct err *e)
{
	struct reader r = { .name = name, .text = text, .to = to, .e = e };
	int failed;

	if (!yaml_parser_initialize(&r.parser))
		return err_set(e, -ENOMEM, ERR_SYSTEM, "%s: cannot start the YAML parser", name);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
	failed = read_stream(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return failed;
}
