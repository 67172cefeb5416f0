#include "proto/frame-parser.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/utf8.h"

/* What json-c takes for an object or array, and for anything else, at most; beside texts. */
#define CONTAINER_SIZE 800
#define PART_SIZE      112

const struct frame_limits frame_limits_request = { .containers = 256, .parts = 32768 };
const struct frame_limits frame_limits_reply = { .containers = 20000, .parts = FRAME_SIZE_MAX };

struct frame_parser {
	const struct frame_limits *limits;
	struct json_tokener *tokener;
	size_t done; /* bytes */
	size_t containers, parts;
	bool in_string, escaped;    /* where the next byte is */
	struct json_object *object; /* once it is whole: only blanks may follow */
};

struct frame_parser *frame_parser_new(const struct frame_limits *limits)
{
	struct frame_parser *p = xnew(struct frame_parser);

	*p = (struct frame_parser){ .limits = limits,
				    .tokener = json_tokener_new_ex(FRAME_DEPTH_MAX) };
	if (!p->tokener)
		abort();
	json_tokener_set_flags(p->tokener, JSON_TOKENER_STRICT);
	return p;
}

void frame_parser_free(struct frame_parser *p)
{
	if (!p)
		return;
	json_object_put(p->object);
	json_tokener_free(p->tokener);
	free(p);
}

size_t frame_parser_object_memory(const struct frame_parser *p)
{
	return p->done + p->containers * CONTAINER_SIZE + p->parts * PART_SIZE;
}

/* A string that is being made is in the tokener's buffer, which doubles, and at its end copied. */
size_t frame_parser_memory(const struct frame_parser *p)
{
	return frame_parser_object_memory(p) + 2 * p->done;
}

static void count_outside_string(struct frame_parser *p, char c)
{
	if (c == '{' || c == '[')
		p->containers++;
	if (strchr("{[,:", c))
		p->parts++;
}

/* Counts what is outside of strings, which is exact for whatever is JSON. */
static void count(struct frame_parser *p, char c)
{
	if (p->escaped)
		p->escaped = false;
	else if (p->in_string && c == '\\')
		p->escaped = true;
	else if (c == '"')
		p->in_string = !p->in_string;
	else if (!p->in_string)
		count_outside_string(p, c);
}

/* Looks at whole characters of a step's bytes at least: how many bytes these are, or 0 and the
 * reason why it is no message. json-c would take surrogates and overlong forms. */
static size_t scan(struct frame_parser *p, const char *text, size_t length, const char **reason)
{
	const char *c = text, *end = text + length;

	while (c < end) {
		size_t n = utf8_sequence(c);

		if (n == 0) {
			*reason = "it is not UTF-8";
			return 0;
		}
		if (n == 1)
			count(p, *c);
		c += n;
	}
	return (size_t)(c - text);
}

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\n", text[i]))
			return false;
	return true;
}

/* Has json-c take some text; the reason why it is no JSON, or NULL. */
static const char *tokenize(struct frame_parser *p, const char *text, size_t length)
{
	enum json_tokener_error status;

	if (p->object)
		return is_blank(text, length)
			       ? NULL
			       : json_tokener_error_desc(json_tokener_error_parse_unexpected);
	p->object = json_tokener_parse_ex(p->tokener, text, (int)length);
	status = json_tokener_get_error(p->tokener);
	if (status == json_tokener_continue)
		return NULL;
	if (status != json_tokener_success)
		return json_tokener_error_desc(status);
	if (json_tokener_get_parse_end(p->tokener) != length)
		return "something follows the object";
	return json_object_is_type(p->object, json_type_object) ? NULL : "it is not an object";
}

static int bad_message(struct err *e, const char *reason)
{
	return err_set(e, -EBADMSG, ERR_INVALID_ARGUMENT, "message is no valid JSON: %s", reason);
}

static int check_limits(const struct frame_parser *p, struct err *e)
{
	const struct frame_limits *max = p->limits;

	if (p->containers <= max->containers && p->parts <= max->parts)
		return 0;
	return err_set(e, -EBADMSG, ERR_INVALID_ARGUMENT,
		       "message has too many parts: send at most %zu objects and arrays, and %zu "
		       "values and names of members",
		       max->containers, max->parts);
}

int frame_parser_step(struct frame_parser *p, const char *text, size_t length,
		      struct json_object **ret, struct err *e)
{
	const char *reason = NULL;
	size_t n = scan(p, text + p->done, MIN(length - p->done, (size_t)FRAME_STEP), &reason);
	int r = check_limits(p, e);

	if (r < 0)
		return r;
	if (!reason)
		reason = tokenize(p, text + p->done, n);
	p->done += n;
	if (!reason && p->done == length && !p->object)
		reason = "it ends too early";
	if (reason)
		return bad_message(e, reason);
	if (p->done < length)
		return FRAME_GO_ON;
	*ret = TAKE_PTR(p->object);
	return 1;
}
