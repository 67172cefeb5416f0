/* A request that is accepted keeps its limits and its rules: what is permitted begins with a
 * command, and no environment but ours leaves gh_env. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/strv.h"
#include "containers/cli-proxy/exec-request.h"
#include "containers/cli-proxy/gh-env.h"
#include "containers/cli-proxy/gh-rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct err *e)
{
	if (!e->message || e->status < 400 || e->status > 413)
		abort();
}

static void check_args(char *const *args)
{
	_cleanup_err_ struct err e = { 0 };

	if (strv_length(args) > EXEC_REQUEST_ARGS_LIMIT)
		abort();
	if (gh_rules_check(args, &e) < 0) {
		check_error(&e);
		return;
	}
	if (args[0] && strcmp(args[0], "auth") == 0)
		abort();
	for (size_t i = 0; args[i]; i++)
		if (strlen(args[i]) >= EXEC_REQUEST_STRING_LIMIT)
			abort();
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
	check_args(r->args);
	check_env(r->env);
	if (r->input_length > 0 && !r->input)
		abort();
	return 0;
}
