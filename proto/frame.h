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

/* How many bytes frame_step() works on: a fraction of a millisecond. */
#define FRAME_STEP 16384

/* What a message may be made of, since little text can take much memory and time. */
struct frame_limits {
	size_t containers; /* objects and arrays */
	size_t parts;      /* these, what stands in them, and once more each name of a member */
};

/* Of what anybody sends awfd, which needs some 30 containers and, with a long command and many
 * variables, some thousands of parts. The most that such a message takes is 9 MiB, while it is
 * made: 3 of these its parts. */
extern const struct frame_limits frame_limits_request;

/* Of what awfd and its helpers answer. */
extern const struct frame_limits frame_limits_reply;

#define _cleanup_json_ _cleanup_(json_putp)

static inline void json_putp(struct json_object **o)
{
	if (*o)
		json_object_put(*o);
}

/* Collects the bytes of a connection; `{ 0 }` is an empty one. */
struct frame_reader {
	const struct frame_limits *limits; /* NULL: of replies */
	struct strbuf buffer;
	size_t taken;                /* bytes at its beginning that were messages */
	size_t scanned;              /* bytes behind these that are known to hold no NUL */
	struct frame_parser *parser; /* of the first message behind them, once that is being made */
	size_t cost;                 /* of the message that was taken last */
};

/* Whether the first message has begun and is not whole. */
bool frame_is_partial(struct frame_reader *r);

/* Adds bytes that arrived. -EMSGSIZE once an unfinished message is larger than FRAME_SIZE_MAX. */
int frame_feed(struct frame_reader *r, const void *data, size_t length) _must_check_;

/* Takes the next whole message: 1 and the object in *ret (the caller owns it), 0 when none is
 * complete, -EBADMSG (e says why) for what is no JSON object in UTF-8, too deep, of too many parts,
 * or has something behind it, -EMSGSIZE for what is larger than FRAME_SIZE_MAX, complete or not. */
int frame_next(struct frame_reader *r, struct json_object **ret, struct err *e) _must_check_;

/* The same a step at a time, for who has others to look after: FRAME_GO_ON when the next message is
 * there and wants more of them. */
#define FRAME_GO_ON 2
int frame_step(struct frame_reader *r, struct json_object **ret, struct err *e) _must_check_;

/* How many bytes wait to be taken. */
size_t frame_pending(const struct frame_reader *r);

/* How much memory the reader holds, and how much the message does that was taken last; no less than
 * it is. */
size_t frame_memory(const struct frame_reader *r);
size_t frame_message_memory(const struct frame_reader *r);

/* Parses one message, as frame_next() does with the limits of replies; length is that of the text
 * without its NUL. */
int frame_parse(const char *text, size_t length, struct json_object **ret,
		struct err *e) _must_check_;

/* Appends the object and its NUL. -EMSGSIZE (nothing appended) when it is too large. */
int frame_append(struct strbuf *to, struct json_object *object) _must_check_;

/* Forgets what came and was not taken. */
void frame_reader_clear(struct frame_reader *r);
