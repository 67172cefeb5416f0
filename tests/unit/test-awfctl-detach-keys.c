/* The keys that leave a command alone: how they are given, and what reaches the command. */
#include "awfctl/detach-keys.h"

#include "tests/unit/check.h"

static void test_parse(void **state _unused_)
{
	static const struct {
		const char *text;
		const char *keys; /* NULL: refused */
	} cases[] = {
		{ DETACH_KEYS_DEFAULT, "\x10\x11" },
		{ "", "" },
		{ "a", "a" },
		{ " ~ , . ", "~." },
		{ "CTRL-A,ctrl-Z,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_",
		  "\x01\x1a\x1b\x1c\x1d\x1e\x1f" },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", "abcdefghijklmnop" },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", NULL },
		{ "ab", NULL },
		{ "a,", NULL },
		{ "ctrl-", NULL },
		{ "ctrl-1", NULL },
		{ "ctrl-ab", NULL },
		{ "alt-a", NULL },
		{ "\xc3\xa4", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct detach_keys k = { 0 };
		int r = detach_keys_parse(cases[i].text, &k, &e);

		assert_row(cases[i].text, (r == 0) == (cases[i].keys != NULL));
		if (r < 0) {
			assert_text_contains(e.message, cases[i].text);
			assert_text_contains(e.message, "give up to 16 keys, as in ctrl-p,ctrl-q");
			continue;
		}
		assert_int_equal(k.count, strlen(cases[i].keys));
		assert_memory_equal(k.keys, cases[i].keys, k.count);
	}
}

/* In pieces of every size it is the same. */
static void test_feed(void **state _unused_)
{
	static const struct {
		const char *keys;
		const char *typed;
		const char *passed;
		bool detached;
	} cases[] = {
		{ "x,y", "abc", "abc", false },
		{ "x,y", "axyb", "a", true },
		{ "x,y", "xay", "xay", false },
		{ "x,y", "xxy", "x", true },
		{ "x,y", "ax", "a", false }, /* held back */
		{ "x", "abx", "ab", true },
		{ "", "xy", "xy", false },
		{ "a,a,b", "aaab", "a", true },
		{ "a,b,a,b,c", "ababdababc", "ababd", true },
		{ "a,b,a,b,c", "abababc", "ab", true },
		{ "x,x,x", "xxaxxx", "xxa", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t piece = 1; piece <= strlen(cases[i].typed); piece++) {
			_cleanup_strbuf_ struct strbuf passed = { 0 };
			struct detach_keys k = { 0 };
			const char *typed = cases[i].typed;
			bool detached = false;

			strbuf_puts(&passed, "");
			assert_int_equal(detach_keys_parse(cases[i].keys, &k, NULL), 0);
			while (*typed && !detached) {
				size_t n = MIN(piece, strlen(typed));

				detached = detach_keys_feed(&k, typed, n, &passed);
				typed += n;
			}
			assert_row(cases[i].typed, detached == cases[i].detached);
			assert_string_equal(passed.data, cases[i].passed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_feed),
	};

	return RUN_TESTS("awfctl-detach-keys", tests);
}
