/* Telling the user what failed: one line on stderr, in the words of the command line. */
#pragma once

#include "awfctl/options.h"
#include "common/err.h"

/* Reports e and returns the exit code that it means. */
int complain(const struct options *o, const struct err *e);

/* The line, without the program's name. The caller owns it. */
char *complain_text(const struct options *o, const struct err *e) _must_check_;
