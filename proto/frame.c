#include "proto/frame.h"

#include <string.h>

#include "proto/frame-parser.h"

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

int frame_parse(const char *text, size_t length, struct json_object **ret, struct err *e)
{
	_cleanup_(frame_parser_freep) struct frame_parser *p =
		frame_parser_new(&frame_limits_reply);
	int r;

	do
		r = frame_parser_step(p, text, length, ret, e);
	while (r == FRAME_GO_ON);
	return r < 0 ? r : 0;
}

/* The first message is done with, whatever came of it. */
static void end_message(struct frame_reader *r, size_t length)
{
	r->cost = frame_parser_object_memory(r->parser);
	frame_parser_free(TAKE_PTR(r->parser));
	r->taken += length + 1;
	r->scanned = 0;
}

int frame_step(struct frame_reader *r, struct json_object **ret, struct err *e)
{
	char *end = find_end(r);
	size_t length = r->scanned;
	int status;

	if (!end && is_too_large(r))
		return err_set(e, -EMSGSIZE, ERR_INVALID_ARGUMENT, "is larger than %d bytes",
			       FRAME_SIZE_MAX);
	if (!end)
		return 0;
	if (!r->parser)
		r->parser = frame_parser_new(r->limits ? r->limits : &frame_limits_reply);
	status = frame_parser_step(r->parser, end - length, length, ret, e);
	if (status != FRAME_GO_ON)
		end_message(r, length);
	return status;
}

int frame_next(struct frame_reader *r, struct json_object **ret, struct err *e)
{
	int status;

	do
		status = frame_step(r, ret, e);
	while (status == FRAME_GO_ON);
	return status;
}

size_t frame_memory(const struct frame_reader *r)
{
	return r->buffer.room + (r->parser ? frame_parser_memory(r->parser) : 0);
}

size_t frame_message_memory(const struct frame_reader *r)
{
	return r->cost;
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
	frame_parser_free(r->parser);
	*r = (struct frame_reader){ .limits = r->limits, .cost = r->cost };
}
