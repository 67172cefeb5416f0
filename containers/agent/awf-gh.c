/* awf-gh: the gh of an agent. It asks cli-proxy, which runs the real one. Static, so that it works
 * in whatever image the agent has. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "common/escape.h"
#include "containers/agent/clone.h"
#include "containers/agent/gh-request.h"
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

/* Of the terminal that stdout is; 0 when it is none. */
static unsigned terminal_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static int call(const struct proxy_url *url, char *const *args, char *const *env, struct err *e)
{
	_cleanup_(gh_arguments_clear) struct gh_arguments arguments = { 0 };
	_cleanup_(sources_freep) struct sources *sources = NULL;
	_cleanup_(unpack_freep) struct unpack *unpack = NULL;
	_cleanup_free_ char *body = NULL;
	struct gh_request request = { .args = args, .env = env, .columns = terminal_columns() };
	struct session_call session = { .url = url };
	/* What can't be read has no files, and is cli-proxy's to refuse. */
	bool readable = gh_arguments_parse(args, &arguments, NULL) == 0;
	int error;

	error = sources_open(&arguments, &sources, e);
	if (error < 0)
		return error;
	request.files = sources_sizes(sources, &request.file_count);
	request.input = gh_arguments_reads_stdin(&arguments);
	if (readable && arguments.command && arguments.command->downloads)
		unpack = unpack_new(&arguments);
	body = gh_request_body(&request);
	session.body = body;
	session.sources = sources;
	session.unpack = unpack;
	return session_run(&session, e);
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
	if (clone_is_wanted(argv + 1))
		return clone_run(argv + 1, env, e);
	return call(&url, argv + 1, env, e);
}

/* What is told may be cli-proxy's words, or names in a download: they are made fit for a terminal.
 */
int main(int argc, char **argv, char **env)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *text = NULL, *escaped = NULL;
	int code;

	if (argc < 1)
		return 1;
	open_standard_descriptors();
	code = run(argv, env, &e);
	if (code >= 0)
		return code;
	text = err_text(&e);
	escaped = escape_control(text);
	fprintf(stderr, "gh: %s\n", escaped);
	return 1;
}
