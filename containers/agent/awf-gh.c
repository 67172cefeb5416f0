/* awf-gh: the gh of an agent. It asks cli-proxy, which runs the real one. Static, so that it works
 * in whatever image the agent has. */
#include <fcntl.h>

#include "containers/agent/proxy-url.h"
#include "containers/agent/session.h"

/* What was closed must not become a socket. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int run(char **argv, char **env, struct err *e)
{
	const char *text = getenv("AWF_CLI_PROXY_URL");
	struct proxy_url url;
	int error;

	if (!text || !*text)
		return err_set(e, -ENOENT, ERR_SYSTEM,
			       "AWF_CLI_PROXY_URL is not set: this sandbox has no way to GitHub; "
			       "start it with --difc-proxy-host");
	error = proxy_url_parse(text, &url, e);
	if (error < 0)
		return error;
	return session_run(&url, argv + 1, env, e);
}

int main(int argc, char **argv, char **env)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *text = NULL;
	int code;

	if (argc < 1)
		return 1;
	open_standard_descriptors();
	code = run(argv, env, &e);
	if (code >= 0)
		return code;
	text = err_text(&e);
	fprintf(stderr, "gh: %s\n", text);
	return 1;
}
