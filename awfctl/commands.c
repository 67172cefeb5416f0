#include "awfctl/commands.h"

#include <stdint.h>
#include <string.h>

#include "awfctl/elsewhere.h"
#include "awfctl/nearest.h"
#include "common/strv.h"
#include "common/utf8.h"

#define STARTING  .groups = OPTION_GLOBAL | OPTION_SANDBOX, .takes_command = true
#define FIELDS    (OPTION_READING | OPTION_FORMATTED)
#define READING   .groups = OPTION_GLOBAL | FIELDS
#define FOLLOWING .groups = OPTION_GLOBAL | OPTION_FOLLOWING | FIELDS | OPTION_SPAN
#define PLAIN     .groups = OPTION_GLOBAL
#define ONE_ID    .operands_min = 1, .operands_max = 1

const struct command commands[] = {
	{ "run", "[options] -- COMMAND [ARG...]", "start a sandbox, attach, wait and clean up",
	  "One argument after -- is a string for /bin/sh, several are a command as it is.\n"
	  "The exit code is the command's.",
	  STARTING, .run = cmd_run },
	{ "start", "[options] -- COMMAND [ARG...]",
	  "start a sandbox in the background, print its ID",
	  "One argument after -- is a string for /bin/sh, several are a command as it is.",
	  STARTING, .run = cmd_start },
	{ "check", "[options] [-- COMMAND [ARG...]]",
	  "show what of these options you may have, and what decides",
	  "Nothing is started. The exit code is 0 when all is allowed, 1 when something is refused.",
	  .groups = OPTION_GLOBAL | OPTION_SANDBOX | FIELDS, .takes_command = true,
	  .run = cmd_check },
	{ "doctor", "[options]", "look at what sandboxes need of this host, and say what cures it",
	  "Needs no root. The exit code is 1 when something has failed.",
	  .groups = OPTION_GLOBAL | OPTION_DOCTOR | FIELDS, .run = cmd_doctor },
	{ "list", "[options]", "list your sandboxes", NULL,
	  .groups = OPTION_GLOBAL | OPTION_LISTING | FIELDS, .run = cmd_list },
	{ "inspect", "[options] ID", "show everything about a sandbox", NULL, READING, ONE_ID,
	  .run = cmd_inspect },
	{ "denials", "[options] ID", "show what a sandbox tried to reach and was refused", NULL,
	  FOLLOWING, ONE_ID, .run = cmd_denials },
	{ "logs", "[summary] [options] ID", "show the logs of a sandbox, or a summary of them",
	  "All but what the command writes, which is kept nowhere. A summary is Markdown.",
	  .groups = OPTION_GLOBAL | OPTION_FOLLOWING | OPTION_READING | OPTION_SPAN | OPTION_LOGGED,
	  .operands = OPERANDS_LOGS, .operands_max = 2, .run = cmd_logs },
	{ "stats", "[options] [ID...]", "show what sandboxes use and do, as it changes",
	  "Without ID all of yours that have not ended.",
	  .groups = OPTION_GLOBAL | FIELDS | OPTION_LIVE, .operands_max = SIZE_MAX,
	  .run = cmd_stats },
	{ "wait", "[options] ID", "wait until a sandbox's command has ended",
	  "The exit code is the command's.", PLAIN, ONE_ID, .run = cmd_wait },
	{ "attach", "[options] ID", "connect to the input and output of a sandbox's command",
	  "The exit code is the command's. A signal ends awfctl, not the sandbox.",
	  .groups = OPTION_GLOBAL | OPTION_ATTACHING, ONE_ID, .run = cmd_attach },
	{ "stop", "[options] ID...", "stop sandboxes and remove them",
	  "A command that has not ended 10 seconds after SIGTERM is killed.", PLAIN,
	  .operands_min = 1, .operands_max = SIZE_MAX, .run = cmd_stop },
	{ "metrics", "[options]", "print what awfd has done, as OpenMetrics text (root)", NULL,
	  PLAIN, .run = cmd_metrics },
	{ "predownload", "[--image IMAGE] [options]",
	  "have the engine get the images that a sandbox needs",
	  "Those that are missing; of --image its registry is asked also when it is there.",
	  .groups = OPTION_GLOBAL | OPTION_IMAGES | FIELDS, .run = cmd_predownload },
	{ "reload", "[options]", "have awfd read its configuration again (root)",
	  "What it says counts for sandboxes that are started from then on.", PLAIN,
	  .run = cmd_reload },
	{ "version", "[options]", "show the versions of awfctl and awfd", NULL, PLAIN,
	  .run = cmd_version },
	{ "help", "[COMMAND]", "show the commands, or the options of one", NULL, PLAIN,
	  .operands = OPERANDS_COMMANDS, .operands_max = 1, .run = cmd_help },
	{ "__complete", "-- WORD...", NULL, NULL, PLAIN, .takes_command = true,
	  .run = cmd_complete },
};
const size_t command_count = ARRAY_SIZE(commands);

const struct command *command_find(const char *name, struct err *e)
{
	struct nearest nearest = { .word = name };
	const char *advice = elsewhere_command(name), *best;

	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		if (commands[i].summary)
			nearest_offer(&nearest, commands[i].name);
	}
	best = nearest_get(&nearest);
	if (advice)
		(void)usage_error(e, "unknown command '%s'; %s", name, advice);
	else if (best)
		(void)usage_error(e, "unknown command '%s'; did you mean '%s'?", name, best);
	else
		(void)usage_error(e, "unknown command '%s'; awfctl help lists them", name);
	return NULL;
}

static int check_operands(char *const *operands, struct err *e)
{
	for (; operands && *operands; operands++)
		if (!utf8_is_valid(*operands))
			return usage_error(e, "argument '%s': not valid UTF-8", *operands);
	return 0;
}

int command_check(const struct command *c, const struct options *o, struct err *e)
{
	size_t count = strv_length(o->operands);

	if (o->command && !c->takes_command)
		return usage_error(e, "%s takes no '--'", c->name);
	if (count > c->operands_max && c->takes_command)
		return usage_error(e, "unexpected '%s': the sandbox's command goes after '--'",
				   o->operands[0]);
	if (count > c->operands_max)
		return usage_error(e, "unexpected argument '%s'; it is used so: awfctl %s %s",
				   o->operands[c->operands_max], c->name, c->synopsis);
	if (count < c->operands_min)
		return usage_error(e, "%s needs an ID; awfctl list shows them", c->name);
	return check_operands(o->operands, e);
}
