#include "awfctl/nearest.h"

#include "tests/unit/check.h"

static const char *const words[] = { "run",  "start",   "list",           "inspect",
				     "stop", "version", "difc-proxy-host" };

static const char *suggest(const char *word)
{
	struct nearest n = { .word = word };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		nearest_offer(&n, words[i]);
	return nearest_get(&n);
}

static void test_misspelt(void **state _unused_)
{
	static const struct {
		const char *word;
		const char *meant;
	} cases[] = {
		{ "lsit", "list" },
		{ "lst", "list" },
		{ "runn", "run" },
		{ "inspekt", "inspect" },
		{ "stp", "stop" },
		{ "insp", "inspect" },
		{ "difc-proxy", "difc-proxy-host" },
		{ "difc-porxy-hots", "difc-proxy-host" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(suggest(cases[i].word), cases[i].meant);
}

static void test_something_else(void **state _unused_)
{
	static const char *const others[] = {
		"",        "x",
		"denials", "predownload",
		"logs",    "a-word-that-is-much-longer-than-any-command-or-option-of-ours-will-be",
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_null(suggest(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misspelt),
		cmocka_unit_test(test_something_else),
	};

	return RUN_TESTS("awfctl-nearest", tests);
}
