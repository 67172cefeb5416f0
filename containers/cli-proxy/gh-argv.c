#include "containers/cli-proxy/gh-argv.h"

#include <string.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "containers/gh/refusal.h"

#define NAME_LIMIT 255

size_t gh_argv_files(const struct gh_arguments *a, struct gh_file *files, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++) {
		struct gh_file file;

		if (!gh_arguments_file(a, &a->values[i], &file))
			continue;
		if (n < room)
			files[n] = file;
		n++;
	}
	return n;
}

/* The last part of a file's path. */
static const char *base_name(const struct gh_arguments *a, const struct gh_file *file,
			     size_t *length)
{
	const char *path = a->args[file->arg] + file->offset, *name = path + file->length;

	while (name > path && name[-1] != '/')
		name--;
	*length = (size_t)(path + file->length - name);
	return name;
}

static int check_name(const struct gh_arguments *a, const struct gh_value *v, struct err *e)
{
	struct gh_file file;
	const char *name;
	size_t length;

	if (!gh_arguments_file(a, v, &file))
		return 0;
	name = base_name(a, &file, &length);
	if (length > 0 && length <= NAME_LIMIT && strncmp(name, "..", MAX(length, (size_t)1)) != 0)
		return 0;
	return refuse(e, 403, "'%s' names no file", gh_arguments_text(a, v));
}

static bool takes_stdout(const struct gh_arguments *a)
{
	const struct gh_value *output = gh_arguments_flag(a, "output");

	return output && strcmp(gh_arguments_text(a, output), "-") == 0;
}

int gh_argv_check_files(const struct gh_arguments *a, const uint64_t *sizes, size_t count,
			struct err *e)
{
	size_t named = gh_argv_files(a, NULL, 0);

	for (size_t i = 0; i < a->count; i++)
		if (check_name(a, &a->values[i], e) < 0)
			return e->error;
	if (!sizes && named > 0)
		return refuse(e, 403,
			      "Files are not permitted: only the agent's own gh can send them");
	if (!sizes && a->command && a->command->downloads && !gh_arguments_switch(a, "help") &&
	    !takes_stdout(a))
		return refuse(e, 403,
			      "'%s %s' is not permitted: only the agent's own gh can take files",
			      a->command->name, a->command->sub);
	if (sizes && count != named)
		return refuse(e, 400, "files has %zu entries, but the arguments name %zu", count,
			      named);
	return 0;
}

char *gh_argv_upload_path(const char *directory, const struct gh_arguments *a,
			  const struct gh_file *file, size_t number)
{
	size_t length;
	const char *name = base_name(a, file, &length);

	return xasprintf("%s/files/%zu/%.*s", directory, number, (int)length, name);
}

char *gh_argv_download_path(const char *directory)
{
	return xasprintf("%s/download", directory);
}

/* Where the agent wants a download: its name is kept, its directory is not. */
static char *output_path(const char *downloads, const char *wanted)
{
	const char *slash = strrchr(wanted, '/'), *name = slash ? slash + 1 : wanted;

	if (strcmp(wanted, "-") == 0)
		return xstrdup(wanted);
	return xasprintf("%s/%s", downloads, name);
}

/* The text that stands for a value's, from its file's beginning on. */
static char *replacement(const struct gh_arguments *a, const struct gh_value *v,
			 const char *directory, size_t *number, size_t *offset)
{
	_cleanup_free_ char *downloads = gh_argv_download_path(directory), *path = NULL;
	struct gh_file file;

	*offset = v->offset;
	if (v->kind == GH_DIRECTORY)
		return TAKE_PTR(downloads);
	if (v->kind == GH_OUTPUT)
		return output_path(downloads, gh_arguments_text(a, v));
	if (!gh_arguments_file(a, v, &file))
		return NULL;
	*offset = file.offset;
	path = gh_argv_upload_path(directory, a, &file, (*number)++);
	return xasprintf("%s%s", path, a->args[file.arg] + file.offset + file.length);
}

static void replace(char **argv, const struct gh_value *v, size_t offset, const char *text)
{
	char *argument = xasprintf("%.*s%s", (int)offset, argv[v->arg], text);

	free(argv[v->arg]);
	argv[v->arg] = argument;
}

/* Whether gh would ask git in which repository this is. */
static bool lacks_repository(const struct gh_arguments *a)
{
	const struct gh_command *c = a->command;

	if (!c || gh_arguments_switch(a, "help"))
		return false;
	if (c->has_repo)
		return !gh_arguments_flag(a, "repo");
	return c->first == GH_REPOSITORY && gh_arguments_positionals(a) == 0;
}

int gh_argv_check_repository(const struct gh_arguments *a, const char *repository, struct err *e)
{
	if (repository || !lacks_repository(a))
		return 0;
	return refuse(e, 403,
		      "'%s %s' needs a repository: name it %s, or set GH_REPO; gh has no checkout "
		      "to look in",
		      a->command->name, a->command->sub,
		      a->command->has_repo ? "with -R OWNER/REPO" : "as OWNER/REPO");
}

char **gh_argv_build(const struct gh_arguments *a, const char *directory, const char *repository)
{
	_cleanup_free_ char *downloads = gh_argv_download_path(directory);
	char **argv = strv_copy(a->args);
	size_t number = 0, offset;

	for (size_t i = 0; i < a->count; i++) {
		_cleanup_free_ char *text =
			replacement(a, &a->values[i], directory, &number, &offset);

		if (text)
			replace(argv, &a->values[i], offset, text);
	}
	if (a->command && a->command->downloads && !gh_arguments_flag(a, "dir") &&
	    !gh_arguments_flag(a, "output"))
		strv_appendf(&argv, "--dir=%s", downloads);
	if (repository && lacks_repository(a))
		strv_appendf(&argv, a->command->has_repo ? "--repo=%s" : "%s", repository);
	return argv;
}
