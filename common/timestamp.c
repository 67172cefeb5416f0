#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"

#define DATE_AND_TIME "%Y-%m-%dT%H:%M:%S"
#define TEXT_MAX      32

static void format(int64_t seconds, char text[TEXT_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, TEXT_MAX, DATE_AND_TIME, &tm);
}

char *timestamp_of_seconds(int64_t seconds)
{
	char text[TEXT_MAX];

	format(seconds, text);
	return xasprintf("%sZ", text);
}

char *timestamp_of_ms(int64_t ms)
{
	char text[TEXT_MAX];

	format(ms / 1000, text);
	return xasprintf("%s.%03uZ", text, (unsigned)(ms % 1000));
}

/* What is parsed is compared as a text: there is one way to write a time. */
int timestamp_parse_ms(const char *text, int64_t *ret)
{
	_cleanup_free_ char *again = NULL;
	struct tm tm = { 0 };
	const char *rest = strptime(text, DATE_AND_TIME, &tm);
	unsigned ms;
	int64_t value;

	if (!rest || sscanf(rest, ".%3uZ", &ms) != 1)
		return -EINVAL;
	value = (int64_t)timegm(&tm) * 1000 + ms;
	if (value < 0)
		return -EINVAL;
	again = timestamp_of_ms(value);
	if (strcmp(again, text) != 0)
		return -EINVAL;
	*ret = value;
	return 0;
}
