#include "awfctl/elsewhere.h"

#include <string.h>

#include "awfctl/options.h"

#define ALL_OF_YOURS "list shows all of your sandboxes, also those that have ended; leave it out"
#define AS_YOU       "a command runs as your user; leave it out"
#define ONE_COMMAND  "a sandbox runs one command, to which 'attach' connects"
#define NO_PORTS     "nothing outside reaches into a sandbox; leave it out"
#define NO_RIGHTS    "a command has no privileges and gets none; leave it out"
#define USE_TAIL     "use tail(1), as in: awfctl logs ID | tail -n 20"
#define WITH_NETWORK "grant what the command is to reach, as by --allow-domains"

#define COMMAND(word, text)                                                                        \
	{                                                                                          \
		.name = (word), .advice = (text)                                                   \
	}

const struct elsewhere elsewhere_commands[] = {
	COMMAND("create", "did you mean 'start'?"),
	COMMAND("daemon-reload", "did you mean 'reload'?"),
	COMMAND("down", "did you mean 'stop'?"),
	COMMAND("events", "did you mean 'logs'?"),
	COMMAND("exec", ONE_COMMAND),
	COMMAND("image", "did you mean 'predownload'?"),
	COMMAND("images", "did you mean 'predownload'?"),
	COMMAND("journal", "did you mean 'logs'?"),
	COMMAND("kill", "did you mean 'stop'?"),
	COMMAND("ls", "did you mean 'list'?"),
	COMMAND("ps", "did you mean 'list'?"),
	COMMAND("pull", "did you mean 'predownload'?"),
	COMMAND("restart", ONE_COMMAND "; stop it and start another"),
	COMMAND("rm", "did you mean 'stop'?"),
	COMMAND("shell", ONE_COMMAND "; did you mean 'run --tty -- sh -i'?"),
	COMMAND("show", "did you mean 'inspect'?"),
	COMMAND("status", "did you mean 'inspect', or 'list'?"),
	COMMAND("top", "did you mean 'stats'?"),
	COMMAND("up", "did you mean 'start'?"),
};
const size_t elsewhere_command_count = ARRAY_SIZE(elsewhere_commands);

const struct elsewhere elsewhere_options[] = {
	{ "cap-add", NO_RIGHTS, OPTION_SANDBOX, '\0' },
	{ "cpu", "did you mean '--cpus'?", OPTION_SANDBOX, '\0' },
	{ "detach", "awfctl start runs a command in the background", OPTION_SANDBOX, '\0' },
	{ "dns", "did you mean '--dns-servers'?", OPTION_SANDBOX, '\0' },
	{ "entrypoint", "give the command and its arguments after '--'", OPTION_SANDBOX, '\0' },
	{ "image", "did you mean '--agent-image'?", OPTION_SANDBOX, '\0' },
	{ "interactive", "standard input is always connected by run; leave it out", OPTION_SANDBOX,
	  'i' },
	{ "memory", "did you mean '--memory-limit'?", OPTION_SANDBOX, 'm' },
	{ "net", WITH_NETWORK, OPTION_SANDBOX, '\0' },
	{ "network", WITH_NETWORK, OPTION_SANDBOX, '\0' },
	{ "privileged", NO_RIGHTS, OPTION_SANDBOX, '\0' },
	{ "publish", NO_PORTS, OPTION_SANDBOX, 'p' },
	{ "rm", "run removes the sandbox when its command has ended; leave it out", OPTION_SANDBOX,
	  '\0' },
	{ "timeout", "did you mean '--agent-timeout'?", OPTION_SANDBOX, '\0' },
	{ "user", AS_YOU, OPTION_SANDBOX, 'u' },
	{ "volume", "did you mean '--mount'?", OPTION_SANDBOX, '\0' },
	{ "workdir", "did you mean '--container-workdir'?", OPTION_SANDBOX, 'w' },
	{ "all", ALL_OF_YOURS, OPTION_LISTING, 'a' },
	{ "filter", "use jq(1) on the output of --json", OPTION_LISTING, '\0' },
	{ "no-trunc", "only a terminal has columns cut: awfctl list | cat", OPTION_LISTING, '\0' },
	{ "lines", USE_TAIL, OPTION_LOGGED, 'n' },
	{ "tail", USE_TAIL, OPTION_LOGGED, '\0' },
	{ "timestamps", "each line begins with its time; leave it out", OPTION_LOGGED, 't' },
	{ "all", "without ID, all that run are shown; leave it out", OPTION_LIVE, 'a' },
	{ "quiet", "did you mean '--log-level warning'?", OPTION_IMAGES, 'q' },
};
const size_t elsewhere_option_count = ARRAY_SIZE(elsewhere_options);

const char *elsewhere_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere_commands); i++)
		if (strcmp(elsewhere_commands[i].name, name) == 0)
			return elsewhere_commands[i].advice;
	return NULL;
}

const char *elsewhere_option(unsigned groups, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere_options); i++)
		if (elsewhere_options[i].groups & groups &&
		    strcmp(elsewhere_options[i].name, name) == 0)
			return elsewhere_options[i].advice;
	return NULL;
}

const char *elsewhere_letter(unsigned groups, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere_options); i++)
		if (elsewhere_options[i].groups & groups && elsewhere_options[i].letter == letter)
			return elsewhere_options[i].advice;
	return NULL;
}
