#include "proto/frame.h"

#include <string.h>

#include "common/utf8.h"

size_t frame_pending(const struct frame_reader *r)
{
	return r->buffer.length - r->taken;
}

/* The NUL that ends the first message, if that is not too large. */
static char *find_end(struct frame_reader *r)
{
	size_t limit = MIN(frame_pending(r), FRAME_SIZE_MAX);
	char *start, *end;

	if (limit == r->scanned)
		return NULL;
	start = r->buffer.data + r->taken;
	end = memchr(start + r->scanned, '\0', limit - r->scanned);
	r->scanned = end ? (size_t)(end - start) : limit;
	return end;
}

bool frame_is_partial(struct frame_reader *r)
{
	return frame_pending(r) > 0 && !find_end(r);
}

static bool is_too_large(struct frame_reader *r)
{
	return frame_pending(r) > FRAME_SIZE_MAX && !find_end(r);
}

/* Moves what waits only here, once for all the messages taken before. */
int frame_feed(struct frame_reader *r, const void *data, size_t length)
{
	strbuf_consume(&r->buffer, r->taken);
	r->taken = 0;
	strbuf_append(&r->buffer, data, length);
	return is_too_large(r) ? -EMSGSIZE : 0;
}

static int bad_message(struct err *e, const char *reason)
{
	return err_set(e, -EBADMSG, ERR_INVALID_ARGUMENT, "message is no valid JSON: %s", reason);
}

/* What json-c makes of a text, or NULL and the reason why it is no JSON. */
static struct json_object *tokenize(const char *text, size_t length, const char **reason)
{
	struct json_tokener *tokener = json_tokener_new_ex(FRAME_DEPTH_MAX);
	struct json_object *object;
	enum json_tokener_error status;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	status = json_tokener_get_error(tokener);
	if (status == json_tokener_continue)
		*reason = "it ends too early";
	else if (status != json_tokener_success)
		*reason = json_tokener_error_desc(status);
	else if (json_tokener_get_parse_end(tokener) != length)
		*reason = "something follows the object";
	json_tokener_free(tokener);
	return object;
}

/* Counts brackets outside of strings, which is exact for whatever is JSON. */
static bool has_too_many_containers(const char *text, size_t length)
{
	size_t count = 0;
	bool in_string = false;

	for (const char *p = text; p < text + length; p++) {
		if (*p == '"')
			in_string = !in_string;
		else if (in_string && *p == '\\')
			p++;
		else if (!in_string && (*p == '{' || *p == '['))
			count++;
	}
	return count > FRAME_CONTAINERS_MAX;
}

int frame_parse(const char *text, size_t length, struct json_object **ret, struct err *e)
{
	_cleanup_json_ struct json_object *object = NULL;
	const char *reason = NULL;

	if (!utf8_is_valid(text)) /* json-c would take surrogates and overlong forms */
		reason = "it is not UTF-8";
	else if (has_too_many_containers(text, length))
		reason = "it has too many parts";
	else
		object = tokenize(text, length, &reason);
	if (!reason && !json_object_is_type(object, json_type_object))
		reason = "it is not an object";
	if (reason)
		return bad_message(e, reason);
	*ret = TAKE_PTR(object);
	return 0;
}

int frame_next(struct frame_reader *r, struct json_object **ret, struct err *e)
{
	char *end = find_end(r);
	size_t length;
	int status;

	if (!end && is_too_large(r))
		return err_set(e, -EMSGSIZE, ERR_INVALID_ARGUMENT, "is larger than %d bytes",
			       FRAME_SIZE_MAX);
	if (!end)
		return 0;
	length = r->scanned;
	status = frame_parse(end - length, length, ret, e);
	r->taken += length + 1;
	r->scanned = 0;
	return status < 0 ? status : 1;
}

int frame_append(struct strbuf *to, struct json_object *object)
{
	size_t length;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	if (!text)
		abort();
	if (length + 1 > FRAME_SIZE_MAX)
		return -EMSGSIZE;
	strbuf_append(to, text, length + 1);
	return 0;
}

void frame_reader_clear(struct frame_reader *r)
{
	strbuf_clear(&r->buffer);
	*r = (struct frame_reader){ 0 };
}
