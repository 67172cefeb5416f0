#include "awfctl/env-file.h"

#include <stdlib.h>
#include <string.h>

#include "awfctl/options.h"
#include "common/alloc.h"
#include "common/strv.h"
#include "common/utf8.h"

#define WHITE_SPACE     " \t\v\f"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static void set(char ***env, const char *key, const char *value)
{
	(void)strv_env_unset(*env, key);
	strv_appendf(env, "%s=%s", key, value);
}

static int parse_line(char *line, char ***env, const char **reason)
{
	char *equals;

	line += strspn(line, WHITE_SPACE);
	if (*line == '\0' || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (equals)
		*equals = '\0';
	*reason = "there is no name before the '='";
	if (*line == '\0')
		return -EINVAL;
	*reason = "the name has white space in it; write KEY=VALUE";
	if (strpbrk(line, WHITE_SPACE))
		return -EINVAL;
	if (equals)
		set(env, line, equals + 1);
	else if (getenv(line))
		set(env, line, getenv(line));
	return 0;
}

/* One line, which text[n] ends; a carriage return before that is not of the value. */
static int take_line(const char *text, size_t n, char ***env, const char **reason)
{
	_cleanup_free_ char *line = xstrndup(text, n);

	*reason = "a NUL character; give a text file";
	if (strlen(line) != n)
		return -EINVAL;
	*reason = "not valid UTF-8; save the file as UTF-8";
	if (!utf8_is_valid(line))
		return -EINVAL;
	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	return parse_line(line, env, reason);
}

int env_file_parse(const char *name, const char *text, size_t length, char ***env, struct err *e)
{
	const char *end = text + length;

	if (length >= strlen(BYTE_ORDER_MARK) &&
	    memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		text += strlen(BYTE_ORDER_MARK);
	for (size_t line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		const char *reason;

		if (take_line(text, n, env, &reason) < 0)
			return usage_error(e, "--env-file: %s:%zu: %s", name, line, reason);
		text += n + 1;
	}
	return 0;
}
