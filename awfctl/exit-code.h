/* awfctl's exit codes: those of its own, and how it passes on the command's. */
#pragma once

#include "common/err.h"
#include "proto/messages.h"

enum {
	EXIT_CODE_REFUSED = 1,          /* of check: the operator does not permit it */
	EXIT_CODE_SICK = 1,             /* of doctor: something has failed */
	EXIT_CODE_USAGE = 2,            /* the command line or one of its values is wrong */
	EXIT_CODE_TIMED_OUT = 124,      /* the command was ended at --agent-timeout */
	EXIT_CODE_FAILED = 125,         /* awfd, the engine or awfctl itself failed */
	EXIT_CODE_NOT_EXECUTABLE = 126, /* as a shell: the command exists but cannot be executed */
	EXIT_CODE_NOT_FOUND = 127,      /* as a shell: there is no such command */
};

/* As a shell reports a command that signal n killed. */
/* In what container runtimes say when the command's working directory is the problem. */
#define EXIT_CODE_WORKDIR "chdir "

int exit_code_of_signal(int n);

/* The code of a command that has ended; its own, unless awfd says that something else ended it. */
int exit_code_of_wait(const struct wait_reply *reply);

int exit_code_of_error(const struct err *e);
