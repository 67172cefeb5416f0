#include "awfctl/elsewhere.h"

#include "awfctl/commands.h"
#include "awfctl/options.h"
#include "common/cleanup.h"
#include "tests/unit/check.h"

static bool is_command(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return true;
	return false;
}

/* Whether commands of these groups take the option. */
static bool is_option(unsigned groups, const char *name)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].groups & groups && strcmp(option_rows[i].name, name) == 0)
			return option_rows[i].kind != OPTION_NOT_HERE;
	return false;
}

static bool is_letter(unsigned groups, char letter)
{
	for (size_t i = 0; letter && i < option_row_count; i++)
		if (option_rows[i].groups & groups && option_rows[i].letter == letter)
			return true;
	return false;
}

/* Whether what begins the text, up to a space or a quote, is a command or one of the options. */
static bool is_ours(unsigned groups, const char *text)
{
	_cleanup_free_ char *word = xstrndup(text, strcspn(text, " '"));

	return strncmp(word, "--", 2) == 0 ? is_option(groups | OPTION_GLOBAL, word + 2)
					   : is_command(word);
}

/* What an advice has in quotes is what it advises to type. */
static void assert_advice(const struct elsewhere *row)
{
	const char *quoted = strchr(row->advice, '\'');

	for (; quoted; quoted = strchr(quoted + 1, '\'')) {
		if (strncmp(quoted, "'--'", 4) != 0)
			assert_row(row->name, is_ours(row->groups, quoted + 1));
		quoted = strchr(quoted + 1, '\'');
		assert_non_null(quoted);
	}
}

static void test_commands(void **state _unused_)
{
	for (size_t i = 0; i < elsewhere_command_count; i++) {
		assert_row(elsewhere_commands[i].name, !is_command(elsewhere_commands[i].name));
		assert_advice(&elsewhere_commands[i]);
	}
}

static void test_options(void **state _unused_)
{
	for (size_t i = 0; i < elsewhere_option_count; i++) {
		const struct elsewhere *row = &elsewhere_options[i];

		assert_row(row->name, !is_option(row->groups | OPTION_GLOBAL, row->name));
		assert_row(row->name, !is_letter(row->groups | OPTION_GLOBAL, row->letter));
		assert_advice(row);
	}
}

static void test_commands_said(void **state _unused_)
{
	static const struct {
		const char *name;
		const char *message;
	} cases[] = {
		{ "ps", "unknown command 'ps'; did you mean 'list'?" },
		{ "top", "unknown command 'top'; did you mean 'stats'?" },
		{ "exec", "unknown command 'exec'; a sandbox runs one command, to which 'attach' "
			  "connects" },
		{ "psx", "unknown command 'psx'; awfctl help lists them" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };

		assert_null(command_find(cases[i].name, &e));
		assert_same_text(e.message, cases[i].message);
	}
}

static void test_options_said(void **state _unused_)
{
	static const struct {
		unsigned groups;
		const char *args[4];
		const char *message;
	} cases[] = {
		{ OPTION_SANDBOX,
		  { "--workdir=/x" },
		  "unknown option '--workdir'; did you mean '--container-workdir'?" },
		{ OPTION_SANDBOX,
		  { "-tw", "/x" },
		  "unknown option '-w'; did you mean '--container-workdir'?" },
		{ OPTION_SANDBOX,
		  { "--rm" },
		  "unknown option '--rm'; run removes the sandbox when its command has ended; leave "
		  "it out" },
		{ OPTION_LISTING,
		  { "-a" },
		  "unknown option '-a'; list shows all of your sandboxes, also those that have "
		  "ended; leave it out" },
		{ OPTION_LISTING, { "--rm" }, "unknown option '--rm'; --help lists them" },
		{ OPTION_SANDBOX,
		  { "-d", "--", "true" },
		  "--allow-domains needs a value before the '--': --allow-domains LIST" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_options_ struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(
			options_parse(&o, cases[i].groups, false, (char **)cases[i].args, &e),
			-EINVAL);
		assert_same_text(e.message, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_commands_said),
		cmocka_unit_test(test_options_said),
	};

	return RUN_TESTS("awfctl-elsewhere", tests);
}
