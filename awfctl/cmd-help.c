#include "awfctl/commands.h"

#include "awfctl/complain.h"
#include "awfctl/help.h"

int cmd_help(const struct options *o)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };

	if (o->operands) {
		const struct command *c = command_find(o->operands[0], &e);

		if (!c)
			return complain(o, &e);
		help_command(&text, c);
	} else {
		help_overview(&text);
	}
	fputs(text.data, stdout);
	return 0;
}
