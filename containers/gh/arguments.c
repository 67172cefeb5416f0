#include "containers/gh/arguments.h"

#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"
#include "containers/gh/refusal.h"

/* What may stand first beside a command, exactly so written, and then alone. */
static const char *const alone[] = { "--help", "--version" };

void gh_arguments_clear(struct gh_arguments *a)
{
	free(a->values);
	*a = (struct gh_arguments){ 0 };
}

const char *gh_arguments_text(const struct gh_arguments *a, const struct gh_value *v)
{
	return a->args[v->arg] + v->offset;
}

const struct gh_value *gh_arguments_flag(const struct gh_arguments *a, const char *name)
{
	for (size_t i = a->count; i > 0; i--)
		if (a->values[i - 1].flag && strcmp(a->values[i - 1].flag->name, name) == 0)
			return &a->values[i - 1];
	return NULL;
}

bool gh_arguments_switch(const struct gh_arguments *a, const char *name)
{
	for (size_t i = 0; i < a->switch_count; i++)
		if (strcmp(a->switches[i]->name, name) == 0)
			return true;
	return false;
}

size_t gh_arguments_positionals(const struct gh_arguments *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += !a->values[i].flag;
	return n;
}

static void add(struct gh_arguments *a, enum gh_kind kind, const struct gh_flag *flag, size_t arg,
		size_t offset)
{
	a->values[a->count++] = (struct gh_value){ kind, flag, arg, offset };
}

/* --- Flags ------------------------------------------------------------------------------------ */

static int deny(const struct gh_flag *flag, struct err *e)
{
	return refuse(e, 403, "Flag '--%s' is not permitted: %s", flag->name, flag->why);
}

static int refuse_unknown(const struct gh_arguments *a, int length, const char *flag, struct err *e)
{
	const struct gh_command *c = a->command;

	return refuse(e, 403, "Flag '%.*s' is not permitted: gh 2.23 has none such for '%s%s%s'",
		      length, flag, c->name, c->sub ? " " : "", c->sub ? c->sub : "");
}

/* The last one counts. */
static void turn_switch(struct gh_arguments *a, const struct gh_flag *flag, bool on)
{
	size_t i = 0;

	while (i < a->switch_count && a->switches[i] != flag)
		i++;
	if (on && i == a->switch_count && i < ARRAY_SIZE(a->switches))
		a->switches[a->switch_count++] = flag;
	if (!on && i < a->switch_count)
		a->switches[i] = a->switches[--a->switch_count];
}

static int set_switch(struct gh_arguments *a, const struct gh_flag *flag, const char *attached,
		      struct err *e)
{
	if (attached && strcmp(attached, "true") != 0 && strcmp(attached, "false") != 0)
		return refuse(e, 403, "Flag '--%s' takes true or false, not '%s'", flag->name,
			      attached);
	turn_switch(a, flag, !attached || strcmp(attached, "true") == 0);
	return 0;
}

/* The value of a flag: at offset in args[*i] when it is attached, else it is the next argument. */
static int take_value(struct gh_arguments *a, const struct gh_flag *flag, size_t offset, size_t *i,
		      struct err *e)
{
	if (offset == 0 && !a->args[++*i])
		return refuse(e, 403, "Flag '--%s' needs a value", flag->name);
	add(a, flag->kind, flag, *i, offset);
	return 0;
}

/* --name, --name=value, --name value */
static int parse_long(struct gh_arguments *a, size_t *i, struct err *e)
{
	const char *arg = a->args[*i];
	size_t length = strcspn(arg + 2, "=");
	bool has_value = arg[2 + length] == '=';
	size_t offset = has_value ? 2 + length + 1 : 0;
	const struct gh_flag *flag;

	if (arg[2] == '\0')
		return refuse(e, 403, "A bare '--' is not permitted");
	flag = gh_command_flag(a->command, arg + 2, length);
	if (!flag)
		return refuse_unknown(a, (int)length + 2, arg, e);
	if (flag->kind == GH_DENIED)
		return deny(flag, e);
	if (flag->kind == GH_SWITCH)
		return set_switch(a, flag, has_value ? arg + offset : NULL, e);
	return take_value(a, flag, offset, i, e);
}

/* -x, -xVALUE, -x=VALUE, -x VALUE and clusters. As with pflag, `=` separates only what is not
 * empty.
 */
static int parse_short(struct gh_arguments *a, size_t *i, struct err *e)
{
	const char *arg = a->args[*i];

	for (size_t at = 1; arg[at]; at++) {
		const struct gh_flag *flag = gh_command_flag_letter(a->command, arg[at]);
		bool attached = arg[at + 1] == '=' && arg[at + 2] != '\0';

		if (!flag) {
			const char unknown[] = { '-', arg[at], '\0' };

			return refuse_unknown(a, 2, unknown, e);
		}
		if (flag->kind == GH_DENIED)
			return deny(flag, e);
		if (flag->kind != GH_SWITCH)
			return take_value(a, flag,
					  attached      ? at + 2
					  : arg[at + 1] ? at + 1
							: 0,
					  i, e);
		if (attached)
			return set_switch(a, flag, arg + at + 2, e);
		if (set_switch(a, flag, NULL, e) < 0)
			return e->error;
	}
	return 0;
}

/* --- The rest --------------------------------------------------------------------------------- */

static int check_counts(const struct gh_arguments *a, struct err *e)
{
	const struct gh_command *c = a->command;
	size_t n = gh_arguments_positionals(a);
	const char *sub = c->sub ? c->sub : "", *space = c->sub ? " " : "";

	if (n > c->max)
		return refuse(e, 403, "'%s%s%s' takes %zu arguments, not %zu", c->name, space, sub,
			      c->max, n);
	if (gh_arguments_switch(a, "help"))
		return 0;
	if (n < c->min)
		return refuse(e, 403,
			      "'%s%s%s' needs %zu arguments here, not %zu: gh has no checkout to "
			      "look in",
			      c->name, space, sub, c->min, n);
	if (c->required && !gh_arguments_flag(a, c->required))
		return refuse(e, 403, "'%s%s%s' needs --%s here: gh has no checkout to look in",
			      c->name, space, sub, c->required);
	return 0;
}

static int parse_rest(struct gh_arguments *a, size_t first, struct err *e)
{
	size_t positionals = 0;

	for (size_t i = first; a->args[i]; i++) {
		const char *arg = a->args[i];
		int error = 0;

		if (strncmp(arg, "--", 2) == 0)
			error = parse_long(a, &i, e);
		else if (arg[0] == '-' && arg[1] != '\0')
			error = parse_short(a, &i, e);
		else
			add(a, positionals++ == 0 ? a->command->first : a->command->rest, NULL, i,
			    0);
		if (error < 0)
			return error;
	}
	return check_counts(a, e);
}

static bool is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

/* A group of commands by itself, which gh answers with its help. */
static bool is_help_of_group(char *const *args)
{
	return gh_command_exists(args[0]) && !gh_command_find(args[0], NULL) &&
	       (!args[1] || (is_help(args[1]) && !args[2]));
}

/* The command's row, or NULL with e set. */
static const struct gh_command *find_command(char *const *args, struct err *e)
{
	const struct gh_command *c = gh_command_find(args[0], args[1]);

	if (c && !c->why)
		return c;
	if (c)
		(void)refuse(e, 403, "'%s %s' is not permitted: %s", args[0], args[1], c->why);
	else if (!gh_command_exists(args[0]))
		(void)refuse(e, 403, "Subcommand '%s' is not permitted", args[0]);
	else if (args[1] && args[1][0] == '-')
		(void)refuse(e, 403, "'%s' must be followed by its subcommand, not by '%s'",
			     args[0], args[1]);
	else
		(void)refuse(e, 403, "'%s %s' is not permitted: gh 2.23 has none such", args[0],
			     args[1] ? args[1] : "");
	return NULL;
}

static bool is_alone(const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(alone); i++)
		if (strcmp(alone[i], arg) == 0)
			return true;
	return false;
}

int gh_arguments_parse(char *const *args, struct gh_arguments *ret, struct err *e)
{
	struct gh_arguments a = { .args = args };
	int error;

	*ret = a;
	if (!args[0] || is_help_of_group(args))
		return 0;
	if (is_alone(args[0]))
		return args[1] ? refuse(e, 403, "'%s' must stand alone", args[0]) : 0;
	a.command = find_command(args, e);
	if (!a.command)
		return -EINVAL;
	a.values = xcalloc(strv_length(args) + 1, sizeof(*a.values));
	error = parse_rest(&a, a.command->sub ? 2 : 1, e);
	if (error < 0) {
		gh_arguments_clear(&a);
		return error;
	}
	*ret = a;
	return 0;
}

/* --- Files ------------------------------------------------------------------------------------ */

/* Where, in a field, the name begins that gh reads; 0 when it reads none. */
static size_t field_file(const char *text)
{
	const char *value = strchr(text, '=');

	return value && value[1] == '@' ? (size_t)(value + 2 - text) : 0;
}

bool gh_arguments_file(const struct gh_arguments *a, const struct gh_value *v, struct gh_file *ret)
{
	const char *text = gh_arguments_text(a, v);
	size_t begin = 0, length;

	if (v->kind == GH_FIELD)
		begin = field_file(text);
	if (v->kind != GH_PATH && v->kind != GH_ASSET && begin == 0)
		return false;
	length = strlen(text + begin);
	if (v->kind == GH_ASSET && text[0] != '\0')
		length = 1 + strcspn(text + 1, "#");
	if (length == 0 || (v->kind != GH_ASSET && strcmp(text + begin, "-") == 0))
		return false;
	*ret = (struct gh_file){ v->arg, v->offset + begin, length };
	return true;
}

static bool value_is_stdin(const struct gh_arguments *a, const struct gh_value *v)
{
	const char *text = gh_arguments_text(a, v);

	if (v->kind == GH_FIELD && field_file(text) > 0)
		return strcmp(text + field_file(text), "-") == 0;
	return v->kind == GH_PATH && strcmp(text, "-") == 0;
}

bool gh_arguments_reads_stdin(const struct gh_arguments *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (value_is_stdin(a, &a->values[i]))
			return true;
	return gh_arguments_switch(a, "json");
}
