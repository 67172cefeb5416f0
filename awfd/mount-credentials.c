#include "awfd/mount-credentials.h"

#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"

/* Directories of which a program keeps nothing else are masked as a whole, so that what is put into
 * them later is, too. Names that projects use for files of their own are masked in homes alone. */
static const struct credential credentials[] = {
	/* keys and passwords */
	{ ".authinfo", true },
	{ ".config/age", true },
	{ ".config/op", true },
	{ ".config/sops", true },
	{ ".gnupg", true },
	{ ".local/share/keyrings", true },
	{ ".local/share/kwalletd", true },
	{ ".netrc", true },
	{ ".password-store", true },
	{ ".pgpass", true },
	{ ".my.cnf", false },
	{ ".mylogin.cnf", true },
	{ ".ssh", true },
	{ ".vault-token", true },
	/* git and its hosts */
	{ ".cache/git/credential", true },
	{ ".config/gh", true },
	{ ".config/git/credentials", true },
	{ ".config/github-copilot", true },
	{ ".config/glab-cli", true },
	{ ".config/hub", true },
	{ ".git-credential-cache", true },
	{ ".git-credentials", true },
	/* clouds and clusters */
	{ ".aws", true },
	{ ".azure", true },
	{ ".boto", true },
	{ ".config/configstore/firebase-tools.json", true },
	{ ".config/doctl", true },
	{ ".config/gcloud", true },
	{ ".config/heroku", true },
	{ ".config/netlify", true },
	{ ".config/rclone", true },
	{ ".databrickscfg", true },
	{ ".fly", true },
	{ ".kube", true },
	{ ".local/share/com.vercel.cli", true },
	{ ".oci", true },
	{ ".pulumi/credentials.json", true },
	{ ".s3cfg", true },
	{ ".snowflake", true },
	{ ".supabase", true },
	{ ".terraform.d/credentials.tfrc.json", true },
	{ ".terraformrc", false },
	/* registries of packages and images */
	{ ".bunfig.toml", false },
	{ ".cargo/credentials", true },
	{ ".cargo/credentials.toml", true },
	{ ".composer/auth.json", true },
	{ ".config/composer/auth.json", true },
	{ ".config/containers/auth.json", true },
	{ ".config/helm/registry", true },
	{ ".config/helm/repositories.yaml", true },
	{ ".config/pip/pip.conf", true },
	{ ".config/pypoetry/auth.toml", true },
	{ ".docker", true },
	{ ".gem/credentials", true },
	{ ".gradle/gradle.properties", true },
	{ ".local/share/gem/credentials", true },
	{ ".local/share/uv/credentials", true },
	{ ".m2/settings-security.xml", true },
	{ ".m2/settings.xml", false },
	{ ".npmrc", false },
	{ ".nuget/NuGet/NuGet.Config", true },
	{ ".pip/pip.conf", true },
	{ ".pypirc", false },
	{ ".yarnrc.yml", false },
	/* models and data */
	{ ".aider.conf.yml", false },
	{ ".anthropic", true },
	{ ".cache/huggingface/token", true },
	{ ".claude.json", true },
	{ ".claude/.credentials.json", true },
	{ ".codex/auth.json", true },
	{ ".config/io.datasette.llm/keys.json", true },
	{ ".copilot/config.json", true },
	{ ".gemini/oauth_creds.json", true },
	{ ".huggingface/token", true },
	{ ".kaggle", true },
	{ ".local/share/opencode/auth.json", true },
	/* browsers */
	{ ".config/BraveSoftware", true },
	{ ".config/chromium", true },
	{ ".config/google-chrome", true },
	{ ".config/microsoft-edge", true },
	{ ".mozilla", true },
	{ ".thunderbird", true },
	/* what was typed */
	{ ".bash_history", true },
	{ ".local/share/fish/fish_history", true },
	{ ".mysql_history", true },
	{ ".node_repl_history", true },
	{ ".psql_history", true },
	{ ".python_history", true },
	{ ".rediscli_history", true },
	{ ".zsh_history", true },
	/* a runner of GitHub Actions, and what actions/checkout leaves beside its workspaces */
	{ ".credentials", true },
	{ ".credentials_rsaparams", true },
	{ "*/.credentials", true },
	{ "*/.credentials_rsaparams", true },
	{ "_temp/git-credentials-*.config", true },
	{ "work/_temp/git-credentials-*.config", true },
	{ "_work/_temp/git-credentials-*.config", true },
	{ "*/_work/_temp/git-credentials-*.config", true },
};

/* Directories of this name have homes in them; and how they are found below a source. */
static const struct {
	const char *name;
	const char *below;
} home_parents[] = {
	{ "home", "home/*" },
	{ "homes", "homes/*" },
	{ "users", "users/*" },
};

#define CHILDREN "*"

const struct credential *credential_at(size_t i)
{
	return i < ARRAY_SIZE(credentials) ? &credentials[i] : NULL;
}

bool credential_is_listed(const struct credential *c)
{
	return c->path[strcspn(c->path, "*/")] == '*';
}

void credential_places_add(struct credential_places *p, const char *directory, const char *below,
			   bool home)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i].directory, directory) == 0 &&
		    strcmp(p->list[i].below, below) == 0 && p->list[i].home == home)
			return;
	p->list = xrealloc(p->list, p->count + 1, sizeof(*p->list));
	p->list[p->count++] = (struct credential_place){ .directory = xstrdup(directory),
							 .below = below,
							 .home = home };
}

/* The directory that a path is in; false when there is none above. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || strcmp(path, "/") == 0)
		return false;
	slash[slash == path ? 1 : 0] = '\0';
	return true;
}

static bool is_home_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < ARRAY_SIZE(home_parents); i++)
		if (slash && strcmp(slash + 1, home_parents[i].name) == 0)
			return true;
	return false;
}

static void add_homes(struct credential_places *p, const char *source)
{
	_cleanup_free_ char *path = xstrdup(source), *child = xstrdup(source);

	if (is_home_parent(source))
		credential_places_add(p, source, CHILDREN, true);
	for (; go_up(path); (void)go_up(child))
		if (is_home_parent(path))
			credential_places_add(p, child, "", true);
	for (size_t i = 0; i < ARRAY_SIZE(home_parents); i++)
		credential_places_add(p, source, home_parents[i].below, true);
}

void credential_places_add_source(struct credential_places *p, const char *source)
{
	_cleanup_free_ char *path = xstrdup(source);

	for (int i = 0; i < CREDENTIAL_DEPTH; i++) {
		credential_places_add(p, path, "", false);
		if (!go_up(path))
			break;
	}
	add_homes(p, source);
}

void credential_places_clear(struct credential_places *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->list[i].directory);
	free(p->list);
	*p = (struct credential_places){ 0 };
}

/* NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL */
static bool parse_home(char *line, struct credential_home *ret)
{
	const char *fields[6];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fields[i] = strsep(&line, ":");
	if (!fields[5] || *fields[5] != '/' || parse_uint(fields[2], 0, UINT32_MAX, &ret->uid) < 0)
		return false;
	ret->path = fields[5];
	return true;
}

bool credential_next_home(char **passwd, struct credential_home *ret)
{
	char *line;

	while ((line = strsep(passwd, "\n")))
		if (parse_home(line, ret))
			return true;
	return false;
}
