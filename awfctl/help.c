#include "awfctl/help.h"

#include "awfctl/options.h"

#define OPTION_COLUMN 32

static void append_option(struct strbuf *to, const struct option_row *row)
{
	size_t begin = to->length;

	if (row->letter)
		strbuf_appendf(to, "  -%c, --%s", row->letter, row->name);
	else
		strbuf_appendf(to, "      --%s", row->name);
	if (row->argument)
		strbuf_appendf(to, " %s", row->argument);
	if (to->length - begin + 2 > OPTION_COLUMN) {
		strbuf_puts(to, "\n");
		begin = to->length;
	}
	strbuf_appendf(to, "%*s%s\n", (int)(OPTION_COLUMN - (to->length - begin)), "", row->help);
}

static void append_options(struct strbuf *to, unsigned groups)
{
	strbuf_puts(to, "\nOptions:\n");
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].groups & groups && option_rows[i].kind != OPTION_NOT_HERE)
			append_option(to, &option_rows[i]);
}

void help_overview(struct strbuf *to)
{
	strbuf_puts(to, "Usage: awfctl COMMAND [options]\n\n"
			"Runs commands in network sandboxes that awfd makes.\n\nCommands:\n");
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].summary)
			strbuf_appendf(to, "  %-11s %s\n", commands[i].name, commands[i].summary);
	append_options(to, OPTION_GLOBAL | OPTION_LEADING);
	strbuf_puts(to, "\n'awfctl COMMAND --help' tells more; so does awfctl(1).\n");
}

void help_command(struct strbuf *to, const struct command *c)
{
	strbuf_appendf(to, "Usage: awfctl %s %s\n\n%s: %s.\n", c->name, c->synopsis, c->name,
		       c->summary ? c->summary : "for the completions of shells");
	if (c->details)
		strbuf_appendf(to, "%s\n", c->details);
	append_options(to, c->groups);
}
