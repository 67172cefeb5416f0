#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

/* Table 3-7 of the Unicode standard. */
size_t utf8_sequence(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
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

bool utf8_is_valid(const char *text)
{
	while (*text) {
		size_t n = utf8_sequence(text);

		if (n == 0)
			return false;
		text += n;
	}
	return true;
}

size_t utf8_cut(const char *text, size_t max)
{
	size_t n = strnlen(text, max);

	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

size_t utf8_count(const char *text)
{
	size_t n = 0;

	for (; *text; text += utf8_sequence(text))
		n++;
	return n;
}
