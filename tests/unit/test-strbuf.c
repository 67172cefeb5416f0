#include "common/strbuf.h"

#include "tests/unit/check.h"

static void assert_holds(const struct strbuf *b, const char *bytes, size_t length)
{
	assert_int_equal(b->length, length);
	assert_memory_equal(b->data, bytes, length);
	assert_int_equal(b->data[length], '\0');
}

#define assert_holds_text(b, text) assert_holds((b), (text), strlen(text))

static void test_append(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	strbuf_append(&b, "", 0);
	assert_holds_text(&b, "");
	strbuf_puts(&b, "one");
	assert_holds_text(&b, "one");
	strbuf_append(&b, "\0two", 4);
	assert_holds(&b, "one\0two", 7);
	strbuf_appendf(&b, "-%d%s", 3, "!");
	assert_holds(&b, "one\0two-3!", 10);
}

/* Byte by byte over several sizes of its memory. */
static void test_growth(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	for (size_t i = 0; i < 10000; i++) {
		char c = (char)('a' + i % 26);

		strbuf_append(&b, &c, 1);
		assert_int_equal(b.length, i + 1);
		assert_int_equal(b.data[i + 1], '\0');
	}
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

static void test_consume(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	strbuf_consume(&b, 0);
	strbuf_puts(&b, "abcdef");
	strbuf_consume(&b, 2);
	assert_holds_text(&b, "cdef");
	strbuf_consume(&b, 0);
	assert_holds_text(&b, "cdef");
	strbuf_puts(&b, "g");
	strbuf_consume(&b, 5);
	assert_holds_text(&b, "");
	strbuf_puts(&b, "again");
	assert_holds_text(&b, "again");
}

static void test_take(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };
	_cleanup_free_ char *nothing = strbuf_take(&b), *something = NULL;

	assert_same_text(nothing, "");
	strbuf_puts(&b, "something");
	something = strbuf_take(&b);
	assert_same_text(something, "something");
	assert_null(b.data);
	assert_int_equal(b.length, 0);
	strbuf_puts(&b, "else");
	assert_holds_text(&b, "else");
	assert_same_text(something, "something");
}

static void test_clear(void **state _unused_)
{
	struct strbuf b = { 0 };

	strbuf_clear(&b);
	strbuf_puts(&b, "x");
	strbuf_clear(&b);
	strbuf_clear(&b);
	assert_null(b.data);
	assert_int_equal(b.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),  cmocka_unit_test(test_growth),
		cmocka_unit_test(test_consume), cmocka_unit_test(test_take),
		cmocka_unit_test(test_clear),
	};

	return RUN_TESTS("strbuf", tests);
}
