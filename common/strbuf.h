/* A growing byte string, always followed by a NUL that is not counted. `{ 0 }` is an empty one. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"

struct strbuf {
	char *data;
	size_t length;
	size_t room;
};

#define _cleanup_strbuf_ _cleanup_(strbuf_clear)

void strbuf_append(struct strbuf *b, const void *data, size_t length);
void strbuf_puts(struct strbuf *b, const char *text);
void strbuf_appendf(struct strbuf *b, const char *fmt, ...) _printf_(2, 3);

/* Drops the first n bytes. */
void strbuf_consume(struct strbuf *b, size_t n);

/* Hands the string over ("" when nothing was appended) and leaves b empty. */
char *strbuf_take(struct strbuf *b) _must_check_;
void strbuf_clear(struct strbuf *b);
