/* A request that is accepted keeps its limits and its rules: what is permitted begins with a
 * command, gh gets no file but the call's own, and no environment but ours leaves gh_env. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/strv.h"
#include "containers/cli-proxy/exec-request.h"
#include "containers/cli-proxy/gh-argv.h"
#include "containers/cli-proxy/gh-env.h"
#include "containers/cli-proxy/gh-rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct err *e)
{
	if (!e->message || e->status < 400 || e->status > 413)
		abort();
}

/* What gh is run with names no file but the call's own, and as many arguments at least. */
static void check_argv(const struct gh_arguments *a)
{
	static const char directory[] = "/own";
	_cleanup_strv_ char **argv = gh_argv_build(a, directory, "o/r");

	if (strv_length(argv) < strv_length(a->args))
		abort();
	for (size_t i = 0; i < a->count; i++) {
		struct gh_file file;

		if (gh_arguments_file(a, &a->values[i], &file) &&
		    strncmp(argv[file.arg] + file.offset, "/own/files/", 11) != 0)
			abort();
		if (a->values[i].kind == GH_DIRECTORY &&
		    strcmp(argv[a->values[i].arg] + a->values[i].offset, "/own/download") != 0)
			abort();
	}
}

static void check_args(const struct exec_request *r)
{
	_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (strv_length(r->args) > EXEC_REQUEST_ARGS_LIMIT)
		abort();
	if (gh_arguments_parse(r->args, &a, &e) < 0 || gh_rules_check(&a, &e) < 0 ||
	    gh_argv_check_files(&a, r->files, r->file_count, &e) < 0) {
		check_error(&e);
		return;
	}
	if (r->args[0] && strcmp(r->args[0], "auth") == 0)
		abort();
	for (size_t i = 0; r->args[i]; i++)
		if (strlen(r->args[i]) >= EXEC_REQUEST_STRING_LIMIT)
			abort();
	check_argv(&a);
}

static void check_env(char *const *env)
{
	static const struct gh_env_base base = { .difc_port = 18443,
						 .ca_bundle = "/ca.pem",
						 .directory = "/tmp" };
	_cleanup_strv_ char **selected = NULL, **built = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (gh_env_select(env, &selected, &e) < 0) {
		check_error(&e);
		return;
	}
	built = gh_env_build(&base, selected);
	if (strcmp(strv_env_get(built, "PATH"), "/usr/bin:/bin") != 0 ||
	    strv_env_get(built, "GH_TOKEN") || strv_env_get(built, "LD_PRELOAD"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(exec_request_freep) struct exec_request *r = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (exec_request_parse((const char *)data, size, &r, &e) < 0) {
		check_error(&e);
		return 0;
	}
	check_args(r);
	check_env(r->env);
	if (r->input_length > 0 && !r->input)
		abort();
	return 0;
}
