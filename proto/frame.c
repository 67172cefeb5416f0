#include "proto/frame.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"

int frame_feed(struct frame_reader *r, const void *data, size_t length)
{
	strbuf_append(&r->buffer, data, length);
	if (r->buffer.length > FRAME_SIZE_MAX &&
	    !memchr(r->buffer.data + r->scanned, '\0', FRAME_SIZE_MAX - r->scanned))
		return -EMSGSIZE;
	return 0;
}

static int bad_message(struct err *e, const char *reason)
{
	return err_set(e, -EBADMSG, ERR_INVALID_ARGUMENT, "message is no valid JSON: %s", reason);
}

int frame_parse(const char *text, size_t length, struct json_object **ret, struct err *e)
{
	struct json_tokener *tokener = json_tokener_new_ex(FRAME_DEPTH_MAX);
	_cleanup_json_ struct json_object *object = NULL;
	enum json_tokener_error status;
	size_t used;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	status = json_tokener_get_error(tokener);
	used = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);

	if (status == json_tokener_continue)
		return bad_message(e, "it ends too early");
	if (status != json_tokener_success)
		return bad_message(e, json_tokener_error_desc(status));
	if (used != length)
		return bad_message(e, "something follows the object");
	if (!json_object_is_type(object, json_type_object))
		return bad_message(e, "it is not an object");
	*ret = TAKE_PTR(object);
	return 0;
}

int frame_next(struct frame_reader *r, struct json_object **ret, struct err *e)
{
	char *end;
	size_t length;
	int status;

	if (r->buffer.length == r->scanned)
		return 0;
	end = memchr(r->buffer.data + r->scanned, '\0', r->buffer.length - r->scanned);
	if (!end) {
		r->scanned = r->buffer.length;
		return 0;
	}
	length = (size_t)(end - r->buffer.data);
	status = frame_parse(r->buffer.data, length, ret, e);
	strbuf_consume(&r->buffer, length + 1);
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
	r->scanned = 0;
}
