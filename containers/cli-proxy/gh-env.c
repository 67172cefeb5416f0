#include "containers/cli-proxy/gh-env.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"
#include "common/strv.h"
#include "containers/cli-proxy/gh-rules.h"
#include "containers/gh/refusal.h"

#define TERMINAL_NAME_LIMIT 64

/* The same in every call. GOMAXPROCS and GOMEMLIMIT keep several gh within the container's limits
 * of processes and memory; garbage is collected only where GOMEMLIMIT asks for it, because most
 * calls end before that, and its collection would be a sixth of their processor time. */
static const char *const fixed[] = {
	"PATH=/usr/bin:/bin",
	"LANG=C.UTF-8",
	"TZ=UTC",
	"GH_PAGER=cat",
	"GH_BROWSER=/bin/false",
	"BROWSER=/bin/false",
	"GH_EDITOR=/bin/false",
	"EDITOR=/bin/false",
	"GH_PROMPT_DISABLED=1",
	"GH_NO_UPDATE_NOTIFIER=1",
	"GIT_CONFIG_NOSYSTEM=1",
	"GIT_TERMINAL_PROMPT=0",
	"NO_PROXY=localhost,127.0.0.1,::1",
	"no_proxy=localhost,127.0.0.1,::1",
	"GOMAXPROCS=2",
	"GOMEMLIMIT=48MiB",
	"GOGC=off",
};

/* Each of them names a directory of the call's own. */
static const char *const directories[] = {
	"HOME",           "TMPDIR",         "XDG_CONFIG_HOME", "XDG_DATA_HOME",
	"XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "GH_CONFIG_DIR",
};

/* Whoever speaks TLS here trusts the same CAs. */
static const char *const ca_names[] = { "SSL_CERT_FILE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS" };

/* Columns of a terminal: gh then writes as to one. */
static bool is_width(const char *value)
{
	uint64_t columns;

	return parse_uint(value, 1, 1000, &columns) == 0;
}

static bool is_terminal_name(const char *value)
{
	size_t length = strlen(value);

	return length <= TERMINAL_NAME_LIMIT &&
	       strspn(value,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+._-") ==
		       length;
}

/* What a client may set; a row without a check takes any value. */
static const struct {
	const char *name;
	bool (*is_valid)(const char *value);
	const char *form;
} allowed[] = {
	{ "GH_REPO", gh_rules_is_repository, "OWNER/REPO" },
	{ "NO_COLOR", NULL, NULL },
	{ "CLICOLOR", NULL, NULL },
	{ "CLICOLOR_FORCE", NULL, NULL },
	{ "GH_FORCE_TTY", is_width, "a number of columns from 1 to 1000" },
	{ "TERM", is_terminal_name, "the name of a terminal" },
	{ "COLORTERM", is_terminal_name, "the name of a terminal" },
};

int gh_env_select(char *const *wanted, char ***ret, struct err *e)
{
	_cleanup_strv_ char **env = xcalloc(1, sizeof(char *));

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		const char *value = strv_env_get(wanted, allowed[i].name);

		if (!value || !*value)
			continue;
		if (allowed[i].is_valid && !allowed[i].is_valid(value))
			return refuse(e, 403, "%s '%s' is not permitted: it must be %s",
				      allowed[i].name, value, allowed[i].form);
		strv_appendf(&env, "%s=%s", allowed[i].name, value);
	}
	*ret = TAKE_PTR(env);
	return 0;
}

char **gh_env_build(const struct gh_env_base *base, char *const *selected)
{
	char **env = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_append(&env, fixed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		strv_appendf(&env, "%s=%s", directories[i], base->directory);
	for (size_t i = 0; i < ARRAY_SIZE(ca_names); i++)
		strv_appendf(&env, "%s=%s", ca_names[i], base->ca_bundle);
	strv_appendf(&env, "GH_HOST=localhost:%u", base->difc_port);
	if (base->redirect_proxy)
		strv_appendf(&env, "HTTPS_PROXY=%s", base->redirect_proxy);
	if (base->repository && !strv_env_get(selected, "GH_REPO"))
		strv_appendf(&env, "GH_REPO=%s", base->repository);
	for (size_t i = 0; selected && selected[i]; i++)
		strv_append(&env, selected[i]);
	return env;
}
