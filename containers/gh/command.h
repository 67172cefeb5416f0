/* The commands of gh 2.23 that a sandbox may use, and how each is spelled. Pure tables: what is not
 * in them is not permitted. cli-proxy judges by them, and the agent's gh learns from them which
 * arguments name files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What a value is, and so what is checked of it. */
enum gh_kind {
	GH_SWITCH,     /* a flag without a value, but for =true and =false */
	GH_TEXT,       /* anything */
	GH_NAME,       /* of a thing in the repository: no URL, and no way to another thing */
	GH_REPOSITORY, /* OWNER/REPO, without a host */
	GH_ENDPOINT,   /* a path of the API */
	GH_PATH,       /* a file that is read, or `-` */
	GH_FIELD,      /* KEY=VALUE, where a VALUE of @FILE or @- is read */
	GH_ASSET,      /* a file that is read, and maybe #LABEL */
	GH_DIRECTORY,  /* where downloads go */
	GH_OUTPUT,     /* the file that a download becomes, or `-` */
	GH_JQ,         /* a program for jq */
	GH_HEADER,     /* NAME:VALUE, of HTTP */
	GH_METHOD,     /* a method of HTTP */
	GH_DENIED,     /* known, and not permitted */
	GH_KIND_COUNT,
};

struct gh_flag {
	const char *name; /* without dashes; NULL ends a table */
	char letter;      /* its short form, or 0 */
	enum gh_kind kind;
	const char *why; /* of a denied one */
};

struct gh_command {
	const char *name;
	const char *sub;             /* NULL: it has none */
	const struct gh_flag *flags; /* beside --help and --repo */
	bool has_repo;               /* takes --repo; else a GH_REPOSITORY argument says which */
	enum gh_kind first, rest;    /* of the arguments that are not flags */
	size_t min, max;             /* their number */
	const char *required;        /* a flag that gh would else ask git for; or NULL */
	bool downloads;              /* writes files, which belong to the agent */
	const char *why; /* of one that is not permitted: the rest of its row means nothing */
};

/* Whether there are commands of that name. */
bool gh_command_exists(const char *name);

/* The row of a command; `sub` counts only if it has subcommands. NULL if there is none. */
const struct gh_command *gh_command_find(const char *name, const char *sub);

/* The i-th row, for those who compare the table with something; NULL behind the last. */
const struct gh_command *gh_command_at(size_t i);

/* The row of a flag, by the first `length` bytes of its name or by its letter. NULL if there is
 * none. */
const struct gh_flag *gh_command_flag(const struct gh_command *command, const char *name,
				      size_t length);
const struct gh_flag *gh_command_flag_letter(const struct gh_command *command, char letter);
