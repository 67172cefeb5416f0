#include "containers/gh/flags.h"

#define SWITCH(name, letter)                                                                       \
	{                                                                                          \
		name, letter, GH_SWITCH, NULL                                                      \
	}
#define TEXT(name, letter)                                                                         \
	{                                                                                          \
		name, letter, GH_TEXT, NULL                                                        \
	}
#define NAME(name, letter)                                                                         \
	{                                                                                          \
		name, letter, GH_NAME, NULL                                                        \
	}
#define REPOSITORY(name, letter)                                                                   \
	{                                                                                          \
		name, letter, GH_REPOSITORY, NULL                                                  \
	}
#define PATH(name, letter)                                                                         \
	{                                                                                          \
		name, letter, GH_PATH, NULL                                                        \
	}
#define FIELD(name, letter)                                                                        \
	{                                                                                          \
		name, letter, GH_FIELD, NULL                                                       \
	}
#define DIRECTORY(name, letter)                                                                    \
	{                                                                                          \
		name, letter, GH_DIRECTORY, NULL                                                   \
	}
#define OUTPUT(name, letter)                                                                       \
	{                                                                                          \
		name, letter, GH_OUTPUT, NULL                                                      \
	}
#define JQ(name, letter)                                                                           \
	{                                                                                          \
		name, letter, GH_JQ, NULL                                                          \
	}
#define HEADER(name, letter)                                                                       \
	{                                                                                          \
		name, letter, GH_HEADER, NULL                                                      \
	}
#define METHOD(name, letter)                                                                       \
	{                                                                                          \
		name, letter, GH_METHOD, NULL                                                      \
	}
#define DENIED(name, letter, why)                                                                  \
	{                                                                                          \
		name, letter, GH_DENIED, why                                                       \
	}

#define NO_WEB     DENIED("web", 'w', "the sandbox has no browser")
#define NO_EDITOR  DENIED("editor", 'e', "no editor runs beside gh; use --body or --body-file")
#define NO_RECOVER DENIED("recover", 0, "no call finds what an earlier one has left")
#define JSON       JQ("jq", 'q'), TEXT("json", 0), TEXT("template", 't')
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, GH_SWITCH, NULL                                                           \
	}

const struct gh_flag gh_flags_none[] = { END };

const struct gh_flag gh_flags_any[] = { SWITCH("help", 'h'), END };

const struct gh_flag gh_flags_repo[] = { REPOSITORY("repo", 'R'), END };

const struct gh_flag gh_flags_issue_create[] = { TEXT("assignee", 'a'),
						 TEXT("body", 'b'),
						 PATH("body-file", 'F'),
						 TEXT("label", 'l'),
						 TEXT("milestone", 'm'),
						 TEXT("project", 'p'),
						 NO_RECOVER,
						 TEXT("title", 't'),
						 NO_WEB,
						 END };

const struct gh_flag gh_flags_issue_list[] = { TEXT("app", 0),
					       TEXT("assignee", 'a'),
					       TEXT("author", 'A'),
					       TEXT("label", 'l'),
					       TEXT("limit", 'L'),
					       TEXT("mention", 0),
					       TEXT("milestone", 'm'),
					       TEXT("search", 'S'),
					       TEXT("state", 's'),
					       NO_WEB,
					       JSON,
					       END };

const struct gh_flag gh_flags_issue_status[] = { JSON, END };

const struct gh_flag gh_flags_issue_close[] = { TEXT("comment", 'c'), TEXT("reason", 'r'), END };

const struct gh_flag gh_flags_issue_comment[] = {
	TEXT("body", 'b'), PATH("body-file", 'F'), SWITCH("edit-last", 0), NO_EDITOR, NO_WEB, END
};

const struct gh_flag gh_flags_issue_delete[] = { SWITCH("yes", 0), END };

const struct gh_flag gh_flags_issue_edit[] = { TEXT("add-assignee", 0),
					       TEXT("add-label", 0),
					       TEXT("add-project", 0),
					       TEXT("body", 'b'),
					       PATH("body-file", 'F'),
					       TEXT("milestone", 'm'),
					       TEXT("remove-assignee", 0),
					       TEXT("remove-label", 0),
					       TEXT("remove-project", 0),
					       TEXT("title", 't'),
					       END };

const struct gh_flag gh_flags_issue_lock[] = { TEXT("reason", 'r'), END };

const struct gh_flag gh_flags_issue_reopen[] = { TEXT("comment", 'c'), END };

const struct gh_flag gh_flags_issue_view[] = { SWITCH("comments", 'c'), NO_WEB, JSON, END };

const struct gh_flag gh_flags_label_clone[] = { SWITCH("force", 'f'), END };

const struct gh_flag gh_flags_label_create[] = { TEXT("color", 'c'), TEXT("description", 'd'),
						 SWITCH("force", 'f'), END };

const struct gh_flag gh_flags_label_delete[] = { SWITCH("yes", 0), END };

const struct gh_flag gh_flags_label_edit[] = { TEXT("color", 'c'), TEXT("description", 'd'),
					       TEXT("name", 'n'), END };

const struct gh_flag gh_flags_label_list[] = { TEXT("limit", 'L'),
					       TEXT("order", 0),
					       TEXT("search", 'S'),
					       TEXT("sort", 0),
					       NO_WEB,
					       JSON,
					       END };

const struct gh_flag gh_flags_pr_create[] = { TEXT("assignee", 'a'),
					      TEXT("base", 'B'),
					      TEXT("body", 'b'),
					      PATH("body-file", 'F'),
					      SWITCH("draft", 'd'),
					      SWITCH("fill", 'f'),
					      TEXT("head", 'H'),
					      TEXT("label", 'l'),
					      TEXT("milestone", 'm'),
					      SWITCH("no-maintainer-edit", 0),
					      TEXT("project", 'p'),
					      NO_RECOVER,
					      TEXT("reviewer", 'r'),
					      TEXT("title", 't'),
					      NO_WEB,
					      END };

const struct gh_flag gh_flags_pr_list[] = { TEXT("app", 0),
					    TEXT("assignee", 'a'),
					    TEXT("author", 'A'),
					    TEXT("base", 'B'),
					    SWITCH("draft", 'd'),
					    TEXT("head", 'H'),
					    TEXT("label", 'l'),
					    TEXT("limit", 'L'),
					    TEXT("search", 'S'),
					    TEXT("state", 's'),
					    NO_WEB,
					    JSON,
					    END };

const struct gh_flag gh_flags_pr_status[] = { SWITCH("conflict-status", 'c'), JSON, END };

const struct gh_flag gh_flags_pr_checks[] = { TEXT("interval", 'i'), SWITCH("required", 0),
					      SWITCH("watch", 0), NO_WEB, END };

const struct gh_flag gh_flags_pr_close[] = { TEXT("comment", 'c'), SWITCH("delete-branch", 'd'),
					     END };

const struct gh_flag gh_flags_pr_comment[] = {
	TEXT("body", 'b'), PATH("body-file", 'F'), SWITCH("edit-last", 0), NO_EDITOR, NO_WEB, END
};

const struct gh_flag gh_flags_pr_diff[] = { TEXT("color", 0), SWITCH("name-only", 0),
					    SWITCH("patch", 0), NO_WEB, END };

const struct gh_flag gh_flags_pr_edit[] = { TEXT("add-assignee", 0),    TEXT("add-label", 0),
					    TEXT("add-project", 0),     TEXT("add-reviewer", 0),
					    TEXT("base", 'B'),          TEXT("body", 'b'),
					    PATH("body-file", 'F'),     TEXT("milestone", 'm'),
					    TEXT("remove-assignee", 0), TEXT("remove-label", 0),
					    TEXT("remove-project", 0),  TEXT("remove-reviewer", 0),
					    TEXT("title", 't'),         END };

const struct gh_flag gh_flags_pr_lock[] = { TEXT("reason", 'r'), END };

const struct gh_flag gh_flags_pr_merge[] = { SWITCH("admin", 0),
					     TEXT("author-email", 'A'),
					     SWITCH("auto", 0),
					     TEXT("body", 'b'),
					     PATH("body-file", 'F'),
					     SWITCH("delete-branch", 'd'),
					     SWITCH("disable-auto", 0),
					     TEXT("match-head-commit", 0),
					     SWITCH("merge", 'm'),
					     SWITCH("rebase", 'r'),
					     SWITCH("squash", 's'),
					     TEXT("subject", 't'),
					     END };

const struct gh_flag gh_flags_pr_ready[] = { SWITCH("undo", 0), END };

const struct gh_flag gh_flags_pr_reopen[] = { TEXT("comment", 'c'), END };

const struct gh_flag gh_flags_pr_review[] = {
	SWITCH("approve", 'a'),         TEXT("body", 'b'),
	PATH("body-file", 'F'),         SWITCH("comment", 'c'),
	SWITCH("request-changes", 'r'), END
};

const struct gh_flag gh_flags_pr_view[] = { SWITCH("comments", 'c'), NO_WEB, JSON, END };

const struct gh_flag gh_flags_release_create[] = { TEXT("discussion-category", 0),
						   SWITCH("draft", 'd'),
						   SWITCH("generate-notes", 0),
						   SWITCH("latest", 0),
						   TEXT("notes", 'n'),
						   PATH("notes-file", 'F'),
						   TEXT("notes-start-tag", 0),
						   SWITCH("prerelease", 'p'),
						   TEXT("target", 0),
						   TEXT("title", 't'),
						   SWITCH("verify-tag", 0),
						   END };

const struct gh_flag gh_flags_release_list[] = { SWITCH("exclude-drafts", 0),
						 SWITCH("exclude-pre-releases", 0),
						 TEXT("limit", 'L'), END };

const struct gh_flag gh_flags_release_delete[] = { SWITCH("cleanup-tag", 0), SWITCH("yes", 'y'),
						   END };

const struct gh_flag gh_flags_release_delete_asset[] = { SWITCH("yes", 'y'), END };

const struct gh_flag gh_flags_release_download[] = { TEXT("archive", 'A'),
						     SWITCH("clobber", 0),
						     DIRECTORY("dir", 'D'),
						     OUTPUT("output", 'O'),
						     TEXT("pattern", 'p'),
						     SWITCH("skip-existing", 0),
						     END };

const struct gh_flag gh_flags_release_edit[] = { TEXT("discussion-category", 0),
						 SWITCH("draft", 0),
						 SWITCH("latest", 0),
						 TEXT("notes", 'n'),
						 PATH("notes-file", 'F'),
						 SWITCH("prerelease", 0),
						 TEXT("tag", 0),
						 TEXT("target", 0),
						 TEXT("title", 't'),
						 END };

const struct gh_flag gh_flags_release_upload[] = { SWITCH("clobber", 0), END };

const struct gh_flag gh_flags_release_view[] = { NO_WEB, JSON, END };

const struct gh_flag gh_flags_repo_list[] = { SWITCH("archived", 0),
					      SWITCH("fork", 0),
					      TEXT("language", 'l'),
					      TEXT("limit", 'L'),
					      SWITCH("no-archived", 0),
					      SWITCH("source", 0),
					      TEXT("topic", 0),
					      TEXT("visibility", 0),
					      JSON,
					      END };

const struct gh_flag gh_flags_repo_archive[] = { SWITCH("yes", 'y'), END };

const struct gh_flag gh_flags_repo_delete[] = { SWITCH("yes", 0), END };

const struct gh_flag gh_flags_repo_edit[] = { TEXT("add-topic", 0),
					      SWITCH("allow-forking", 0),
					      SWITCH("allow-update-branch", 0),
					      TEXT("default-branch", 0),
					      SWITCH("delete-branch-on-merge", 0),
					      TEXT("description", 'd'),
					      SWITCH("enable-auto-merge", 0),
					      SWITCH("enable-discussions", 0),
					      SWITCH("enable-issues", 0),
					      SWITCH("enable-merge-commit", 0),
					      SWITCH("enable-projects", 0),
					      SWITCH("enable-rebase-merge", 0),
					      SWITCH("enable-squash-merge", 0),
					      SWITCH("enable-wiki", 0),
					      TEXT("homepage", 'h'),
					      TEXT("remove-topic", 0),
					      SWITCH("template", 0),
					      TEXT("visibility", 0),
					      END };

const struct gh_flag gh_flags_repo_rename[] = { SWITCH("yes", 'y'), END };

const struct gh_flag gh_flags_repo_view[] = { TEXT("branch", 'b'), NO_WEB, JSON, END };

const struct gh_flag gh_flags_run_download[] = { DIRECTORY("dir", 'D'), TEXT("name", 'n'),
						 TEXT("pattern", 'p'), END };

const struct gh_flag gh_flags_run_list[] = {
	TEXT("branch", 'b'), TEXT("limit", 'L'), TEXT("user", 'u'), TEXT("workflow", 'w'), JSON, END
};

const struct gh_flag gh_flags_run_rerun[] = { SWITCH("debug", 'd'), SWITCH("failed", 0),
					      NAME("job", 'j'), END };

const struct gh_flag gh_flags_run_view[] = { SWITCH("exit-status", 0),
					     NAME("job", 'j'),
					     SWITCH("log", 0),
					     SWITCH("log-failed", 0),
					     SWITCH("verbose", 'v'),
					     NO_WEB,
					     JSON,
					     END };

const struct gh_flag gh_flags_run_watch[] = { SWITCH("exit-status", 0), TEXT("interval", 'i'),
					      END };

const struct gh_flag gh_flags_search_commits[] = { TEXT("author", 0),
						   TEXT("author-date", 0),
						   TEXT("author-email", 0),
						   TEXT("author-name", 0),
						   TEXT("committer", 0),
						   TEXT("committer-date", 0),
						   TEXT("committer-email", 0),
						   TEXT("committer-name", 0),
						   TEXT("hash", 0),
						   TEXT("limit", 'L'),
						   SWITCH("merge", 0),
						   TEXT("order", 0),
						   TEXT("owner", 0),
						   TEXT("parent", 0),
						   TEXT("repo", 0),
						   TEXT("sort", 0),
						   TEXT("tree", 0),
						   TEXT("visibility", 0),
						   NO_WEB,
						   JSON,
						   END };

const struct gh_flag gh_flags_search_issues[] = { TEXT("app", 0),
						  SWITCH("archived", 0),
						  TEXT("assignee", 0),
						  TEXT("author", 0),
						  TEXT("closed", 0),
						  TEXT("commenter", 0),
						  TEXT("comments", 0),
						  TEXT("created", 0),
						  SWITCH("include-prs", 0),
						  TEXT("interactions", 0),
						  TEXT("involves", 0),
						  TEXT("label", 0),
						  TEXT("language", 0),
						  TEXT("limit", 'L'),
						  SWITCH("locked", 0),
						  TEXT("match", 0),
						  TEXT("mentions", 0),
						  TEXT("milestone", 0),
						  SWITCH("no-assignee", 0),
						  SWITCH("no-label", 0),
						  SWITCH("no-milestone", 0),
						  SWITCH("no-project", 0),
						  TEXT("order", 0),
						  TEXT("owner", 0),
						  TEXT("project", 0),
						  TEXT("reactions", 0),
						  TEXT("repo", 0),
						  TEXT("sort", 0),
						  TEXT("state", 0),
						  TEXT("team-mentions", 0),
						  TEXT("updated", 0),
						  TEXT("visibility", 0),
						  NO_WEB,
						  JSON,
						  END };

const struct gh_flag gh_flags_search_prs[] = { TEXT("app", 0),
					       SWITCH("archived", 0),
					       TEXT("assignee", 0),
					       TEXT("author", 0),
					       TEXT("base", 'B'),
					       TEXT("checks", 0),
					       TEXT("closed", 0),
					       TEXT("commenter", 0),
					       TEXT("comments", 0),
					       TEXT("created", 0),
					       SWITCH("draft", 0),
					       TEXT("head", 'H'),
					       TEXT("interactions", 0),
					       TEXT("involves", 0),
					       TEXT("label", 0),
					       TEXT("language", 0),
					       TEXT("limit", 'L'),
					       SWITCH("locked", 0),
					       TEXT("match", 0),
					       TEXT("mentions", 0),
					       SWITCH("merged", 0),
					       TEXT("merged-at", 0),
					       TEXT("milestone", 0),
					       SWITCH("no-assignee", 0),
					       SWITCH("no-label", 0),
					       SWITCH("no-milestone", 0),
					       SWITCH("no-project", 0),
					       TEXT("order", 0),
					       TEXT("owner", 0),
					       TEXT("project", 0),
					       TEXT("reactions", 0),
					       TEXT("repo", 0),
					       TEXT("review", 0),
					       TEXT("review-requested", 0),
					       TEXT("reviewed-by", 0),
					       TEXT("sort", 0),
					       TEXT("state", 0),
					       TEXT("team-mentions", 0),
					       TEXT("updated", 0),
					       TEXT("visibility", 0),
					       NO_WEB,
					       JSON,
					       END };

const struct gh_flag gh_flags_search_repos[] = { SWITCH("archived", 0),
						 TEXT("created", 0),
						 TEXT("followers", 0),
						 TEXT("forks", 0),
						 TEXT("good-first-issues", 0),
						 TEXT("help-wanted-issues", 0),
						 TEXT("include-forks", 0),
						 TEXT("language", 0),
						 TEXT("license", 0),
						 TEXT("limit", 'L'),
						 TEXT("match", 0),
						 TEXT("number-topics", 0),
						 TEXT("order", 0),
						 TEXT("owner", 0),
						 TEXT("size", 0),
						 TEXT("sort", 0),
						 TEXT("stars", 0),
						 TEXT("topic", 0),
						 TEXT("updated", 0),
						 TEXT("visibility", 0),
						 NO_WEB,
						 JSON,
						 END };

const struct gh_flag gh_flags_status[] = { TEXT("exclude", 'e'), TEXT("org", 'o'), END };

const struct gh_flag gh_flags_workflow_list[] = { SWITCH("all", 'a'), TEXT("limit", 'L'), END };

const struct gh_flag gh_flags_workflow_run[] = { FIELD("field", 'F'), SWITCH("json", 0),
						 TEXT("raw-field", 'f'), TEXT("ref", 'r'), END };

const struct gh_flag gh_flags_workflow_view[] = { TEXT("ref", 'r'), NO_WEB, SWITCH("yaml", 'y'),
						  END };

const struct gh_flag gh_flags_api[] = { DENIED("cache", 0,
					       "no call finds what an earlier one has left"),
					FIELD("field", 'F'),
					HEADER("header", 'H'),
					DENIED("hostname", 0, "it would leave the DIFC proxy"),
					SWITCH("include", 'i'),
					PATH("input", 0),
					JQ("jq", 'q'),
					METHOD("method", 'X'),
					SWITCH("paginate", 0),
					TEXT("preview", 'p'),
					TEXT("raw-field", 'f'),
					SWITCH("silent", 0),
					TEXT("template", 't'),
					END };
