#include "common/timestamp.h"

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
