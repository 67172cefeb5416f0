/* What can follow on a command line. */
#include "awfctl/completion.h"

#include "awfctl/commands.h"
#include "tests/unit/check.h"

#define WORDS(...)                                                                                 \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct {
	const char *words[8];
	enum completion more;
	const char *with;    /* a line that begins so is there; NULL: there is none at all */
	const char *without; /* none begins so; NULL: whatever */
} cases[] = {
	{ WORDS(""), COMPLETION_DONE, "run\tstart a sandbox", "--" },
	{ WORDS("sto"), COMPLETION_DONE, "stop\t", "start" },
	{ WORDS("__"), COMPLETION_DONE, NULL, NULL },
	{ WORDS("zz"), COMPLETION_DONE, NULL, NULL },
	{ WORDS("-"), COMPLETION_DONE, "--socket\tawfd's socket", "--env" },
	{ WORDS("--v"), COMPLETION_DONE, "--version\t", "--help" },
	{ WORDS("--log-level", ""), COMPLETION_DONE, "debug\t", "run" },
	{ WORDS("run", "--pull", "m"), COMPLETION_DONE, "missing\t", "never" },
	{ WORDS("--log-level", "warn"), COMPLETION_DONE, "warning\t", "debug" },
	{ WORDS("--log-level", "debug", "ru"), COMPLETION_DONE, "run\t", "reload" },
	{ WORDS("run", "--al"), COMPLETION_DONE, "--allow-domains\t", "--env" },
	{ WORDS("run", "--"), COMPLETION_DONE, "--env-file\t", "--json" },
	{ WORDS("run", "--enable-a"), COMPLETION_DONE, NULL, NULL }, /* it is not here */
	{ WORDS("list", "--"), COMPLETION_DONE, "--quiet\t", "--env" },
	{ WORDS("run", "--env-file", "x"), COMPLETION_DONE, COMPLETION_FILES "\n", "--" },
	{ WORDS("run", "-v", ""), COMPLETION_DONE, COMPLETION_FILES "\n", "--" },
	{ WORDS("run", "-tv", ""), COMPLETION_DONE, COMPLETION_FILES "\n", "--" },
	{ WORDS("run", "--workspace", "--"), COMPLETION_DONE, COMPLETION_DIRECTORIES "\n", "--" },
	{ WORDS("run", "--name", ""), COMPLETION_DONE, NULL, NULL },
	{ WORDS("run", "--tty", "--na"), COMPLETION_DONE, "--name\t", NULL },
	{ WORDS("run", "--", ""), COMPLETION_DONE, COMPLETION_COMMANDS "\n", "--" },
	{ WORDS("run", "--", "ls", "-"), COMPLETION_DONE, COMPLETION_FILES "\n", "--" },
	{ WORDS("run", "--name", "--", "--na"), COMPLETION_DONE, "--name\t", NULL },
	{ WORDS("list", "--", ""), COMPLETION_DONE, NULL, NULL },
	{ WORDS("list", ""), COMPLETION_DONE, NULL, NULL },
	{ WORDS("stop", ""), COMPLETION_SANDBOXES, NULL, NULL },
	{ WORDS("stop", "a", "b", ""), COMPLETION_SANDBOXES, NULL, NULL },
	{ WORDS("wait", "--socket", "s", "a"), COMPLETION_SANDBOXES, NULL, NULL },
	{ WORDS("wait", "a", ""), COMPLETION_DONE, NULL, NULL },
	{ WORDS("logs", "su"), COMPLETION_SANDBOXES, "summary\t", NULL },
	{ WORDS("logs", "summary", ""), COMPLETION_SANDBOXES, NULL, NULL },
	{ WORDS("help", "ru"), COMPLETION_DONE, "run\t", "stop" },
	{ WORDS("help", "run", ""), COMPLETION_DONE, NULL, NULL },
	{ WORDS("unheard-of", "ru"), COMPLETION_DONE, "run\t", NULL },
};

/* Whether a line of the text begins so. */
static bool has_line(const char *text, const char *beginning)
{
	_cleanup_free_ char *behind = xasprintf("\n%s", beginning);

	return strncmp(text, beginning, strlen(beginning)) == 0 || strstr(text, behind);
}

static void test_cases(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strbuf_ struct strbuf text = { 0 };
		enum completion more = completion_of(&text, (char *const *)cases[i].words);

		assert_row(cases[i].words[0], more == cases[i].more);
		if (cases[i].with)
			assert_row(cases[i].with, has_line(text.data, cases[i].with));
		else
			assert_string_equal(text.data, "");
		if (cases[i].without)
			assert_row(cases[i].without, !has_line(text.data, cases[i].without));
	}
}

/* Every command and option that --help shows is offered, and nothing else. */
static void test_everything(void **state _unused_)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		const char *const words[] = { c->name, "--", NULL };
		_cleanup_strbuf_ struct strbuf names = { 0 }, options = { 0 };

		assert_int_equal(completion_of(&names, (char *const *)words + 2), 0);
		assert_int_equal(completion_of(&names, (char *const *)(const char *[]){ "", NULL }),
				 0);
		assert_int_equal(has_line(names.data, c->name), c->summary != NULL);
		assert_int_equal(completion_of(&options, (char *const *)words), 0);
		for (size_t j = 0; j < option_row_count; j++) {
			_cleanup_free_ char *line = xasprintf("--%s\t", option_rows[j].name);
			bool shown = option_rows[j].groups & c->groups &&
				     option_rows[j].kind != OPTION_NOT_HERE;

			assert_row(line, has_line(options.data, line) == shown);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_everything),
	};

	return RUN_TESTS("awfctl-completion", tests);
}
