#include "common/escape.h"
#include "common/utf8.h"

#include "tests/unit/check.h"

/* Table 3-7 of the Unicode standard, at its edges. */
static const struct {
	const char *text;
	size_t length; /* 0: no sequence */
} sequences[] = {
	{ "\x01", 1 },
	{ "\x7f", 1 },
	{ "\x80", 0 },
	{ "\xbf", 0 },
	{ "\xc0\x80", 0 },
	{ "\xc1\xbf", 0 },
	{ "\xc2\x80", 2 },
	{ "\xdf\xbf", 2 },
	{ "\xdf", 0 },
	{ "\xdf\x7f", 0 },
	{ "\xdf\xc0", 0 },
	{ "\xe0\x9f\xbf", 0 },
	{ "\xe0\xa0\x80", 3 },
	{ "\xed\x9f\xbf", 3 },
	{ "\xed\xa0\x80", 0 }, /* a surrogate */
	{ "\xed\xbf\xbf", 0 },
	{ "\xee\x80\x80", 3 },
	{ "\xef\xbf\xbf", 3 },
	{ "\xef\xbf", 0 },
	{ "\xf0\x8f\xbf\xbf", 0 },
	{ "\xf0\x90\x80\x80", 4 },
	{ "\xf4\x8f\xbf\xbf", 4 },
	{ "\xf4\x90\x80\x80", 0 }, /* behind U+10FFFF */
	{ "\xf4\x8f\xbf", 0 },
	{ "\xf5\x80\x80\x80", 0 },
	{ "\xff", 0 },
};

static void test_sequences(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
		_cleanup_free_ char *between = xasprintf("a%sb", sequences[i].text);

		assert_int_equal(utf8_sequence(sequences[i].text), sequences[i].length);
		assert_int_equal(utf8_is_valid(between), sequences[i].length > 0);
	}
	assert_int_equal(utf8_sequence(""), 1);
	assert_true(utf8_is_valid(""));
}

static void test_cut(void **state _unused_)
{
	static const size_t lengths[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };
	static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82z";

	for (size_t max = 0; max < ARRAY_SIZE(lengths); max++)
		assert_int_equal(utf8_cut(text, max), lengths[max]);
	assert_int_equal(utf8_cut("", 5), 0);
}

static const struct {
	const char *text;
	const char *escaped;
} rows[] = {
	{ "", "" },
	{ "plain text, 100 %s ~", "plain text, 100 %s ~" },
	{ "\x1b[31mred\x07", "\\x1b[31mred\\x07" },
	{ "a\nb\r\tc\x7f", "a\\x0ab\\x0d\\x09c\\x7f" },
	{ "\x01\x1f", "\\x01\\x1f" },
	{ "c:\\x41", "c:\\\\x41" },
	{ "grün €\xf0\x9f\x99\x82", "grün €\xf0\x9f\x99\x82" },
	{ "\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0" }, /* C1, then U+00A0 */
	{ "\xff\xfe", "\\xff\\xfe" },
	{ "\xc3(", "\\xc3(" },
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xc0\xae", "\\xc0\\xae" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80!", "\\xf4\\x90\\x80\\x80!" },
};

static void test_escape(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *escaped = escape_control(rows[i].text);

		assert_same_text(escaped, rows[i].escaped);
		assert_true(utf8_is_valid(escaped));
	}
}

/* A backslash alone is written as two, but needs nothing. */
static void test_is_needed(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool has_backslash = strchr(rows[i].text, '\\');
		bool changes = strcmp(rows[i].text, rows[i].escaped) != 0;

		assert_row(rows[i].escaped,
			   escape_is_needed(rows[i].text) == (changes && !has_backslash));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_is_needed),
	};

	return RUN_TESTS("escape", tests);
}
