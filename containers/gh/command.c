#include "containers/gh/command.h"

#include <string.h>

#include "common/cleanup.h"
#include "containers/gh/flags.h"

#define MANY   ((size_t)-1)
#define NO_GIT "it runs git, which has no checkout beside gh"

/* Of arguments: none; exactly one; at most one; any number. */
#define NONE           GH_TEXT, GH_TEXT, 0, 0
#define ONE(kind)      kind, GH_TEXT, 1, 1
#define OPTIONAL(kind) kind, GH_TEXT, 0, 1
#define ANY(kind)      kind, kind, 0, MANY

#define DENIED(name, sub, why)                                                                     \
	{                                                                                          \
		name, sub, gh_flags_none, false, NONE, NULL, false, why                            \
	}

#define PLAIN(name, sub, flags, arguments)                                                         \
	{                                                                                          \
		name, sub, gh_flags_##flags, true, arguments, NULL, false, NULL                    \
	}
#define NO_REPO(name, sub, flags, arguments)                                                       \
	{                                                                                          \
		name, sub, gh_flags_##flags, false, arguments, NULL, false, NULL                   \
	}
#define DOWNLOAD(name, sub, flags, arguments)                                                      \
	{                                                                                          \
		name, sub, gh_flags_##flags, true, arguments, NULL, true, NULL                     \
	}

/* gh looks a missing number of a pull request up in the checkout that it does not have, so there it
 * has to be given; other missing arguments are told by gh itself. */
static const struct gh_command commands[] = {
	NO_REPO("api", NULL, api, ONE(GH_ENDPOINT)),

	PLAIN("issue", "close", issue_close, OPTIONAL(GH_NAME)),
	PLAIN("issue", "comment", issue_comment, OPTIONAL(GH_NAME)),
	PLAIN("issue", "create", issue_create, NONE),
	PLAIN("issue", "delete", issue_delete, OPTIONAL(GH_NAME)),
	PLAIN("issue", "edit", issue_edit, OPTIONAL(GH_NAME)),
	PLAIN("issue", "list", issue_list, NONE),
	PLAIN("issue", "lock", issue_lock, OPTIONAL(GH_NAME)),
	PLAIN("issue", "pin", none, OPTIONAL(GH_NAME)),
	PLAIN("issue", "reopen", issue_reopen, OPTIONAL(GH_NAME)),
	PLAIN("issue", "status", issue_status, NONE),
	{ "issue", "transfer", gh_flags_none, true, GH_NAME, GH_REPOSITORY, 2, 2, NULL, false,
	  NULL },
	PLAIN("issue", "unlock", none, OPTIONAL(GH_NAME)),
	PLAIN("issue", "unpin", none, OPTIONAL(GH_NAME)),
	PLAIN("issue", "view", issue_view, OPTIONAL(GH_NAME)),
	DENIED("issue", "develop", NO_GIT),

	PLAIN("label", "clone", label_clone, ONE(GH_REPOSITORY)),
	PLAIN("label", "create", label_create, OPTIONAL(GH_TEXT)),
	PLAIN("label", "delete", label_delete, OPTIONAL(GH_NAME)),
	PLAIN("label", "edit", label_edit, OPTIONAL(GH_NAME)),
	PLAIN("label", "list", label_list, NONE),

	PLAIN("pr", "checks", pr_checks, ONE(GH_NAME)),
	PLAIN("pr", "close", pr_close, ONE(GH_NAME)),
	PLAIN("pr", "comment", pr_comment, ONE(GH_NAME)),
	{ "pr", "create", gh_flags_pr_create, true, NONE, "head", false, NULL },
	PLAIN("pr", "diff", pr_diff, ONE(GH_NAME)),
	PLAIN("pr", "edit", pr_edit, ONE(GH_NAME)),
	PLAIN("pr", "list", pr_list, NONE),
	PLAIN("pr", "lock", pr_lock, ONE(GH_NAME)),
	PLAIN("pr", "merge", pr_merge, ONE(GH_NAME)),
	PLAIN("pr", "ready", pr_ready, ONE(GH_NAME)),
	PLAIN("pr", "reopen", pr_reopen, ONE(GH_NAME)),
	PLAIN("pr", "review", pr_review, ONE(GH_NAME)),
	PLAIN("pr", "status", pr_status, NONE),
	PLAIN("pr", "unlock", none, ONE(GH_NAME)),
	PLAIN("pr", "view", pr_view, ONE(GH_NAME)),
	DENIED("pr", "checkout",
	       "it changes files of yours, which gh does not see; use git: "
	       "git fetch origin pull/NUMBER/head:BRANCH && git checkout BRANCH"),

	{ "release", "create", gh_flags_release_create, true, GH_NAME, GH_ASSET, 1, MANY, NULL,
	  false, NULL },
	PLAIN("release", "delete", release_delete, OPTIONAL(GH_NAME)),
	{ "release", "delete-asset", gh_flags_release_delete_asset, true, GH_NAME, GH_NAME, 2, 2,
	  NULL, false, NULL },
	DOWNLOAD("release", "download", release_download, OPTIONAL(GH_NAME)),
	PLAIN("release", "edit", release_edit, OPTIONAL(GH_NAME)),
	PLAIN("release", "list", release_list, NONE),
	{ "release", "upload", gh_flags_release_upload, true, GH_NAME, GH_ASSET, 2, MANY, NULL,
	  false, NULL },
	PLAIN("release", "view", release_view, OPTIONAL(GH_NAME)),

	NO_REPO("repo", "archive", repo_archive, OPTIONAL(GH_REPOSITORY)),
	NO_REPO("repo", "delete", repo_delete, OPTIONAL(GH_REPOSITORY)),
	NO_REPO("repo", "edit", repo_edit, OPTIONAL(GH_REPOSITORY)),
	NO_REPO("repo", "list", repo_list, OPTIONAL(GH_NAME)),
	PLAIN("repo", "rename", repo_rename, OPTIONAL(GH_NAME)),
	NO_REPO("repo", "view", repo_view, OPTIONAL(GH_REPOSITORY)),
	DENIED("repo", "clone", "only the agent's own gh does it, by the agent's git"),
	DENIED("repo", "create", NO_GIT),
	DENIED("repo", "deploy-key", "it would give a key that outlives the sandbox"),
	DENIED("repo", "fork", NO_GIT),
	DENIED("repo", "set-default", NO_GIT),
	DENIED("repo", "sync", NO_GIT),

	PLAIN("run", "cancel", none, OPTIONAL(GH_NAME)),
	DOWNLOAD("run", "download", run_download, OPTIONAL(GH_NAME)),
	PLAIN("run", "list", run_list, NONE),
	PLAIN("run", "rerun", run_rerun, OPTIONAL(GH_NAME)),
	PLAIN("run", "view", run_view, OPTIONAL(GH_NAME)),
	PLAIN("run", "watch", run_watch, OPTIONAL(GH_NAME)),

	NO_REPO("search", "commits", search_commits, ANY(GH_TEXT)),
	NO_REPO("search", "issues", search_issues, ANY(GH_TEXT)),
	NO_REPO("search", "prs", search_prs, ANY(GH_TEXT)),
	NO_REPO("search", "repos", search_repos, ANY(GH_TEXT)),

	NO_REPO("status", NULL, status, NONE),

	PLAIN("workflow", "disable", none, OPTIONAL(GH_NAME)),
	PLAIN("workflow", "enable", none, OPTIONAL(GH_NAME)),
	PLAIN("workflow", "list", workflow_list, NONE),
	PLAIN("workflow", "run", workflow_run, OPTIONAL(GH_NAME)),
	PLAIN("workflow", "view", workflow_view, OPTIONAL(GH_NAME)),
};

/* Other names that gh has for subcommands; the one of `repo create` is denied with it. */
static const struct {
	const char *alias, *sub;
} aliases[] = {
	{ "ls", "list" },
	{ "new", "create" },
};

bool gh_command_exists(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return true;
	return false;
}

static const char *unalias(const char *sub)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcmp(aliases[i].alias, sub) == 0)
			return aliases[i].sub;
	return sub;
}

const struct gh_command *gh_command_find(const char *name, const char *sub)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct gh_command *c = &commands[i];

		if (strcmp(c->name, name) != 0)
			continue;
		if (!c->sub || (sub && strcmp(c->sub, unalias(sub)) == 0))
			return c;
	}
	return NULL;
}

const struct gh_command *gh_command_at(size_t i)
{
	return i < ARRAY_SIZE(commands) ? &commands[i] : NULL;
}

typedef bool (*match_fn)(const struct gh_flag *flag, const char *name, size_t length);

static bool name_matches(const struct gh_flag *flag, const char *name, size_t length)
{
	return strlen(flag->name) == length && strncmp(flag->name, name, length) == 0;
}

static bool letter_matches(const struct gh_flag *flag, const char *letter, size_t length _unused_)
{
	return flag->letter != 0 && flag->letter == *letter;
}

/* A command's own flags come first: some take the letter of a general one. */
static const struct gh_flag *find_flag(const struct gh_command *command, match_fn matches,
				       const char *name, size_t length)
{
	const struct gh_flag *const tables[] = { command->flags,
						 command->has_repo ? gh_flags_repo : gh_flags_none,
						 gh_flags_any };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct gh_flag *f = tables[i]; f->name; f++)
			if (matches(f, name, length))
				return f;
	return NULL;
}

const struct gh_flag *gh_command_flag(const struct gh_command *command, const char *name,
				      size_t length)
{
	return find_flag(command, name_matches, name, length);
}

const struct gh_flag *gh_command_flag_letter(const struct gh_command *command, char letter)
{
	return find_flag(command, letter_matches, &letter, 1);
}
