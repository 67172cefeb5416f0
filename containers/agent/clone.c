#include "containers/agent/clone.h"

#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/strv.h"

#define SERVER "https://github.com"

/* How a checkout of a fork calls its parent; gh looks that up, here nothing is a fork. */
static bool is_upstream_flag(const char *arg)
{
	return strcmp(arg, "-u") == 0 || strcmp(arg, "--upstream-remote-name") == 0;
}

bool clone_is_wanted(char *const *args)
{
	return args[0] && args[1] && strcmp(args[0], "repo") == 0 && strcmp(args[1], "clone") == 0;
}

/* The runner says which server it belongs to. */
static const char *server(char *const *env)
{
	const char *url = strv_env_get(env, "GITHUB_SERVER_URL");

	return url && strncmp(url, "https://", 8) == 0 ? url : SERVER;
}

static char *repository_url(const char *repository, char *const *env)
{
	if (strstr(repository, "://"))
		return xstrdup(repository);
	return xasprintf("%s/%s.git", server(env), repository);
}

/* The name in a URL, as a grant has it. */
static char *host_of(const char *url)
{
	const char *authority = strstr(url, "://") + 3;
	size_t length = strcspn(authority, "/?#");
	const char *at = memrchr(authority, '@', length);
	const char *host = at ? at + 1 : authority;

	return xstrndup(host, strcspn(host, ":/?#"));
}

static int refuse_argument(const char *argument, const char *why, struct err *e)
{
	(void)err_invalid(e, "repo clone", argument, "%s", why);
	return -EINVAL;
}

void clone_clear(struct clone *c)
{
	strv_free(c->argv);
	free(c->host);
	*c = (struct clone){ 0 };
}

int clone_read(char *const *args, char *const *env, struct clone *ret, struct err *e)
{
	const char *repository = NULL, *directory = NULL;
	_cleanup_free_ char *url = NULL;
	char *const *flags = args + 2;
	char **argv = NULL;

	for (; *flags && strcmp(*flags, "--") != 0; flags++) {
		if (is_upstream_flag(*flags) && flags[1])
			flags++;
		else if ((*flags)[0] == '-')
			return refuse_argument(
				*flags, "is no flag of gh's; flags of git follow after --", e);
		else if (!repository)
			repository = *flags;
		else if (!directory)
			directory = *flags;
		else
			return refuse_argument(*flags, "is one argument too many", e);
	}
	if (!repository || !strchr(repository, '/'))
		return refuse_argument(repository ? repository : "",
				       "must name the repository as OWNER/REPO", e);
	strv_append(&argv, "git");
	strv_append(&argv, "clone");
	for (; *flags && *++flags;)
		strv_append(&argv, *flags);
	url = repository_url(repository, env);
	strv_append(&argv, url);
	if (directory)
		strv_append(&argv, directory);
	*ret = (struct clone){ .argv = argv, .host = host_of(url) };
	return 0;
}

int clone_run(char *const *args, char *const *env, struct err *e)
{
	_cleanup_(clone_clear) struct clone c = { 0 };
	int error = clone_read(args, env, &c, e);

	if (error < 0)
		return error;
	if (!strv_env_get(env, "HTTPS_PROXY") && !strv_env_get(env, "https_proxy"))
		return err_set(e, -ENETUNREACH, ERR_SYSTEM,
			       "repo clone needs git to reach %s, and this sandbox was granted no "
			       "egress: start it with --allow-domains %s",
			       c.host, c.host);
	execvp(c.argv[0], c.argv);
	if (errno == ENOENT)
		return err_set(e, -ENOENT, ERR_SYSTEM,
			       "repo clone runs git, and this image has none");
	return err_system(e, -errno, "cannot run git");
}
