/* Varlink framing (https://varlink.org/Method-Call): JSON objects, each ended by a NUL byte. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#define FRAME_SIZE_MAX  (1024 * 1024) /* bytes of one message, its NUL included */
#define FRAME_DEPTH_MAX 32

/* Objects and arrays of one message: each takes hundreds of times the memory of its two bytes. */
#define FRAME_CONTAINERS_MAX 20000

#define _cleanup_json_ _cleanup_(json_putp)

static inline void json_putp(struct json_object **o)
{
	if (*o)
		json_object_put(*o);
}

/* Collects the bytes of a connection; `{ 0 }` is an empty one. */
struct frame_reader {
	struct strbuf buffer;
	size_t taken;   /* bytes at its beginning that were messages */
	size_t scanned; /* bytes behind these that are known to hold no NUL */
};

/* Whether the first message has begun and is not whole. */
bool frame_is_partial(struct frame_reader *r);

/* Adds bytes that arrived. -EMSGSIZE once an unfinished message is larger than FRAME_SIZE_MAX. */
int frame_feed(struct frame_reader *r, const void *data, size_t length) _must_check_;

/* Takes the next whole message: 1 and the object in *ret (the caller owns it), 0 when none is
 * complete, -EBADMSG (e says why) for what is no JSON object in UTF-8, too deep, of too many parts,
 * or has something behind it, -EMSGSIZE for what is larger than FRAME_SIZE_MAX, complete or not. */
int frame_next(struct frame_reader *r, struct json_object **ret, struct err *e) _must_check_;

/* How many bytes wait to be taken. */
size_t frame_pending(const struct frame_reader *r);

/* Parses one message, as frame_next() does; length is that of the text without its NUL. */
int frame_parse(const char *text, size_t length, struct json_object **ret,
		struct err *e) _must_check_;

/* Appends the object and its NUL. -EMSGSIZE (nothing appended) when it is too large. */
int frame_append(struct strbuf *to, struct json_object *object) _must_check_;

void frame_reader_clear(struct frame_reader *r);
