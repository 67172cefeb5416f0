#include "awfctl/moment.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "awfctl/options.h"
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/parse.h"

#define NUMBER_MAX    20             /* characters of a number, with its fraction */
#define SECONDS_MAX   253402300799LL /* 9999-12-31T23:59:59Z */
#define NANO          1000000000
#define NANO_PER_MS   1000000
#define MS_PER_SECOND 1000

/* A number at *text with a fraction, in billionths; *text is moved behind it. */
static int take_number(const char **text, uint64_t *ret)
{
	char number[NUMBER_MAX + 1];
	size_t length = strspn(*text, "0123456789.");

	if (length == 0 || length > NUMBER_MAX)
		return -EINVAL;
	memcpy(number, *text, length);
	number[length] = '\0';
	*text += length;
	return parse_nano(number, ret);
}

/* --- Spans: "1h30m" ------------------------------------------------------------------------------
 */

/* The longer name before the one that it begins with. */
static const struct {
	const char *name;
	uint64_t ms;
} units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
};

/* The milliseconds of the unit that the text begins with, which is moved behind it; 0: none. */
static uint64_t take_unit(const char **text)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t length = strlen(units[i].name);

		if (strncmp(*text, units[i].name, length) == 0) {
			*text += length;
			return units[i].ms;
		}
	}
	return 0;
}

static int parse_span(const char *text, int64_t *ret)
{
	uint64_t total = 0;

	do {
		uint64_t number, unit;

		if (take_number(&text, &number) < 0 || (unit = take_unit(&text)) == 0)
			return -EINVAL;
		/* In two parts, so that neither overflows. */
		total += number / NANO * unit + number % NANO * unit / NANO;
		if (total > (uint64_t)SECONDS_MAX * MS_PER_SECOND)
			return -EINVAL;
	} while (*text);
	*ret = (int64_t)total;
	return 0;
}

/* --- Times ---------------------------------------------------------------------------------------
 */

static int parse_epoch(const char *text, int64_t *ret)
{
	uint64_t nano;

	if (take_number(&text, &nano) < 0 || *text)
		return -EINVAL;
	*ret = (int64_t)(nano / NANO_PER_MS);
	return 0;
}

/* ".123456": what is smaller than a millisecond does not matter. */
static int take_fraction(const char **text, int64_t *ms)
{
	int64_t unit = MS_PER_SECOND / 10;

	if (**text != '.')
		return 0;
	if (!isdigit((unsigned char)*++*text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); ++*text, unit /= 10)
		*ms += (**text - '0') * unit;
	return 0;
}

/* "Z", "+01:00", or nothing for local time. */
static int take_zone(const char *text, struct tm *tm, int64_t *seconds)
{
	struct tm zone = { 0 };
	const char *rest;
	int sign = *text == '-' ? 1 : -1;

	if (*text == '\0') {
		tm->tm_isdst = -1;
		*seconds = mktime(tm);
		return 0;
	}
	*seconds = timegm(tm);
	if (strcmp(text, "Z") == 0)
		return 0;
	rest = *text == '+' || *text == '-' ? strptime(text + 1, "%H:%M", &zone) : NULL;
	if (!rest || *rest)
		return -EINVAL;
	*seconds += sign * (zone.tm_hour * 60 + zone.tm_min) * 60;
	return 0;
}

/* Longer ones first: a shorter one fits their beginning. */
static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

/* Where the T is, which may be a space. */
#define T_PLACE strlen("2026-01-31")

static int parse_date(const char *given, int64_t *ret)
{
	_cleanup_free_ char *text = xstrdup(given);

	if (strlen(text) > T_PLACE && text[T_PLACE] == ' ')
		text[T_PLACE] = 'T';
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { 0 };
		int64_t ms = 0, seconds;
		const char *rest = strptime(text, formats[i], &tm);
		int day = tm.tm_mday;

		if (!rest || take_fraction(&rest, &ms) < 0 || take_zone(rest, &tm, &seconds) < 0)
			continue;
		if (tm.tm_mday != day) /* February 30 */
			return -EINVAL;
		*ret = seconds * MS_PER_SECOND + ms;
		return 0;
	}
	return -EINVAL;
}

int moment_parse(const char *option, const char *text, int64_t now_ms, int64_t *ret, struct err *e)
{
	int64_t span;

	if (parse_span(text, &span) == 0) {
		*ret = now_ms - span;
		return 0;
	}
	if (parse_epoch(text, ret) == 0 || parse_date(text, ret) == 0)
		return 0;
	return usage_error(e,
			   "--%s '%s': give a time, as in 2026-01-31T13:00:00Z or seconds since "
			   "the epoch, or how long ago, as in 10m or 1h30m",
			   option, text);
}
