/* What gh is run with: which arguments name files, and what stands for them. */
#include "tests/unit/check.h"

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/strv.h"
#include "containers/cli-proxy/gh-argv.h"

#define ARGS_MAX 8

static const struct {
	const char *args[ARGS_MAX];
	const char *files[3]; /* in their order */
	bool reads_stdin;
	const char *argv[ARGS_MAX + 2]; /* in the directory /d, for o/r */
} rows[] = {
	{ { "api", "x" }, { NULL }, false, { "api", "x" } },
	{ { NULL }, { NULL }, false, { NULL } },
	{ { "issue", "--help" }, { NULL }, false, { "issue", "--help" } },
	{ { "issue", "list", "--help" }, { NULL }, false, { "issue", "list", "--help" } },
	{ { "issue", "list" }, { NULL }, false, { "issue", "list", "--repo=o/r" } },
	{ { "issue", "list", "-Ra/b" }, { NULL }, false, { "issue", "list", "-Ra/b" } },
	{ { "repo", "view" }, { NULL }, false, { "repo", "view", "o/r" } },
	{ { "repo", "view", "a/b" }, { NULL }, false, { "repo", "view", "a/b" } },
	{ { "repo", "list" }, { NULL }, false, { "repo", "list" } },
	{ { "label", "clone", "a/b" }, { NULL }, false, { "label", "clone", "a/b", "--repo=o/r" } },

	{ { "api", "x", "--input", "-" }, { NULL }, true, { "api", "x", "--input", "-" } },
	{ { "api", "x", "--input=/etc/passwd" },
	  { "/etc/passwd" },
	  false,
	  { "api", "x", "--input=/d/files/0/passwd" } },
	{ { "api", "x", "-Fk=@a b", "-F", "l=@-", "-fm=@c" },
	  { "a b" },
	  true,
	  { "api", "x", "-Fk=@/d/files/0/a b", "-F", "l=@-", "-fm=@c" } },
	{ { "api", "x", "--field", "k=@../e", "-iF=l=@f" },
	  { "../e", "f" },
	  false,
	  { "api", "x", "--field", "k=@/d/files/0/e", "-iF=l=@/d/files/1/f" } },
	{ { "api", "x", "-Fk=v@w", "-Fk", "-Fk=@" },
	  { NULL },
	  false,
	  { "api", "x", "-Fk=v@w", "-Fk", "-Fk=@" } },
	{ { "issue", "create", "-Fn.md" },
	  { "n.md" },
	  false,
	  { "issue", "create", "-F/d/files/0/n.md", "--repo=o/r" } },
	{ { "issue", "create", "--body-file", "" },
	  { NULL },
	  false,
	  { "issue", "create", "--body-file", "", "--repo=o/r" } },
	{ { "workflow", "run", "w", "--json" },
	  { NULL },
	  true,
	  { "workflow", "run", "w", "--json", "--repo=o/r" } },
	{ { "workflow", "run", "w", "--json", "--json=false" },
	  { NULL },
	  false,
	  { "workflow", "run", "w", "--json", "--json=false", "--repo=o/r" } },
	{ { "release", "upload", "v1", "d/a.bin#The #1", "-R", "a/b", "-" },
	  { "d/a.bin", "-" },
	  false,
	  { "release", "upload", "v1", "/d/files/0/a.bin#The #1", "-R", "a/b", "/d/files/1/-" } },
	{ { "release", "create", "v1", "#x", "-n", "@y" },
	  { "#x" },
	  false,
	  { "release", "create", "v1", "/d/files/0/#x", "-n", "@y", "--repo=o/r" } },

	{ { "run", "download", "1" },
	  { NULL },
	  false,
	  { "run", "download", "1", "--dir=/d/download", "--repo=o/r" } },
	{ { "run", "download", "1", "-D", "../out", "--dir=/x" },
	  { NULL },
	  false,
	  { "run", "download", "1", "-D", "/d/download", "--dir=/d/download", "--repo=o/r" } },
	{ { "release", "download", "-O", "/a/b.tgz", "-Ra/b" },
	  { NULL },
	  false,
	  { "release", "download", "-O", "/d/download/b.tgz", "-Ra/b" } },
	{ { "release", "download", "-Ox", "-O-", "-Ra/b" },
	  { NULL },
	  false,
	  { "release", "download", "-O/d/download/x", "-O-", "-Ra/b" } },
};

static void parse(const char *const *args, struct gh_arguments *a)
{
	_cleanup_err_ struct err e = { 0 };

	if (gh_arguments_parse((char *const *)args, a, &e) < 0)
		fail_msg("%s", e.message);
}

static void test_files(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
		struct gh_file files[3];
		size_t n;

		parse(rows[i].args, &a);
		assert_int_equal(gh_arguments_reads_stdin(&a), rows[i].reads_stdin);
		n = gh_argv_files(&a, files, ARRAY_SIZE(files));
		assert_int_equal(n, strv_length((char *const *)rows[i].files));
		for (size_t k = 0; k < n; k++) {
			_cleanup_free_ char *name =
				xstrndup(a.args[files[k].arg] + files[k].offset, files[k].length);

			assert_string_equal(name, rows[i].files[k]);
		}
	}
}

static void test_argv(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
		_cleanup_strv_ char **argv = NULL;

		parse(rows[i].args, &a);
		argv = gh_argv_build(&a, "/d", "o/r");
		for (size_t k = 0; argv[k] || rows[i].argv[k]; k++)
			assert_same_text(argv[k] ? argv[k] : "nothing",
					 rows[i].argv[k] ? rows[i].argv[k] : "nothing");
	}
}

static const struct {
	const char *args[ARGS_MAX];
	int sizes; /* -1: none at all */
	const char *reason;
} file_rows[] = {
	{ { "api", "x", "--input", "f" }, 1, NULL },
	{ { "api", "x" }, -1, NULL },
	{ { "api", "x", "--input", "-" }, -1, NULL },
	{ { "run", "download", "--help" }, -1, NULL },
	{ { "release", "download", "-O-" }, -1, NULL },
	{ { "api", "x", "--input", "f" },
	  -1,
	  "Files are not permitted: only the agent's own gh can send them" },
	{ { "api", "x", "-F", "b=@/proc/self/environ" },
	  -1,
	  "Files are not permitted: only the agent's own gh can send them" },
	{ { "api", "x", "--input", "f" }, 0, "files has 0 entries, but the arguments name 1" },
	{ { "api", "x" }, 1, "files has 1 entries, but the arguments name 0" },
	{ { "run", "download" },
	  -1,
	  "'run download' is not permitted: only the agent's own gh can take files" },
	{ { "release", "download", "-O-", "-Ox" },
	  -1,
	  "'release download' is not permitted: only the agent's own gh can take files" },
	{ { "release", "download", "-Ox" },
	  -1,
	  "'release download' is not permitted: only the agent's own gh can take files" },
	{ { "api", "x", "--input", "a/.." }, 1, "'a/..' names no file" },
	{ { "api", "x", "--input", "a/" }, 1, "'a/' names no file" },
	{ { "api", "x", "--input", "." }, 1, "'.' names no file" },
	{ { "release", "upload", "v", "..#x" }, 1, "'..#x' names no file" },
};

static void test_check_files(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_rows); i++) {
		_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
		_cleanup_err_ struct err e = { 0 };
		const uint64_t sizes[2] = { 0 };
		int n = file_rows[i].sizes;

		parse(file_rows[i].args, &a);
		if (gh_argv_check_files(&a, n < 0 ? NULL : sizes, n < 0 ? 0 : (size_t)n, &e) == 0)
			assert_null(file_rows[i].reason);
		else
			assert_same_text(e.message, file_rows[i].reason);
	}
}

static void test_long_name(void **state _unused_)
{
	char name[257];
	const char *args[] = { "api", "x", "--input", name, NULL };
	const uint64_t size = 0;

	for (size_t length = 255; length <= 256; length++) {
		_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
		_cleanup_err_ struct err e = { 0 };

		memset(name, 'x', length);
		name[length] = '\0';
		parse(args, &a);
		assert_int_equal(gh_argv_check_files(&a, &size, 1, &e) == 0, length <= 255);
	}
}

static const struct {
	const char *args[ARGS_MAX];
	const char *reason;
} repository_rows[] = {
	{ { "api", "x" }, NULL },
	{ { "issue", "list", "-Ra/b" }, NULL },
	{ { "issue", "list", "--help" }, NULL },
	{ { "repo", "view", "a/b" }, NULL },
	{ { "repo", "list" }, NULL },
	{ { "search", "issues", "x" }, NULL },
	{ { "issue", "list" },
	  "'issue list' needs a repository: name it with -R OWNER/REPO, or set GH_REPO; gh has no checkout to look in" },
	{ { "repo", "view" },
	  "'repo view' needs a repository: name it as OWNER/REPO, or set GH_REPO; gh has no checkout to look in" },
};

static void test_check_repository(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(repository_rows); i++) {
		_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
		_cleanup_err_ struct err e = { 0 };

		parse(repository_rows[i].args, &a);
		assert_int_equal(gh_argv_check_repository(&a, "o/r", NULL), 0);
		if (gh_argv_check_repository(&a, NULL, &e) == 0)
			assert_null(repository_rows[i].reason);
		else
			assert_same_text(e.message, repository_rows[i].reason);
	}
}

/* A command with more switches would lose some. */
static void test_switches_fit(void **state _unused_)
{
	const struct gh_command *c;

	for (size_t i = 0; (c = gh_command_at(i)); i++) {
		size_t n = 1; /* --help */

		for (const struct gh_flag *f = c->flags; f->name; f++)
			n += f->kind == GH_SWITCH;
		assert_in_range(n, 1, GH_ARGUMENTS_SWITCHES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_check_files),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_check_repository),
		cmocka_unit_test(test_switches_fit),
	};

	return RUN_TESTS("gh-argv", tests);
}
