#include "awfctl/completion.h"

#include <string.h>

#include "awfctl/commands.h"
#include "common/strv.h"

/* What the values of options are, by the name that the help has for them. */
static const struct {
	const char *argument;
	const char *first_line; /* NULL: the words */
	const char *words[6];
} values[] = {
	{ "FILE", COMPLETION_FILES, { NULL } },
	{ "DIR", COMPLETION_DIRECTORIES, { NULL } },
	{ "SRC:DST[:ro|rw]", COMPLETION_FILES, { NULL } },
	{ "LEVEL", NULL, { "debug", "info", "warning", "error" } },
	{ "WHEN", NULL, { "never", "missing", "always" } },
};

/* How far the line was understood. */
struct place {
	const struct command *command;  /* NULL: none yet */
	const struct option_row *value; /* the option whose value the last word is */
	size_t behind;                  /* words since "--", with that; 0: none yet */
	size_t operands;
};

void completion_offer(struct strbuf *to, const char *word, const char *candidate,
		      const char *description)
{
	if (strncmp(candidate, word, strlen(word)) == 0)
		strbuf_appendf(to, "%s\t%s\n", candidate, description);
}

static unsigned groups_of(const struct place *p)
{
	return p->command ? p->command->groups : OPTION_GLOBAL | OPTION_LEADING;
}

static bool is_offered(const struct option_row *row, unsigned groups)
{
	return row->groups & groups && row->kind != OPTION_NOT_HERE;
}

static const struct option_row *find_letter(unsigned groups, char letter)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (is_offered(&option_rows[i], groups) && option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

/* The option whose value is the next word, or NULL. Of letters together the last one may be. */
static const struct option_row *awaits_value(const struct place *p, const char *word)
{
	const struct option_row *row;
	size_t length = strlen(word);

	if (word[0] != '-' || length < 2)
		return NULL;
	row = word[1] == '-' ? option_of_name(word + 2)
			     : find_letter(groups_of(p), word[length - 1]);
	return row && is_offered(row, groups_of(p)) && row->argument ? row : NULL;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Goes past a word that is complete. */
static void take(struct place *p, const char *word)
{
	if (p->behind > 0) {
		p->behind++;
	} else if (p->value) {
		p->value = NULL;
	} else if (strcmp(word, "--") == 0) {
		p->behind = 1;
	} else if (word[0] == '-') {
		p->value = awaits_value(p, word);
	} else if (!p->command) {
		p->command = find_command(word);
	} else {
		p->operands++;
	}
}

static void offer_value(struct strbuf *to, const struct option_row *row, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (strcmp(values[i].argument, row->argument) != 0)
			continue;
		if (values[i].first_line)
			strbuf_appendf(to, "%s\n", values[i].first_line);
		for (const char *const *w = values[i].words; *w; w++)
			completion_offer(to, word, *w, row->help);
	}
}

static void offer_options(struct strbuf *to, unsigned groups, const char *word)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		char name[64] = "--";

		if (!is_offered(row, groups))
			continue;
		strncat(name, row->name, sizeof(name) - sizeof("--"));
		completion_offer(to, word, name, row->help);
	}
}

static void offer_commands(struct strbuf *to, const char *word)
{
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].summary)
			completion_offer(to, word, commands[i].name, commands[i].summary);
}

/* The command for the sandbox and its arguments. */
static void offer_behind(struct strbuf *to, const struct place *p)
{
	if (p->command && p->command->takes_command)
		strbuf_appendf(to, "%s\n", p->behind == 1 ? COMPLETION_COMMANDS : COMPLETION_FILES);
}

static enum completion offer_operands(struct strbuf *to, const struct place *p, const char *word)
{
	if (p->operands >= p->command->operands_max)
		return COMPLETION_DONE;
	switch (p->command->operands) {
	case OPERANDS_LOGS:
		if (p->operands == 0)
			completion_offer(to, word, "summary", "what happened, for a page of CI");
		return COMPLETION_SANDBOXES;
	case OPERANDS_SANDBOXES:
		return COMPLETION_SANDBOXES;
	case OPERANDS_COMMANDS:
		offer_commands(to, word);
		break;
	}
	return COMPLETION_DONE;
}

enum completion completion_of(struct strbuf *to, char *const *words)
{
	struct place p = { 0 };
	const char *word;

	strbuf_puts(to, "");
	if (!words || !words[0])
		return COMPLETION_DONE;
	for (; words[1]; words++)
		take(&p, *words);
	word = *words;
	if (p.behind > 0)
		offer_behind(to, &p);
	else if (p.value)
		offer_value(to, p.value, word);
	else if (word[0] == '-')
		offer_options(to, groups_of(&p), word);
	else if (!p.command)
		offer_commands(to, word);
	else
		return offer_operands(to, &p, word);
	return COMPLETION_DONE;
}
