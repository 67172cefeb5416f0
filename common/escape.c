#include "common/escape.h"

#include <string.h>

#include "common/strbuf.h"
#include "common/utf8.h"

/* C1 controls are U+0080 to U+009F: c2 80 to c2 9f. */
static bool is_control(const unsigned char *s, size_t n)
{
	return (n == 1 && (s[0] < 0x20 || s[0] == 0x7f)) || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

char *escape_control(const char *text)
{
	_cleanup_(strbuf_clear) struct strbuf out = { 0 };
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_sequence((const char *)s);

		if (*s == '\\') {
			strbuf_append(&out, "\\\\", 2);
			s++;
		} else if (n > 0 && !is_control(s, n)) {
			strbuf_append(&out, (const char *)s, n);
			s += n;
		} else {
			strbuf_appendf(&out, "\\x%02x", *s++);
		}
	}
	return strbuf_take(&out);
}

bool escape_is_needed(const char *text)
{
	while (*text) {
		size_t n = utf8_sequence(text);

		if (n == 0 || is_control((const unsigned char *)text, n))
			return true;
		text += n;
	}
	return false;
}
