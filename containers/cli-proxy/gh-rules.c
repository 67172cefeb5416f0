#include "containers/cli-proxy/gh-rules.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/alloc.h"
#include "containers/gh/refusal.h"

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* Headers that say what is wanted; others could say who asks, whom, or by which other method. */
static const char *const headers[] = {
	"Accept",    "Content-Type",         "If-Match", "If-Modified-Since", "If-None-Match",
	"Time-Zone", "X-GitHub-Api-Version",
};

static const char *const methods[] = { "DELETE", "GET", "HEAD", "PATCH", "POST", "PUT" };

/* A segment of a path that does not go down. */
static bool is_dots(const char *text, size_t length)
{
	return (length == 1 || length == 2) && strncmp(text, "..", length) == 0;
}

bool gh_rules_is_repository(const char *text)
{
	size_t owner = strspn(text, LETTERS_AND_DIGITS "-");
	size_t name;

	if (owner == 0 || text[owner] != '/')
		return false;
	name = strspn(text + owner + 1, LETTERS_AND_DIGITS "._-");
	return name > 0 && text[owner + 1 + name] == '\0' && !is_dots(text + owner + 1, name);
}

static int check_repository(const char *value, struct err *e)
{
	if (!gh_rules_is_repository(value))
		return refuse(e, 403, "Repository '%s' is not permitted: name it as OWNER/REPO",
			      value);
	return 0;
}

static bool is_listed(const char *const *list, size_t count, const char *text, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == length && strncasecmp(list[i], text, length) == 0)
			return true;
	return false;
}

static int check_method(const char *value, struct err *e)
{
	if (!is_listed(methods, ARRAY_SIZE(methods), value, strlen(value)))
		return refuse(e, 403,
			      "Method '%s' is not permitted: it may be DELETE, GET, HEAD, PATCH, "
			      "POST or PUT",
			      value);
	return 0;
}

/* gh takes the blanks around a header's name away. */
static int check_header(const char *value, struct err *e)
{
	size_t length;

	value += strspn(value, " \t\n\v\f\r");
	length = strcspn(value, ":");
	while (length > 0 && strchr(" \t\n\v\f\r", value[length - 1]))
		length--;
	if (!is_listed(headers, ARRAY_SIZE(headers), value, length))
		return refuse(e, 403, "Header '%.*s' is not permitted", (int)length, value);
	return 0;
}

/* --- Programs for jq -------------------------------------------------------------------------- */

static bool is_word(char c)
{
	return c != '\0' && strchr(LETTERS_AND_DIGITS "_", c);
}

/* The builtin env, and not a part of another word, a field, a key, a variable or a string that is
 * nothing else. */
static bool is_env(const char *program, const char *at)
{
	char before = at > program ? at[-1] : '\0', after = at[3];

	if (is_word(before) || is_word(after) || before == '.' || before == '$' || after == ':')
		return false;
	return !(before == '"' && after == '"');
}

/* What is in gh's environment is no secret, but the agent's neither. */
static int check_jq(const char *program, struct err *e)
{
	const char *at = strstr(program, "$ENV");

	for (const char *p = program; !at && (p = strstr(p, "env")); p++)
		if (is_env(program, p))
			at = p;
	if (at)
		return refuse(e, 403, "jq's '%.4s' is not permitted: it reads gh's environment",
			      at);
	return 0;
}

/* --- Paths of the API ------------------------------------------------------------------------- */

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The byte that a %XX stands for, or -1. */
static int decoded(const char *percent)
{
	int high = hex_value(percent[1]), low = high < 0 ? -1 : hex_value(percent[2]);

	return low < 0 ? -1 : high * 16 + low;
}

static int refuse_endpoint(const char *value, const char *why, struct err *e)
{
	return refuse(e, 403, "The API path '%s' is not permitted: %s", value, why);
}

/* The DIFC proxy decodes a path and hands it on: what is encoded must not be syntax then. */
static bool is_syntax(int byte)
{
	return byte < 0x20 || byte == 0x7f || strchr("/?#@%\\.", byte);
}

static const char *encoding_fault(const char *path, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		int byte = path[i] == '%' ? decoded(path + i) : 'x';

		if (byte < 0)
			return "a '%' must be followed by two hexadecimal digits";
		if (is_syntax(byte))
			return "it encodes a character that would change its meaning";
	}
	return NULL;
}

static const char *segment_fault(const char *path, size_t length)
{
	for (size_t i = 0, n; i <= length; i += n + 1) {
		n = strcspn(path + i, "/?");
		if (n == 0 && i > 0 && i < length)
			return "it has an empty segment ('//')";
		if (is_dots(path + i, n))
			return "it has a segment of dots";
	}
	return NULL;
}

/* The path is put behind the DIFC proxy's address: it must not lead anywhere else. The query, from
 * `?` on, is free. */
static int check_endpoint(const char *value, struct err *e)
{
	size_t length = strcspn(value, "?");
	const char *fault;

	if (strstr(value, "://"))
		return refuse_endpoint(value, "it is a URL", e);
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '#' || *p == '\\')
			return refuse_endpoint(value,
					       "it has a blank, '#', '\\' or control character", e);
	if (strcspn(value, "@") < length)
		return refuse_endpoint(value, "it has a '@' before its query", e);
	if (length >= 2 && strncmp(value, "//", 2) == 0)
		return refuse_endpoint(value, "it has an empty segment ('//')", e);
	fault = segment_fault(value, length);
	if (!fault)
		fault = encoding_fault(value, length);
	return fault ? refuse_endpoint(value, fault, e) : 0;
}

/* Whether a name, as a part of a path, could lead out of where it stands. A lone `%` can't. */
static bool leads_away(const char *name)
{
	for (const char *p = strchr(name, '%'); p; p = strchr(p + 1, '%'))
		if (decoded(p) >= 0 && is_syntax(decoded(p)))
			return true;
	for (size_t n;; name += n + 1) {
		n = strcspn(name, "/?#\\");
		if (is_dots(name, n))
			return true;
		if (name[n] == '\0')
			return false;
	}
}

/* gh puts the names of releases, labels, runs and jobs into paths of the API as they are. */
static int check_name(const char *value, struct err *e)
{
	if (strstr(value, "://"))
		return refuse(e, 403,
			      "The URL '%s' is not permitted: name a number, and the repository "
			      "with -R OWNER/REPO",
			      value);
	if (leads_away(value))
		return refuse(e, 403,
			      "The name '%s' is not permitted: it could lead to another path of "
			      "the API",
			      value);
	return 0;
}

/* --- All -------------------------------------------------------------------------------------- */

static int check_anything(const char *value _unused_, struct err *e _unused_)
{
	return 0;
}

/* Files are no matter of rules: gh gets those that were sent, and no other. */
static int (*const checks[GH_KIND_COUNT])(const char *value, struct err *e) = {
	[GH_SWITCH] = check_anything,
	[GH_TEXT] = check_anything,
	[GH_NAME] = check_name,
	[GH_REPOSITORY] = check_repository,
	[GH_ENDPOINT] = check_endpoint,
	[GH_PATH] = check_anything,
	[GH_FIELD] = check_anything,
	[GH_ASSET] = check_anything,
	[GH_DIRECTORY] = check_anything,
	[GH_OUTPUT] = check_anything,
	[GH_JQ] = check_jq,
	[GH_HEADER] = check_header,
	[GH_METHOD] = check_method,
	[GH_DENIED] = check_anything,
};

int gh_rules_check(const struct gh_arguments *a, struct err *e)
{
	for (size_t i = 0; i < a->count; i++) {
		int error = checks[a->values[i].kind](gh_arguments_text(a, &a->values[i]), e);

		if (error < 0)
			return error;
	}
	return 0;
}
