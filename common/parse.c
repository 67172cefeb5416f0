#include "common/parse.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/alloc.h"

#define SANDBOX_ID_LENGTH 10

#define NANO        UINT64_C(1000000000)
#define NANO_DIGITS 9

int parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' ||
	    (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const char units[] = "bkmg";
	size_t length = strlen(text);
	const char *unit = length > 0 ? strchr(units, text[length - 1] | 0x20) : NULL;
	unsigned shift = unit ? 10u * (unsigned)(unit - units) : 0;
	_cleanup_free_ char *digits = xstrndup(text, length - (unit ? 1 : 0));
	uint64_t value;
	int r = parse_uint(digits, 0, UINT64_MAX >> shift, &value);

	if (r < 0)
		return r;
	if (value << shift < min || value << shift > max)
		return -ERANGE;
	*ret = value << shift;
	return 0;
}

int parse_bytes(const char *text, uint64_t *ret)
{
	return parse_size(text, 0, UINT64_MAX, ret);
}

char *parse_format_size(uint64_t bytes)
{
	static const char *const units[] = { "", "K", "M", "G" };
	size_t unit = 0;

	while (unit + 1 < ARRAY_SIZE(units) && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	return xasprintf("%" PRIu64 "%s", bytes, units[unit]);
}

int parse_nano(const char *text, uint64_t *ret)
{
	size_t whole = strcspn(text, "."), places = strlen(text + whole);
	_cleanup_free_ char *digits = xstrndup(text, whole);
	uint64_t value, fraction = 0;
	int r = parse_uint(digits, 0, UINT32_MAX, &value);

	if (r < 0)
		return r;
	if (places == 1 || places > 1 + NANO_DIGITS)
		return -EINVAL;
	for (size_t i = 1; i <= NANO_DIGITS; i++) {
		char c = i < places ? text[whole + i] : '0';

		if (c < '0' || c > '9')
			return -EINVAL;
		fraction = fraction * 10 + (uint64_t)(c - '0');
	}
	*ret = value * NANO + fraction;
	return 0;
}

int parse_port(const char *text, uint16_t *ret)
{
	uint64_t value;
	int r = parse_uint(text, 1, UINT16_MAX, &value);

	if (r == 0)
		*ret = (uint16_t)value;
	return r;
}

int parse_boolean(const char *text, bool *ret)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {
		{ "yes", true }, { "true", true },   { "on", true },   { "1", true },
		{ "no", false }, { "false", false }, { "off", false }, { "0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i].text) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

bool parse_is_sandbox_id(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == SANDBOX_ID_LENGTH &&
	       text[SANDBOX_ID_LENGTH] == '\0';
}
