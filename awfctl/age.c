#include "awfctl/age.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/escape.h"

/* The largest unit of which there are two counts. */
static const struct {
	const char *name;
	int64_t seconds;
} units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 } };

static int parse(const char *time, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *rest = strptime(time, "%Y-%m-%dT%H:%M:%S", &tm);

	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest || strcmp(rest, "Z") != 0)
		return -EINVAL;
	*ret = timegm(&tm);
	return 0;
}

/* A time that is to come is one of another clock. */
char *age_text(const char *time, int64_t now)
{
	int64_t then, age;
	size_t i = 0;

	if (parse(time, &then) < 0)
		return escape_control(time);
	age = now - then;
	if (age < 1)
		return xstrdup("just now");
	while (i + 1 < ARRAY_SIZE(units) && age < 2 * units[i].seconds)
		i++;
	age /= units[i].seconds;
	return xasprintf("%" PRId64 " %s%s ago", age, units[i].name, age == 1 ? "" : "s");
}
