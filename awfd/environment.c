#include "awfd/environment.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/secret.h"
#include "common/strv.h"

#define CLI_PROXY_PORT 11000
#define SQUID_PORT     3128
#define GH_DIRECTORY   "/usr/local/bin"
#define USUAL_PATH     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The bare name makes the engine leave out what an image's own ENV sets. */
static void drop_tokens(char ***env, char ***dropped)
{
	for (size_t i = 0; i < secret_github_token_count; i++) {
		if (strv_env_unset(*env, secret_github_tokens[i]) > 0)
			strv_append(dropped, secret_github_tokens[i]);
		strv_append(env, secret_github_tokens[i]);
	}
}

/* Also in front of what the caller wants there. */
static void put_first_in_path(char ***env, const char *programs)
{
	const char *old = strv_env_get(*env, "PATH"), *rest = old ? old : USUAL_PATH;
	_cleanup_free_ char *path = xasprintf("PATH=%s%s%s", programs, *rest ? ":" : "", rest);

	(void)strv_env_unset(*env, "PATH");
	strv_append(env, path);
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

/* Ours win here too: there is no other way out. */
static void set(char ***env, const char *key, const char *value)
{
	(void)strv_env_unset(*env, key);
	strv_appendf(env, "%s=%s", key, value);
}

/* Who reads them: curl, git, wget, pip and most others the lower-case forms (of http_proxy only
 * that), Go, Java tools and npm the upper-case ones, Node from version 22 only when told to. */
static const char *const proxy_names[] = { "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
					   "https_proxy" };
static const char *const no_proxy_names[] = { "NO_PROXY", "no_proxy" };

/* What is inside the sandbox, and never asked of squid. */
static char *no_proxy_list(const struct environment_input *in)
{
	return xasprintf("localhost,127.0.0.1,::1%s%s%s", in->cli_proxy_address ? "," : "",
			 in->cli_proxy_address ? in->cli_proxy_address : "",
			 in->host_access ? ",host.docker.internal" : "");
}

/* The JVM has no variable for proxies, only properties; its list is separated by '|'. */
static void wire_java(char ***env, const char *squid, bool host_access)
{
	const char *old = strv_env_get(*env, "JAVA_TOOL_OPTIONS");
	_cleanup_free_ char *value =
		xasprintf("%s%s-Dhttp.proxyHost=%s -Dhttp.proxyPort=%d -Dhttps.proxyHost=%s "
			  "-Dhttps.proxyPort=%d -Dhttp.nonProxyHosts=localhost|127.*|[::1]%s",
			  old ? old : "", old ? " " : "", squid, SQUID_PORT, squid, SQUID_PORT,
			  host_access ? "|host.docker.internal" : "");

	set(env, "JAVA_TOOL_OPTIONS", value);
}

static void wire_squid(char ***env, const struct environment_input *in)
{
	_cleanup_free_ char *url = xasprintf("http://%s:%d", in->squid_address, SQUID_PORT);
	_cleanup_free_ char *no_proxy = no_proxy_list(in);

	for (size_t i = 0; i < ARRAY_SIZE(proxy_names); i++)
		set(env, proxy_names[i], url);
	for (size_t i = 0; i < ARRAY_SIZE(no_proxy_names); i++)
		set(env, no_proxy_names[i], no_proxy);
	set(env, "NODE_USE_ENV_PROXY", "1");
	wire_java(env, in->squid_address, in->host_access);
}

char **environment_of_agent(const struct environment_input *in, char ***dropped)
{
	char **env = strv_copy(in->requested);

	if (in->cli_proxy_address) {
		drop_tokens(&env, dropped);
		wire_cli_proxy(&env, in->cli_proxy_address);
	}
	if (in->squid_address)
		wire_squid(&env, in);
	if (in->programs)
		put_first_in_path(&env, in->programs);
	set_default(&env, "HOME", in->home);
	set_default(&env, "USER", in->user);
	set_default(&env, "LOGNAME", in->user);
	return env;
}

/* Whether a PATH names that directory. */
static bool names_directory(const char *path, const char *directory)
{
	const size_t length = strlen(directory);

	for (const char *entry = path; entry; entry = strchr(entry, ':')) {
		entry += *entry == ':';
		if (strncmp(entry, directory, length) == 0 &&
		    (entry[length] == ':' || entry[length] == '\0'))
			return true;
	}
	return false;
}

void environment_find_gh(char ***env, const char *image_path)
{
	if (image_path && !strv_env_get(*env, "PATH") && !names_directory(image_path, GH_DIRECTORY))
		strv_appendf(env, "PATH=" GH_DIRECTORY ":%s", image_path);
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

int environment_check(char *const *requested, struct err *e)
{
	for (; requested && *requested; requested++) {
		_cleanup_free_ char *name = xstrndup(*requested, strcspn(*requested, "="));
		size_t length = strlen(*requested);

		if (length > ENVIRONMENT_VARIABLE_MAX)
			return err_invalid(e, "environment", name,
					   "is %zu bytes long; a variable may have %d", length,
					   ENVIRONMENT_VARIABLE_MAX);
	}
	return 0;
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
