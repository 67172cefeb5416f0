/* awfctl's commands: one table, from which main and the help are made. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "awfctl/options.h"

/* What the operands of a command are. */
enum operands {
	OPERANDS_SANDBOXES,
	OPERANDS_LOGS, /* the same, or what is shown of its logs before that */
	OPERANDS_COMMANDS,
};

struct command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;  /* NULL: the command is not for people */
	const char *details;  /* more about it, for its own help; NULL: nothing */
	unsigned groups;      /* of options */
	bool takes_command;   /* what comes after "--" is for the sandbox */
	enum operands operands;
	size_t operands_min;
	size_t operands_max;
	int (*run)(const struct options *o); /* reports its failures; returns the exit code */
};

extern const struct command commands[];
extern const size_t command_count;

/* The command of that name; the error suggests another one. */
const struct command *command_find(const char *name, struct err *e) _must_check_;

/* Checks the number of operands and whether a command for the sandbox may be there. */
int command_check(const struct command *c, const struct options *o, struct err *e) _must_check_;

int cmd_run(const struct options *o);
int cmd_start(const struct options *o);
int cmd_check(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_list(const struct options *o);
int cmd_inspect(const struct options *o);
int cmd_denials(const struct options *o);
int cmd_logs(const struct options *o);
int cmd_stats(const struct options *o);
int cmd_metrics(const struct options *o);
int cmd_wait(const struct options *o);
int cmd_attach(const struct options *o);
int cmd_stop(const struct options *o);
int cmd_predownload(const struct options *o);
int cmd_reload(const struct options *o);
int cmd_version(const struct options *o);
int cmd_help(const struct options *o);
int cmd_complete(const struct options *o);
