#include "containers/cli-proxy/redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/alloc.h"
#include "common/strbuf.h"

#define UPPER_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define ALNUM            UPPER_AND_DIGITS "abcdefghijklmnopqrstuvwxyz"
#define NAME             ALNUM "_.-"
#define BLANKS           " \t"
#define QUOTES           "\"'"

/* A part of the text, found at a place: it begins `kept` bytes behind it. */
struct secret {
	size_t kept;
	size_t length;
};

/* Case doesn't matter. */
static bool begins_with(const char *s, const char *prefix)
{
	return (s[0] | ' ') == (prefix[0] | ' ') && strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_in_name(char c)
{
	return (c >= '0' && c <= '9') || ((c | ' ') >= 'a' && (c | ' ') <= 'z') || c == '_' ||
	       c == '.' || c == '-';
}

/* --- Shapes
 * --------------------------------------------------------------------------------------- */

/* What begins like this and goes on with so many of these characters at least, or up to the end of
 * the text, which may have been cut. */
static const struct {
	const char *prefix;
	const char *characters;
	size_t min;
	bool keeps_prefix;
} shapes[] = {
	{ "ghp_", ALNUM "_", 8, false },         { "gho_", ALNUM "_", 8, false },
	{ "ghu_", ALNUM "_", 8, false },         { "ghs_", ALNUM "_", 8, false },
	{ "ghr_", ALNUM "_", 8, false },         { "github_pat_", ALNUM "_", 8, false },
	{ "AKIA", UPPER_AND_DIGITS, 16, false }, { "ASIA", UPPER_AND_DIGITS, 16, false },
	{ "eyJ", ALNUM "_-.", 16, false },       { "Bearer ", ALNUM "_-.~+/=", 8, true },
	{ "sk-ant-", ALNUM "_-", 8, false },     { "sk-proj-", ALNUM "_-", 8, false },
	{ "glpat-", ALNUM "_-", 8, false },      { "xoxb-", ALNUM "-", 8, false },
	{ "xoxp-", ALNUM "-", 8, false },
};

static struct secret find_shape(const char *text, size_t at)
{
	const char *s = text + at;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		size_t prefix, run;

		if (!begins_with(s, shapes[i].prefix))
			continue;
		prefix = strlen(shapes[i].prefix);
		run = strspn(s + prefix, shapes[i].characters);
		if (run < shapes[i].min && (run == 0 || s[prefix + run] != '\0'))
			continue;
		return shapes[i].keeps_prefix ? (struct secret){ prefix, run }
					      : (struct secret){ 0, prefix + run };
	}
	return (struct secret){ 0, 0 };
}

/* "-----BEGIN RSA PRIVATE KEY-----" up to the line that ends it. */
static struct secret find_private_key(const char *text, size_t at)
{
	static const char begin[] = "-----BEGIN ", label[] = "PRIVATE KEY", end[] = "-----END ";
	const char *s = text + at, *body, *found;
	size_t length;

	if (strncmp(s, begin, strlen(begin)) != 0)
		return (struct secret){ 0, 0 };
	length = strspn(s + strlen(begin), UPPER_AND_DIGITS " ");
	body = s + strlen(begin) + length;
	if (!memmem(s + strlen(begin), length, label, strlen(label)))
		return (struct secret){ 0, 0 };
	found = strstr(body, end);
	if (!found)
		return (struct secret){ 0, strlen(s) };
	found += strlen(end);
	found += strspn(found, UPPER_AND_DIGITS " ");
	found += strspn(found, "-");
	return (struct secret){ 0, (size_t)(found - s) };
}

/* What stands before the last @ of a URL's authority. */
static struct secret find_userinfo(const char *text, size_t at)
{
	const char *authority = text + at + 3;
	size_t length;

	if (strncmp(text + at, "://", 3) != 0)
		return (struct secret){ 0, 0 };
	length = strcspn(authority, "/?#" BLANKS QUOTES "\r\n");
	while (length > 0 && authority[length - 1] != '@')
		length--;
	return (struct secret){ 3, length > 0 ? length - 1 : 0 };
}

/* --- Names and what they stand for
 * ---------------------------------------------------------------- */

enum word_kind {
	WORD_IN_NAME,
	WORD_IS_NAME,
	WORD_HEADER, /* in a name whose value goes up to the end of the line */
};

static const struct {
	const char *word;
	enum word_kind kind;
} words[] = {
	{ "authorization", WORD_HEADER }, { "cookie", WORD_HEADER },
	{ "token", WORD_IN_NAME },        { "secret", WORD_IN_NAME },
	{ "password", WORD_IN_NAME },     { "passwd", WORD_IN_NAME },
	{ "passphrase", WORD_IN_NAME },   { "apikey", WORD_IN_NAME },
	{ "api-key", WORD_IN_NAME },      { "api_key", WORD_IN_NAME },
	{ "accesskey", WORD_IN_NAME },    { "access-key", WORD_IN_NAME },
	{ "access_key", WORD_IN_NAME },   { "accountkey", WORD_IN_NAME },
	{ "privatekey", WORD_IN_NAME },   { "private-key", WORD_IN_NAME },
	{ "private_key", WORD_IN_NAME },  { "credential", WORD_IN_NAME },
	{ "signature", WORD_IN_NAME },    { "sig", WORD_IS_NAME },
	{ "pwd", WORD_IS_NAME },
};

static bool name_has(const char *name, size_t length, size_t row)
{
	size_t word = strlen(words[row].word);

	if (words[row].kind == WORD_IS_NAME && word != length)
		return false;
	for (size_t i = 0; i + word <= length; i++)
		if (begins_with(name + i, words[row].word))
			return true;
	return false;
}

/* The row of a word that is in the name, or -1. */
static int find_word(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (name_has(name, length, i))
			return (int)i;
	return -1;
}

/* From the end of a name to its value, behind the quote that opens it: `"] : \"`, and the like. 0
 * when there is no `=` or `:`. */
static size_t skip_separator(const char *s, bool *is_equals)
{
	size_t n = strspn(s, "\\" QUOTES "]");

	n += strspn(s + n, BLANKS);
	if (s[n] != '=' && s[n] != ':')
		return 0;
	*is_equals = s[n] == '=';
	n++;
	n += strspn(s + n, BLANKS);
	n += strspn(s + n, "\\");
	return s[n] && strchr(QUOTES, s[n]) ? n + 1 : n;
}

/* Up to the quote that closes the one in front. A quoted quote counts only inside of another. */
static size_t quoted_length(const char *s)
{
	const char quote = s[-1];
	bool is_escaped = s[-2] == '\\';
	size_t n = 0;

	while (s[n] && s[n] != quote)
		n += !is_escaped && s[n] == '\\' && s[n + 1] ? 2 : 1;
	return n > 0 && is_escaped && s[n - 1] == '\\' ? n - 1 : n;
}

static size_t value_length(const char *value, enum word_kind kind, bool is_rest)
{
	if (is_rest)
		return strlen(value);
	if (strchr(QUOTES, value[-1]))
		return quoted_length(value);
	if (kind == WORD_HEADER)
		return strcspn(value, "\r\n");
	return strcspn(value, BLANKS QUOTES "\r\n&");
}

/* Whether what stands before may be that of gh's own NAME=VALUE: `--field=`, `inputs[`. */
static bool begins_field(const char *text, size_t at)
{
	return strspn(text, NAME "=[") >= at;
}

/* `token=VALUE`, `"password": "VALUE"`, `X-Api-Key: VALUE`. The value of gh's own NAME=VALUE may
 * have blanks. */
static struct secret find_named(const char *text, size_t at)
{
	const char *name = text + at;
	size_t length, separator;
	bool is_equals = false;
	int row;

	if (!is_in_name(*name) || (at > 0 && is_in_name(name[-1])))
		return (struct secret){ 0, 0 };
	length = strspn(name, NAME);
	row = find_word(name, length);
	separator = row < 0 ? 0 : skip_separator(name + length, &is_equals);
	if (separator == 0)
		return (struct secret){ 0, 0 };
	length += separator;
	return (struct secret){ length, value_length(name + length, words[row].kind,
						     is_equals && begins_field(text, at)) };
}

/* --- All of them
 * ---------------------------------------------------------------------------------- */

static struct secret (*const finders[])(const char *text, size_t at) = {
	find_shape,
	find_private_key,
	find_userinfo,
	find_named,
};

/* What is marked is not looked at again, so that the time grows with the text alone. */
static void mark_secrets(const char *text, char *marks)
{
	for (size_t at = 0; text[at]; at++) {
		for (size_t i = 0; !marks[at] && i < ARRAY_SIZE(finders); i++) {
			struct secret found = finders[i](text, at);

			if (found.length > 0)
				memset(marks + at + found.kept, 1, found.length);
		}
	}
}

/* How many of the marks are like the first one. */
static size_t run_length(const char *marks, size_t max)
{
	size_t n = 1;

	while (n < max && marks[n] == marks[0])
		n++;
	return n;
}

char *redact(const char *text)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	size_t length = strlen(text);
	_cleanup_free_ char *marks = xcalloc(length + 1, 1);

	mark_secrets(text, marks);
	for (size_t i = 0, n; text[i]; i += n) {
		n = run_length(marks + i, length - i);
		if (marks[i])
			strbuf_puts(&out, REDACTED);
		else
			strbuf_append(&out, text + i, n);
	}
	return strbuf_take(&out);
}

/* `--token VALUE`; and `secret set NAME --body VALUE`, in any spelling. */
bool redact_is_secret(char *const *args, size_t i)
{
	const char *before = i > 0 ? args[i - 1] : "";

	if (i > 2 && strcmp(args[0], "secret") == 0)
		return true;
	return before[0] == '-' && before[strspn(before, NAME)] == '\0' &&
	       find_word(before, strlen(before)) >= 0;
}
