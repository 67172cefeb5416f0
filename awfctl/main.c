/* awfctl: the unprivileged client of awfd. */
#include <fcntl.h>
#include <string.h>

#include "awfctl/commands.h"
#include "awfctl/complain.h"
#include "awfctl/config-file.h"
#include "awfctl/exit-code.h"
#include "awfctl/help.h"
#include "awfctl/progress.h"
#include "awfctl/terminal.h"
#include "common/log.h"
#include "common/strv.h"

static const char *const level_labels[] = {
	[LOG_LEVEL_ERROR] = "",
	[LOG_LEVEL_WARNING] = "warning: ",
	[LOG_LEVEL_INFO] = "",
	[LOG_LEVEL_DEBUG] = "debug: ",
};

static void print_message(enum log_level level, const struct log_fields *fields _unused_,
			  const char *text)
{
	progress_hide();
	fprintf(stderr, "awfctl: %s%s%s\n", level_labels[level], text,
		terminal_is_raw() ? "\r" : "");
	progress_show();
}

/* A standard descriptor that the caller closed would be taken by the next file that is opened. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int set_log_level(const struct options *o, struct err *e)
{
	enum log_level level = LOG_LEVEL_INFO;

	if (o->log_level && log_level_parse(o->log_level, &level) < 0)
		return usage_error(e, "--log-level '%s': use debug, info, warning or error",
				   o->log_level);
	log_set_level(level);
	return 0;
}

/* Global options, the command's name, its options and operands. *ret is NULL when there is no name.
 */
static int parse(char **args, struct options *o, const struct command **ret, struct err *e)
{
	const struct command *c;
	int n = options_parse(o, OPTION_GLOBAL | OPTION_LEADING, true, args, e);
	int r;

	if (n < 0 || !args[n] || o->help || o->version)
		return n < 0 ? n : 0;
	c = command_find(args[n], e);
	if (!c)
		return -EINVAL;
	r = options_parse(o, c->groups, false, args + n + 1, e);
	if (r >= 0 && !o->help)
		r = config_file_apply(o, e);
	if (r < 0)
		return err_wrap(e, "%s", c->name);
	*ret = c;
	return o->help ? 0 : command_check(c, o, e);
}

/* What --help, --version and an empty command line mean, else the command. */
static int run(const struct options *o, const struct command *c)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	if (o->version)
		return cmd_version(o);
	if (c && !o->help)
		return c->run(o);
	if (c)
		help_command(&text, c);
	else
		help_overview(&text);
	fputs(text.data, o->help ? stdout : stderr);
	return o->help ? 0 : EXIT_CODE_USAGE;
}

/* What was printed counts only once it is written. */
static int finish_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	log_error("cannot write to standard output: %s", strerror(errno));
	return code != 0 ? code : EXIT_CODE_FAILED;
}

int main(int argc _unused_, char **argv)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };
	const struct command *command = NULL;
	int r;

	open_standard_descriptors();
	log_set_sink(print_message);
	r = parse(argv + 1, &o, &command, &e);
	if (r == 0)
		r = set_log_level(&o, &e);
	if (r < 0)
		return complain(&o, &e);
	return finish_output(run(&o, command));
}
