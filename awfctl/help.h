/* Help, made from the tables of commands and options. */
#pragma once

#include "awfctl/commands.h"
#include "common/strbuf.h"

/* What awfctl is and its commands. */
void help_overview(struct strbuf *to);

/* One command and its options. */
void help_command(struct strbuf *to, const struct command *c);
