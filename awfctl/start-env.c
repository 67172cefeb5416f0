#include "awfctl/start-env.h"

#include <string.h>
#include <unistd.h>

#include "awfctl/env-file.h"
#include "awfctl/input-file.h"
#include "common/alloc.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "common/utf8.h"

#define VARIABLE_MAX (64 * 1024) /* bytes, as awfd has it */

static const struct input_file env_file = {
	.option = "env-file",
	.max = ENV_FILE_MAX,
	.missing = "give the path of a file of KEY=VALUE lines",
	.form = "give the path of a text file",
	.large = "give fewer variables",
};

/* What is about this host, this login or this program, and would mislead a command elsewhere. One
 * with a * at its end stands for all that begin so. The proxies are among them: the sandbox has its
 * own, and theirs may have passwords in them. */
static const char *const own[] = {
	"_",
	"ALL_PROXY",
	"AWFD_SOCKET",
	"BASH_ENV",
	"BASH_FUNC_*",
	"CDPATH",
	"DBUS_*",
	"DESKTOP_*",
	"DISPLAY",
	"DOCKER_*",
	"ENV",
	"FTP_PROXY",
	"GPG_*",
	"HOME",
	"HOSTNAME",
	"HTTPS_PROXY",
	"HTTP_PROXY",
	"INVOCATION_ID",
	"JOURNAL_STREAM",
	"LD_*",
	"LISTEN_*",
	"LOGNAME",
	"MAIL",
	"MANAGERPID",
	"NOTIFY_SOCKET",
	"NO_PROXY",
	"OLDPWD",
	"PATH",
	"PWD",
	"SHELL",
	"SHLVL",
	"SSH_*",
	"SUDO_*",
	"SYSTEMD_*",
	"TEMP",
	"TMP",
	"TMPDIR",
	"TMUX",
	"TMUX_*",
	"USER",
	"WATCHDOG_*",
	"WAYLAND_*",
	"XAUTHORITY",
	"XDG_*",
	"all_proxy",
	"ftp_proxy",
	"http_proxy",
	"https_proxy",
	"no_proxy",
};

static bool is_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		size_t n = strlen(own[i]);
		bool is_start = own[i][n - 1] == '*';

		if (is_start ? strncmp(name, own[i], n - 1) == 0 : strcmp(name, own[i]) == 0)
			return true;
	}
	return false;
}

static bool has(char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void set(char ***env, const char *variable)
{
	_cleanup_free_ char *name = xstrndup(variable, strcspn(variable, "="));

	(void)strv_env_unset(*env, name);
	strv_append(env, variable);
}

static void tell_held_back(char *const *names)
{
	_cleanup_strbuf_ struct strbuf list = { 0 };

	for (size_t i = 0; names && names[i]; i++)
		strbuf_appendf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	if (list.length > 0)
		log_warning("--env-all does not pass on what looks like a secret: %s; give -e NAME "
			    "for what the command needs",
			    list.data);
}

/* awfctl's own environment. */
static void add_all(const struct options *o, char ***env)
{
	_cleanup_strv_ char **held_back = NULL;

	for (char **v = environ; v && *v; v++) {
		const char *equals = strchr(*v, '=');
		_cleanup_free_ char *name = xstrndup(*v, equals ? (size_t)(equals - *v) : 0);

		if (*name == '\0' || is_own(name) || has(o->exclude_env, name) ||
		    !utf8_is_valid(*v))
			continue;
		if (!secret_is_name(name))
			set(env, *v);
		else if (!strv_env_get(o->environment, name))
			strv_append(&held_back, name);
	}
	tell_held_back(held_back);
}

static int add_file(const struct options *o, const char *path, char ***env, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **variables = NULL;
	size_t length;
	int r = input_file_read(&env_file, path, &text, &length, e);

	if (r == 0)
		r = env_file_parse(path, text, length, &variables, e);
	for (char **v = variables; r == 0 && v && *v; v++) {
		_cleanup_free_ char *name = xstrndup(*v, strcspn(*v, "="));

		if (!has(o->exclude_env, name))
			set(env, *v);
	}
	return r;
}

static int check(char *const *env, struct err *e)
{
	for (; env && *env; env++) {
		int name = (int)strcspn(*env, "=");
		size_t length = strlen(*env);

		if (!utf8_is_valid(*env))
			return usage_error(e, "--env '%.*s': not valid UTF-8", name, *env);
		if (length > VARIABLE_MAX)
			return usage_error(e,
					   "variable '%.*s' is %zu bytes long; one may have %d: "
					   "leave it out with --exclude-env, or pass a file",
					   name, *env, length, VARIABLE_MAX);
	}
	return 0;
}

int start_env_build(const struct options *o, struct start_request *request, struct err *e)
{
	_cleanup_strv_ char **env = NULL;
	int r = 0;

	if (o->env_all)
		add_all(o, &env);
	for (size_t i = 0; r == 0 && o->env_files && o->env_files[i]; i++)
		r = add_file(o, o->env_files[i], &env, e);
	for (size_t i = 0; r == 0 && o->environment && o->environment[i]; i++)
		set(&env, o->environment[i]);
	if (r == 0)
		r = check(env, e);
	if (r == 0)
		request->environment = TAKE_PTR(env);
	return r;
}
