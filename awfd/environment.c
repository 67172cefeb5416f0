#include "awfd/environment.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"

#define CLI_PROXY_PORT 11000

/* What carries a GitHub credential; the DIFC proxy holds the only one that is needed. */
static const char *const github_tokens[] = {
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN",
	"ACTIONS_RUNTIME_TOKEN",
	"GH_ENTERPRISE_TOKEN",
	"GH_TOKEN",
	"GITHUB_ENTERPRISE_TOKEN",
	"GITHUB_MCP_SERVER_TOKEN",
	"GITHUB_PERSONAL_ACCESS_TOKEN",
	"GITHUB_TOKEN",
};

/* The bare name makes the engine leave out what an image's own ENV sets. */
static void drop_tokens(char ***env, char ***dropped)
{
	for (size_t i = 0; i < ARRAY_SIZE(github_tokens); i++) {
		if (strv_env_unset(*env, github_tokens[i]) > 0)
			strv_append(dropped, github_tokens[i]);
		strv_append(env, github_tokens[i]);
	}
}

static void set_default(char ***env, const char *key, const char *value)
{
	if (!strv_env_get(*env, key))
		strv_appendf(env, "%s=%s", key, value);
}

/* Ours win over the caller's: they say where the sandbox's own parts are. */
static void wire_cli_proxy(char ***env, const char *address)
{
	(void)strv_env_unset(*env, "AWF_CLI_PROXY_URL");
	(void)strv_env_unset(*env, "AWF_CLI_PROXY_IP");
	strv_appendf(env, "AWF_CLI_PROXY_URL=http://%s:%d", address, CLI_PROXY_PORT);
	strv_appendf(env, "AWF_CLI_PROXY_IP=%s", address);
}

char **environment_of_agent(const struct environment_input *in, char ***dropped)
{
	char **env = strv_copy(in->requested);

	if (in->cli_proxy_address) {
		drop_tokens(&env, dropped);
		wire_cli_proxy(&env, in->cli_proxy_address);
	}
	set_default(&env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set_default(&env, "HOME", "/tmp");
	return env;
}

static bool is_part(const char *s, size_t n, const char *also)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			     (s[i] >= '0' && s[i] <= '9');

		if (!alnum && !strchr(also, s[i]))
			return false;
	}
	return true;
}

const char *environment_repository(char *const *requested)
{
	const char *repository = strv_env_get(requested, "GITHUB_REPOSITORY");
	const char *slash = repository ? strchr(repository, '/') : NULL;

	if (!slash || !is_part(repository, (size_t)(slash - repository), "-") ||
	    !is_part(slash + 1, strlen(slash + 1), "._-") || strcmp(slash, "/.") == 0 ||
	    strcmp(slash, "/..") == 0) /* would be steps of a path */
		return NULL;
	return repository;
}
