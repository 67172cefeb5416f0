/* What most unit tests need of cmocka, and checks of this house's own types. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/alloc.h"
#include "common/err.h"
#include "common/file.h"

/* A check of one row of a table, named when it fails. */
#define assert_row(row, condition)                                                                 \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("row '%s': %s", (row), #condition);                               \
	} while (0)

/* Whether two strings are equal, or both NULL. */
static inline bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

#define assert_same_text(a, b)                                                                     \
	do {                                                                                       \
		const char *_a = (a), *_b = (b);                                                   \
		if (!same_text(_a, _b))                                                            \
			fail_msg("'%s' is not '%s'", _a ? _a : "NULL", _b ? _b : "NULL");          \
	} while (0)

#define assert_text_contains(text, part)                                                           \
	do {                                                                                       \
		const char *_text = (text), *_part = (part);                                       \
		if (!_text || !strstr(_text, _part))                                               \
			fail_msg("'%s' is not in '%s'", _part, _text ? _text : "NULL");            \
	} while (0)

/* Runs the tests of a program, reporting as TAP. */
#define RUN_TESTS(name, tests)                                                                     \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                                                 \
	 cmocka_run_group_tests_name((name), (tests), NULL, NULL))

/* A new directory for one test, and its end. */
static inline char *scratch_new(void)
{
	char *path = xstrdup("/tmp/awf-test-XXXXXX");

	assert_non_null(mkdtemp(path));
	return path;
}

static inline void scratch_freep(char **path)
{
	_cleanup_err_ struct err e = { 0 };

	if (*path && file_remove_tree(*path, &e) < 0)
		print_error("%s\n", e.message);
	free(*path);
}

#define _cleanup_scratch_ _cleanup_(scratch_freep)
