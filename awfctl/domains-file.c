#include "awfctl/domains-file.h"

#include <string.h>

#include "awfctl/options.h"
#include "common/alloc.h"
#include "common/utf8.h"

#define WHITE_SPACE " \t\v\f\r"

/* Cuts off the comment, the white space at the end and one comma before it. */
static void shorten(char *line)
{
	size_t length = strcspn(line, "#");

	while (length > 0 && strchr(WHITE_SPACE, line[length - 1]))
		length--;
	if (length > 1 && line[length - 1] == ',')
		length--;
	line[length] = '\0';
}

static int parse_line(const char *line, struct word_list *to, const char **reason)
{
	_cleanup_free_ char *text = xstrdup(line);
	int r;

	if (!utf8_is_valid(text)) {
		*reason = "not valid UTF-8; save the file as UTF-8";
		return -EINVAL;
	}
	shorten(text);
	if (text[strspn(text, WHITE_SPACE)] == '\0')
		return 0;
	r = word_list_split(to, text);
	*reason = r == -EMSGSIZE ? "too many domains; a pattern such as *.example.com "
				   "stands for many"
				 : "a domain is empty; take the superfluous comma out";
	return r;
}

int domains_file_parse(const char *name, const char *text, size_t length, struct word_list *to,
		       struct err *e)
{
	const char *end = text + length;

	for (size_t line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		_cleanup_free_ char *copy = xstrndup(text, n);
		const char *reason = "a NUL character; give a text file";

		if (strlen(copy) != n || parse_line(copy, to, &reason) < 0)
			return usage_error(e, "%s:%zu: %s", name, line, reason);
		text += n + 1;
	}
	return 0;
}
