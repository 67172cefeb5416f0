#include "common/stdcopy.h"
#include "common/strbuf.h"

#include "tests/unit/check.h"

/* What a stream became: for each stretch of one type its bytes, whatever pieces they came in. */
struct heard {
	struct strbuf text; /* "1:abc 2:de " */
	int last;
	unsigned pieces;
	unsigned stop_at; /* the piece that is answered with a stop; 0: none */
};

static int hear(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	struct heard *h = userdata;

	assert_true(length > 0);
	if (h->last != (int)type)
		strbuf_appendf(&h->text, "%s%d:", h->text.length ? " " : "", type);
	h->last = (int)type;
	strbuf_append(&h->text, data, length);
	return ++h->pieces == h->stop_at ? -ECANCELED : 0;
}

static void heard_clear(struct heard *h)
{
	strbuf_clear(&h->text);
}

#define _cleanup_heard_ _cleanup_(heard_clear)
#define HEARD_NOTHING                                                                              \
	{                                                                                          \
		.last = -1                                                                         \
	}

static void add_frame(struct strbuf *b, enum stdcopy_type type, const char *text)
{
	unsigned char header[STDCOPY_HEADER_SIZE];

	stdcopy_header(header, type, (uint32_t)strlen(text));
	strbuf_append(b, header, sizeof(header));
	strbuf_puts(b, text);
}

static void make_stream(struct strbuf *b)
{
	add_frame(b, STDCOPY_STDOUT, "hello ");
	add_frame(b, STDCOPY_STDERR, "oh");
	add_frame(b, STDCOPY_STDERR, "");
	add_frame(b, STDCOPY_STDOUT, "world");
	add_frame(b, STDCOPY_SYSTEM, "x");
	add_frame(b, STDCOPY_STDIN, "in");
}

#define STREAM_HEARD "1:hello  2:oh 1:world 3:x 0:in"

static void test_headers(void **state _unused_)
{
	unsigned char header[STDCOPY_HEADER_SIZE];

	memset(header, 0xaa, sizeof(header));
	stdcopy_header(header, STDCOPY_STDERR, 0x01020304);
	assert_memory_equal(header, "\2\0\0\0\1\2\3\4", STDCOPY_HEADER_SIZE);
	stdcopy_header(header, STDCOPY_STDOUT, UINT32_MAX);
	assert_memory_equal(header, "\1\0\0\0\xff\xff\xff\xff", STDCOPY_HEADER_SIZE);
}

/* Cut in three at every pair of places. */
static void test_all_splits(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	make_stream(&b);
	for (size_t i = 0; i <= b.length; i++) {
		for (size_t j = i; j <= b.length; j++) {
			_cleanup_heard_ struct heard h = HEARD_NOTHING;
			struct stdcopy s = { 0 };

			assert_int_equal(stdcopy_feed(&s, b.data, i, hear, &h), 0);
			assert_int_equal(stdcopy_feed(&s, b.data + i, j - i, hear, &h), 0);
			assert_int_equal(stdcopy_feed(&s, b.data + j, b.length - j, hear, &h), 0);
			assert_same_text(h.text.data, STREAM_HEARD);
		}
	}
}

static void test_byte_by_byte(void **state _unused_)
{
	_cleanup_heard_ struct heard h = HEARD_NOTHING;
	_cleanup_strbuf_ struct strbuf b = { 0 };
	struct stdcopy s = { 0 };

	make_stream(&b);
	for (size_t i = 0; i < b.length; i++)
		assert_int_equal(stdcopy_feed(&s, b.data + i, 1, hear, &h), 0);
	assert_same_text(h.text.data, STREAM_HEARD);
}

static void test_bad_headers(void **state _unused_)
{
	static const char *const headers[] = {
		"\4\0\0\0\0\0\0\1", "\xff\0\0\0\0\0\0\1", "\1\1\0\0\0\0\0\1", "\1\0\1\0\0\0\0\1",
		"\1\0\0\1\0\0\0\1", "HTTP/1.1",           "\4\0\0\0\0\0\0\0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		_cleanup_heard_ struct heard h = HEARD_NOTHING;
		_cleanup_strbuf_ struct strbuf b = { 0 };
		struct stdcopy whole = { 0 }, bytes = { 0 };

		add_frame(&b, STDCOPY_STDOUT, "before");
		strbuf_append(&b, headers[i], STDCOPY_HEADER_SIZE);
		strbuf_puts(&b, "x");
		assert_int_equal(stdcopy_feed(&whole, b.data, b.length, hear, &h), -EBADMSG);
		assert_same_text(h.text.data, "1:before");
		for (size_t n = 0; n + 2 < b.length; n++)
			assert_int_equal(stdcopy_feed(&bytes, b.data + n, 1, hear, &h), 0);
		assert_int_equal(stdcopy_feed(&bytes, b.data + b.length - 2, 1, hear, &h),
				 -EBADMSG);
	}
}

static void test_stop(void **state _unused_)
{
	_cleanup_heard_ struct heard h = HEARD_NOTHING;
	_cleanup_strbuf_ struct strbuf b = { 0 };
	struct stdcopy s = { 0 };

	make_stream(&b);
	h.stop_at = 2;
	assert_int_equal(stdcopy_feed(&s, b.data, b.length, hear, &h), -ECANCELED);
	assert_same_text(h.text.data, "1:hello  2:oh");
}

/* The longest frame there can be, of which only the ends are made. */
static void test_longest_frame(void **state _unused_)
{
	_cleanup_heard_ struct heard h = HEARD_NOTHING;
	unsigned char header[STDCOPY_HEADER_SIZE];
	struct stdcopy s = { 0 };

	stdcopy_header(header, STDCOPY_STDOUT, UINT32_MAX);
	assert_int_equal(stdcopy_feed(&s, header, sizeof(header), hear, &h), 0);
	assert_int_equal(stdcopy_feed(&s, "abc", 3, hear, &h), 0);
	assert_int_equal(s.remaining, UINT32_MAX - 3);
	assert_same_text(h.text.data, "1:abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),      cmocka_unit_test(test_all_splits),
		cmocka_unit_test(test_byte_by_byte), cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_stop),         cmocka_unit_test(test_longest_frame),
	};

	return RUN_TESTS("stdcopy", tests);
}
