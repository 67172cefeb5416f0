#include "awfctl/start-session.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "awfctl/output-dir.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/home.h"
#include "common/strv.h"

#define STATE_IN_HOME ".copilot/session-state"

/* The command's home: awfd's choice, unless the environment says another one. */
static char *home_of(const struct start_request *request)
{
	const char *home = strv_env_get(request->environment, "HOME");
	const struct passwd *user;

	if (home)
		return xstrdup(home);
	user = getpwuid(getuid());
	return home_in_sandbox(user ? user->pw_name : "", getuid());
}

/* The path from the root, also of what is not there yet. The caller owns it. */
static char *absolute(const char *path)
{
	_cleanup_free_ char *here = NULL;
	char *real = realpath(path, NULL);

	if (real || *path == '/')
		return real ? real : xstrdup(path);
	here = getcwd(NULL, 0);
	return xasprintf("%s/%s", here ? here : "", path);
}

int start_session_make(const struct options *o, struct err *e)
{
	int fd;

	if (!o->session_state_dir)
		return 0;
	fd = output_dir_open("session-state-dir", o->session_state_dir, e);
	(void)fd_close(fd);
	return fd < 0 ? fd : 0;
}

int start_session_build(const struct options *o, struct start_request *request, struct err *e)
{
	_cleanup_free_ char *home = NULL, *source = NULL;

	if (!o->session_state_dir)
		return 0;
	source = absolute(o->session_state_dir);
	if (strchr(source, ':'))
		return usage_error(e,
				   "--session-state-dir '%s': such a path cannot be mounted; "
				   "give one without a ':'",
				   o->session_state_dir);
	home = home_of(request);
	strv_appendf(&request->mounts, "%s:%s/" STATE_IN_HOME, source, home);
	return 0;
}
