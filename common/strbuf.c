#include "common/strbuf.h"

#include <string.h>

#include "common/alloc.h"

static void strbuf_reserve(struct strbuf *b, size_t extra)
{
	size_t needed = b->length + extra + 1;

	if (needed <= b->room)
		return;
	b->room = MAX(needed, b->room * 2);
	b->data = xrealloc(b->data, b->room, 1);
}

void strbuf_append(struct strbuf *b, const void *data, size_t length)
{
	strbuf_reserve(b, length);
	if (length > 0)
		memcpy(b->data + b->length, data, length);
	b->length += length;
	b->data[b->length] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *text)
{
	strbuf_append(b, text, strlen(text));
}

void strbuf_appendf(struct strbuf *b, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	strbuf_puts(b, text);
}

void strbuf_consume(struct strbuf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->length - n + 1);
	b->length -= n;
}

char *strbuf_take(struct strbuf *b)
{
	char *data;

	strbuf_reserve(b, 0);
	b->data[b->length] = '\0';
	data = TAKE_PTR(b->data);
	strbuf_clear(b);
	return data;
}

void strbuf_clear(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf){ 0 };
}
