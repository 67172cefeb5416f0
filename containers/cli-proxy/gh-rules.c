#include "containers/cli-proxy/gh-rules.h"

#include <stddef.h>
#include <string.h>

#include "containers/cli-proxy/refusal.h"

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* What may stand first, exactly so written; everything else is denied. The flags must stand alone.
 */
static const struct {
	const char *name;
	bool alone;
} commands[] = {
	{ "--help", true }, { "--version", true }, { "api", false },     { "issue", false },
	{ "label", false }, { "pr", false },       { "release", false }, { "repo", false },
	{ "run", false },   { "search", false },   { "status", false },  { "workflow", false },
};

/* What is known of the value of a flag. */
enum flag_kind {
	FLAG_TEXT,       /* always followed by a value, which may be any text */
	FLAG_REPOSITORY, /* always followed by a value, which must be OWNER/REPO */
	FLAG_DENIED,
};

/* A flag that is not in the table may or may not take a value, so what follows it is checked as if
 * it stood alone. A row with a command counts only there. */
static const struct flag {
	const char *command;
	const char *long_name;
	char short_name;
	enum flag_kind kind;
} flags[] = {
	{ NULL, "hostname", 0, FLAG_DENIED }, /* leaves the DIFC proxy */
	{ NULL, "repo", 'R', FLAG_REPOSITORY },
	{ NULL, "title", 0, FLAG_TEXT },
	{ NULL, "body", 0, FLAG_TEXT },
	{ NULL, "notes", 0, FLAG_TEXT },
	{ NULL, "subject", 0, FLAG_TEXT },
	{ NULL, "description", 0, FLAG_TEXT },
	{ NULL, "jq", 0, FLAG_TEXT },
	{ "api", "field", 'F', FLAG_TEXT },
	{ "api", "raw-field", 'f', FLAG_TEXT },
	{ "api", "header", 'H', FLAG_TEXT },
	{ "workflow", "field", 'F', FLAG_TEXT },
	{ "workflow", "raw-field", 'f', FLAG_TEXT },
	{ "issue", "search", 'S', FLAG_TEXT },
	{ "issue", NULL, 'b', FLAG_TEXT },
	{ "issue", NULL, 't', FLAG_TEXT },
	{ "pr", "search", 'S', FLAG_TEXT },
	{ "pr", NULL, 'b', FLAG_TEXT },
	{ "pr", NULL, 't', FLAG_TEXT },
	{ "release", NULL, 'n', FLAG_TEXT },
	{ "release", NULL, 't', FLAG_TEXT },
};

bool gh_rules_is_repository(const char *text)
{
	size_t owner = strspn(text, LETTERS_AND_DIGITS "-");
	size_t name;

	if (owner == 0 || text[owner] != '/')
		return false;
	name = strspn(text + owner + 1, LETTERS_AND_DIGITS "._-");
	return name > 0 && text[owner + 1 + name] == '\0';
}

static bool row_applies(const struct flag *row, const char *command)
{
	return !row->command || strcmp(row->command, command) == 0;
}

/* The row of a long flag whose name is the first `length` bytes. */
static const struct flag *find_long(const char *command, const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const char *known = flags[i].long_name;

		if (known && row_applies(&flags[i], command) && strlen(known) == length &&
		    strncmp(known, name, length) == 0)
			return &flags[i];
	}
	return NULL;
}

static const struct flag *find_short(const char *command, char name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].short_name == name && row_applies(&flags[i], command))
			return &flags[i];
	return NULL;
}

static int check_repository(const char *value, struct err *e)
{
	if (!value)
		return refuse(e, 403, "-R needs a repository, as OWNER/REPO");
	if (!gh_rules_is_repository(value))
		return refuse(e, 403, "Repository '%s' is not permitted: name it as OWNER/REPO",
			      value);
	return 0;
}

static int check_positional(const char *arg, struct err *e)
{
	if (strstr(arg, "://"))
		return refuse(e, 403,
			      "The URL '%s' is not permitted: name a number, OWNER/REPO or path",
			      arg);
	return 0;
}

/* Applies a row to its value: the one attached, or else the next argument, which is then skipped.
 */
static int check_value(const struct flag *row, const char *attached, char *const **next,
		       struct err *e)
{
	const char *value = attached;

	if (row->kind == FLAG_DENIED)
		return refuse(e, 403, "Flag '--%s' is not permitted", row->long_name);
	if (!value && **next)
		value = *(*next)++;
	return row->kind == FLAG_REPOSITORY ? check_repository(value, e) : 0;
}

/* --name, --name=value, --name value */
static int check_long(const char *command, const char *arg, char *const **next, struct err *e)
{
	size_t length = strcspn(arg + 2, "=");
	const char *attached = arg[2 + length] == '=' ? arg + 2 + length + 1 : NULL;
	const struct flag *row;

	if (arg[2] == '\0')
		return refuse(e, 403, "A bare '--' is not permitted");
	row = find_long(command, arg + 2, length);
	return row ? check_value(row, attached, next, e) : 0;
}

/* -x, -xVALUE, -x=VALUE, -x VALUE and clusters. Only the first letter is surely a flag; behind an
 * unknown one every R is taken for the flag -R, and what follows the cluster is checked by itself.
 */
static int check_short(const char *command, const char *arg, char *const **next, struct err *e)
{
	const struct flag *row = find_short(command, arg[1]);
	const char *rest = arg + 1;
	char *const *peek = *next;

	if (!row) {
		rest = strchr(arg + 1, 'R');
		row = rest ? find_short(command, 'R') : NULL;
		next = &peek;
	}
	if (!row)
		return 0;
	rest++;
	if (*rest == '=')
		rest++;
	return check_value(row, *rest ? rest : NULL, next, e);
}

static int check_rest(const char *command, char *const *next, struct err *e)
{
	while (*next) {
		const char *arg = *next++;
		int error;

		if (strncmp(arg, "--", 2) == 0)
			error = check_long(command, arg, &next, e);
		else if (arg[0] == '-' && arg[1] != '\0')
			error = check_short(command, arg, &next, e);
		else
			error = check_positional(arg, e);
		if (error < 0)
			return error;
	}
	return 0;
}

int gh_rules_check(char *const *args, struct err *e)
{
	if (!args[0])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, args[0]) != 0)
			continue;
		if (commands[i].alone && args[1])
			return refuse(e, 403, "'%s' must stand alone", args[0]);
		return check_rest(args[0], args + 1, e);
	}
	return refuse(e, 403, "Subcommand '%s' is not permitted", args[0]);
}
