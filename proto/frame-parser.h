/* Makes the JSON object of one message a step at a time, so that nobody waits for a long message of
 * somebody else. A text that is too much in memory is refused before it is made. */
#pragma once

#include <stddef.h>

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "proto/frame.h"

struct frame_parser;

/* Borrows the limits. */
struct frame_parser *frame_parser_new(const struct frame_limits *limits) _must_check_;
void frame_parser_free(struct frame_parser *p);
DEFINE_CLEANUP(struct frame_parser, frame_parser_free)

/* Goes on with the message, whose whole text of this length, a NUL behind it, is given each time: 1
 * and the object in *ret (the caller owns it), FRAME_GO_ON, or -EBADMSG. */
int frame_parser_step(struct frame_parser *p, const char *text, size_t length,
		      struct json_object **ret, struct err *e) _must_check_;

/* How much memory the parser and what it made so far take at most, and how much what it made does.
 */
size_t frame_parser_memory(const struct frame_parser *p);
size_t frame_parser_object_memory(const struct frame_parser *p);
