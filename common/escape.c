#include "common/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/strbuf.h"

/* The length of the valid UTF-8 sequence at s (RFC 3629, table 3-7 of Unicode), or 0. */
static size_t utf8_sequence(const unsigned char *s)
{
	uint32_t cp;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2, cp = s[0] & 0x1f;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3, cp = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4, cp = s[0] & 0x07;
	else
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (n == 3 && (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff)))
		return 0;
	if (n == 4 && (cp < 0x10000 || cp > 0x10ffff))
		return 0;
	return n;
}

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
		size_t n = utf8_sequence(s);

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
