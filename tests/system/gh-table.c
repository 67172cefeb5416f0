/* Prints the tables of gh's commands and flags, a line each, for a comparison with gh's own help:
 * "COMMAND" and "COMMAND --FLAG [LETTER] [value]". */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "containers/gh/command.h"

static void print_flag(const char *command, const struct gh_flag *flag, bool takes_value)
{
	const char letter[] = { flag->letter, '\0' };

	printf("%s --%s%s%s%s\n", command, flag->name, flag->letter ? " " : "", letter,
	       takes_value ? " value" : "");
}

/* Those that are denied and take a value: the only thing that their rows don't say. */
static bool denied_takes_value(const char *name)
{
	static const char *const names[] = { "cache", "hostname", "recover" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int main(void)
{
	const struct gh_command *c;

	for (size_t i = 0; (c = gh_command_at(i)); i++) {
		char command[64];

		snprintf(command, sizeof(command), "%s%s%s", c->name, c->sub ? " " : "",
			 c->sub ? c->sub : "");
		printf("%s%s\n", command, c->why ? " denied" : "");
		if (c->has_repo)
			printf("%s --repo R value\n", command);
		for (const struct gh_flag *f = c->flags; !c->why && f->name; f++)
			print_flag(command, f,
				   f->kind == GH_DENIED ? denied_takes_value(f->name)
							: f->kind != GH_SWITCH);
	}
	return 0;
}
