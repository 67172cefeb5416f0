/* The helper that squid asks whether a tunnel's host and SNI are the same, as squid talks to it. */
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "tests/unit/check.h"
#include "tests/unit/program.h"

/* More than the helper takes in one line. */
#define LONG 20000

/* Runs the helper on a file of these lines and returns what it wrote. */
static char *ask(const char *lines)
{
	_cleanup_scratch_ char *scratch = scratch_new();
	_cleanup_free_ char *program = program_path("awf-sni-match");
	_cleanup_free_ char *path = xasprintf("%s/lines", scratch);
	_cleanup_free_ char *command = xasprintf("'%s' <'%s'", program, path);
	_cleanup_strbuf_ struct strbuf answers = { 0 };
	char part[256];
	FILE *f;

	assert_int_equal(file_write_atomic(path, 0600, lines, strlen(lines), NULL), 0);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(part, sizeof(part), f))
		strbuf_puts(&answers, part);
	assert_int_equal(pclose(f), 0);
	return strbuf_take(&answers);
}

static void test_answers(void **state)
{
	_cleanup_free_ char *answers = ask("0 a.example a.example -\n"
					   "1 a.example A.Example -\n"
					   "2 a.example b.example -\n"
					   "3 a.example - -\n"
					   "4 - - -\n"
					   "5 a.example x.a.example -\n"
					   "6 a.example a.example. -\n"
					   "7 a.example a.example\n"
					   "8 a.example a.example - -\n"
					   "9 a.example a.example x\n"
					   "10\n"
					   "\n"
					   "11 %2d %2D -\n");

	(void)state;
	assert_string_equal(answers, "0 OK\n1 OK\n2 ERR\n3 ERR\n4 ERR\n5 ERR\n6 ERR\n7 ERR\n8 ERR\n"
				     "9 ERR\n10 ERR\n11 OK\n");
}

/* A line that is too long is refused as a whole, and the next one is a line of its own. */
static void test_long_line(void **state)
{
	_cleanup_free_ char *host = xcalloc(LONG + 1, 1), *lines = NULL, *answers = NULL;

	(void)state;
	memset(host, 'h', LONG);
	lines = xasprintf("0 h h - %s\n1 %s h -\n2 h h -\n", host, host);
	answers = ask(lines);
	assert_string_equal(answers, "0 ERR\n1 ERR\n2 OK\n");
}

/* What has no end is not answered. */
static void test_cut_line(void **state)
{
	_cleanup_free_ char *answers = ask("0 a.example a.example -");

	(void)state;
	assert_string_equal(answers, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_cut_line),
	};

	return RUN_TESTS("sni-match", tests);
}
