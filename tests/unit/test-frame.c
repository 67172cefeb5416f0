#include "proto/frame.h"

#include <malloc.h>

#include "tests/unit/check.h"

#define PORTION 16384 /* what one read of a connection takes */

static void reader_clear(struct frame_reader *r)
{
	frame_reader_clear(r);
}

#define _cleanup_reader_ _cleanup_(reader_clear)

/* {"k":"xxx…"} and its NUL, `size` bytes altogether. */
static void add_message(struct strbuf *b, size_t size)
{
	size_t filler = size - strlen("{\"k\":\"\"}") - 1;

	strbuf_puts(b, "{\"k\":\"");
	for (size_t i = 0; i < filler; i++)
		strbuf_append(b, "x", 1);
	strbuf_append(b, "\"}", 3);
}

static void assert_next(struct frame_reader *r, const char *text)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (frame_next(r, &o, &e) != 1)
		fail_msg("no message: %s", e.message ? e.message : "incomplete");
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), text);
}

static void assert_next_fails(struct frame_reader *r, int error)
{
	_cleanup_err_ struct err e = { 0 };
	struct json_object *o = NULL;

	assert_int_equal(frame_next(r, &o, &e), error);
	assert_null(o);
	assert_int_equal(e.error, error);
	if (error < 0)
		assert_non_null(e.message);
}

#define assert_nothing_complete(r) assert_next_fails((r), 0)

static void test_messages(void **state _unused_)
{
	_cleanup_reader_ struct frame_reader r = { 0 };

	assert_nothing_complete(&r);
	assert_int_equal(frame_feed(&r, "{\"a\":1}\0{\"b\":[2]}\0{\"c\"", 22), 0);
	assert_next(&r, "{\"a\":1}");
	assert_next(&r, "{\"b\":[2]}");
	assert_nothing_complete(&r);
	assert_nothing_complete(&r);
	assert_int_equal(frame_feed(&r, ":3}", 3), 0);
	assert_nothing_complete(&r);
	assert_int_equal(frame_feed(&r, "", 1), 0);
	assert_next(&r, "{\"c\":3}");
	assert_nothing_complete(&r);
	frame_reader_clear(&r);
	assert_int_equal(frame_feed(&r, "{}", 3), 0);
	assert_next(&r, "{}");
}

static void test_byte_by_byte(void **state _unused_)
{
	static const char stream[] = "{\"a\":1}\0{}\0{\"b\":\"\xc3\xbc\"}"; /* and its NUL */
	static const char *const messages[] = { "{\"a\":1}", "{}", "{\"b\":\"\xc3\xbc\"}" };
	_cleanup_reader_ struct frame_reader r = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(stream); i++) {
		assert_int_equal(frame_feed(&r, &stream[i], 1), 0);
		if (stream[i] == '\0')
			assert_next(&r, messages[n++]);
		else
			assert_nothing_complete(&r);
	}
	assert_int_equal(n, ARRAY_SIZE(messages));
}

/* What a bad message leaves behind is the next one. */
static void test_after_bad_message(void **state _unused_)
{
	_cleanup_reader_ struct frame_reader r = { 0 };

	assert_int_equal(frame_feed(&r, "nonsense\0\0{\"a\":1}", 18), 0);
	assert_next_fails(&r, -EBADMSG);
	assert_next_fails(&r, -EBADMSG);
	assert_next(&r, "{\"a\":1}");
}

static const struct {
	const char *text;
	const char *reason;
} refused[] = {
	{ "", "it ends too early" },
	{ " ", "it ends too early" },
	{ "{", "it ends too early" },
	{ "{\"a\":", "it ends too early" },
	{ "{\"a\":\"b", "it ends too early" },
	{ "[]", "it is not an object" },
	{ "[{}]", "it is not an object" },
	{ "\"a\"", "it is not an object" },
	{ "null", "" },
	{ "1", "" },
	{ "true", "" },
	{ "{}x", "unexpected character" },
	{ "{}{}", "unexpected character" },
	{ "{},", "unexpected character" },
	{ "{}//", "unexpected character" },
	{ "{}\xc2\xa0", "unexpected character" },
	{ "x{}", "unexpected character" },
	{ "{\"a\":1,}", "unexpected character" },
	{ "{\"a\":[1,]}", "unexpected character" },
	{ "{\"a\":[1 2]}", "array value separator ',' expected" },
	{ "{\"a\" 1}", "object property name separator ':' expected" },
	{ "{a:1}", "quoted object property name expected" },
	{ "{\"a\":01}", "number expected" },
	{ "{\"a\":--1}", "number expected" },
	{ "{\"a\":+1}", "unexpected character" },
	{ "{\"a\":0x1}", "number expected" },
	{ "{\"a\":True}", "boolean expected" },
	{ "{\"a\":1/*c*/}", "object value separator ',' expected" },
	{ "{\"a\":\"\\x41\"}", "invalid string sequence" },
	{ "\xef\xbb\xbf{}", "unexpected character" }, /* a byte order mark */
	{ "{\"a\":\"\xff\"}", "it is not UTF-8" },
	{ "{\"a\":\"\xc3\"}", "it is not UTF-8" },
	{ "{\"a\":\"\xc0\x80\"}", "it is not UTF-8" },
	{ "{\"a\":\"\xed\xa0\x80\"}", "it is not UTF-8" },
	{ "{\"a\":\"\xf4\x90\x80\x80\"}", "it is not UTF-8" },
	{ "{\"\xff\":1}", "it is not UTF-8" },
	{ "{}\xff", "it is not UTF-8" },
};

static void test_refused(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_free_ char *message =
			xasprintf("message is no valid JSON: %s", refused[i].reason);
		_cleanup_err_ struct err e = { 0 };
		struct json_object *o = NULL;

		assert_row(refused[i].text, frame_parse(refused[i].text, strlen(refused[i].text),
							&o, &e) == -EBADMSG);
		assert_null(o);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_text_contains(e.message, message);
	}
}

static const struct {
	const char *text;
	const char *plain;
} accepted[] = {
	{ "{}", "{}" },
	{ " \t\r\n{ } \n", "{}" },
	{ "{\"a\":-0,\"b\":[true,false,null]}", "{\"a\":0,\"b\":[true,false,null]}" },
	{ "{\"\":\"\"}", "{\"\":\"\"}" },
	{ "{\"a\":\"\\u00fc\\ud83d\\ude42\\n\"}", "{\"a\":\"\xc3\xbc\xf0\x9f\x99\x82\\n\"}" },
	{ "{\"a\":\"\\ud800\"}", "{\"a\":\"\xef\xbf\xbd\"}" }, /* half a surrogate pair */
	{ "{\"a\":9223372036854775807}", "{\"a\":9223372036854775807}" },
};

static void test_accepted(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_json_ struct json_object *o = NULL;
		_cleanup_err_ struct err e = { 0 };

		if (frame_parse(accepted[i].text, strlen(accepted[i].text), &o, &e) < 0)
			fail_msg("%s: %s", accepted[i].text, e.message);
		assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
				    accepted[i].plain);
	}
}

/* Values inside each other, the message itself the first. */
static int parse_nested(unsigned depth, char open, char close)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };
	_cleanup_json_ struct json_object *o = NULL;

	strbuf_puts(&b, "{\"a\":");
	for (unsigned i = 2; i < depth; i++)
		strbuf_appendf(&b, open == '{' ? "{\"a\":" : "[");
	strbuf_puts(&b, "1");
	for (unsigned i = 2; i < depth; i++)
		strbuf_append(&b, &close, 1);
	strbuf_puts(&b, "}");
	return frame_parse(b.data, b.length, &o, NULL);
}

static void test_depth(void **state _unused_)
{
	assert_int_equal(parse_nested(2, '{', '}'), 0);
	assert_int_equal(parse_nested(FRAME_DEPTH_MAX, '{', '}'), 0);
	assert_int_equal(parse_nested(FRAME_DEPTH_MAX + 1, '{', '}'), -EBADMSG);
	assert_int_equal(parse_nested(FRAME_DEPTH_MAX, '[', ']'), 0);
	assert_int_equal(parse_nested(FRAME_DEPTH_MAX + 1, '[', ']'), -EBADMSG);
	assert_int_equal(parse_nested(100000, '[', ']'), -EBADMSG);
}

/* What a message of so many empty objects, or numbers, comes to for whoever has these limits; a
 * string's brackets do not count. */
static int take_wide(const struct frame_limits *limits, const char *item, size_t count)
{
	_cleanup_reader_ struct frame_reader r = { .limits = limits };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_err_ struct err e = { 0 };
	int status;

	strbuf_puts(&text, "{\"s\":\"\\\"[[{{,,::\",\"a\":[0");
	for (size_t i = 0; i < count; i++)
		strbuf_puts(&text, item);
	strbuf_puts(&text, "]}");
	strbuf_append(&text, "", 1);
	assert_int_equal(frame_feed(&r, text.data, text.length), 0);
	status = frame_next(&r, &o, &e);
	if (status < 0)
		assert_text_contains(e.message, "message has too many parts: send at most ");
	return status;
}

/* What is small as text, but not in memory. The message and its array are two containers; these,
 * two names and a comma between them are five parts. */
static void test_width(void **state _unused_)
{
	const struct frame_limits few = { .containers = 4, .parts = 20 };
	const struct frame_limits *request = &frame_limits_request, *reply = &frame_limits_reply;

	assert_int_equal(take_wide(&few, ",{}", 2), 1);
	assert_int_equal(take_wide(&few, ",{}", 3), -EBADMSG);
	assert_int_equal(take_wide(&few, ",0", 15), 1);
	assert_int_equal(take_wide(&few, ",0", 16), -EBADMSG);
	assert_int_equal(take_wide(&few, ",[]", 2), 1);
	assert_int_equal(take_wide(request, ",[]", request->containers - 2), 1);
	assert_int_equal(take_wide(request, ",[]", request->containers - 1), -EBADMSG);
	assert_int_equal(take_wide(request, ",0", request->parts - 5), 1);
	assert_int_equal(take_wide(request, ",0", request->parts - 4), -EBADMSG);
	assert_int_equal(take_wide(reply, ",[]", reply->containers - 2), 1);
	assert_int_equal(take_wide(reply, ",[]", reply->containers - 1), -EBADMSG);
	assert_int_equal(take_wide(NULL, ",[]", reply->containers - 1), -EBADMSG);
}

/* --- Steps ----------------------------------------------------------------------------------- */

/* A message whose n-th byte is the first of `text`, with nothing but a string before it. */
static void fill_up_to(struct strbuf *b, size_t n, const char *text)
{
	strbuf_puts(b, "{\"a\":\"");
	while (b->length < n)
		strbuf_puts(b, "x");
	strbuf_puts(b, text);
	strbuf_append(b, "", 1);
}

static const struct {
	const char *text; /* the end of the message */
	const char *reason;
} ends[] = {
	{ "\"}", NULL },
	{ "\", \"b\":-12.5e3,\"c\":[true,null]}", NULL },
	{ "\xf0\x9f\x99\x82\xc3\xbc\"}", NULL },
	{ "\\\"\\\\\\u00fc\\ud83d\\ude42\"}", NULL },
	{ "\"} \n\t\r ", NULL },
	{ "\"}{}", "unexpected character" },
	{ "\"}  x", "unexpected character" },
	{ "\"", "it ends too early" },
	{ "\xf0\x9f\x99\"}", "it is not UTF-8" },
	{ "\",}", "unexpected character" },
};

/* Wherever a step ends, a message is what it is when it is made at once. */
static void test_steps(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		for (size_t n = FRAME_STEP - 40; n <= FRAME_STEP; n++) {
			_cleanup_reader_ struct frame_reader r = { 0 };
			_cleanup_strbuf_ struct strbuf b = { 0 };
			_cleanup_json_ struct json_object *o = NULL, *plain = NULL;
			_cleanup_err_ struct err e = { 0 };
			int status;

			fill_up_to(&b, n, ends[i].text);
			assert_int_equal(frame_feed(&r, b.data, b.length), 0);
			status = frame_next(&r, &o, &e);
			assert_row(ends[i].text, status == (ends[i].reason ? -EBADMSG : 1));
			assert_int_equal(frame_pending(&r), 0);
			if (ends[i].reason) {
				assert_text_contains(e.message, ends[i].reason);
				continue;
			}
			plain = json_tokener_parse(b.data);
			assert_row(ends[i].text, json_object_equal(plain, o));
		}
	}
}

/* While it is being made bytes may come, and it may be given up. */
static void test_step_by_step(void **state _unused_)
{
	_cleanup_reader_ struct frame_reader r = { .limits = &frame_limits_request };
	_cleanup_strbuf_ struct strbuf large = { 0 };
	unsigned steps = 1;

	add_message(&large, FRAME_SIZE_MAX);
	assert_int_equal(frame_feed(&r, "{}", 3), 0);
	assert_next(&r, "{}");
	assert_true(frame_message_memory(&r) > 0 && frame_message_memory(&r) < 2048);
	assert_int_equal(frame_feed(&r, large.data, large.length), 0);
	for (int status = FRAME_GO_ON; status == FRAME_GO_ON; steps++) {
		_cleanup_json_ struct json_object *o = NULL;
		size_t before = frame_memory(&r);

		status = frame_step(&r, &o, NULL);
		assert_int_equal(status, steps < FRAME_SIZE_MAX / FRAME_STEP ? FRAME_GO_ON : 1);
		if (status == FRAME_GO_ON)
			assert_true(frame_memory(&r) > before);
		if (steps == 3)
			assert_int_equal(frame_feed(&r, "{\"b\":1}", 8), 0);
	}
	assert_true(frame_message_memory(&r) >= FRAME_SIZE_MAX);
	assert_next(&r, "{\"b\":1}");
	assert_int_equal(frame_feed(&r, large.data, large.length), 0);
	assert_int_equal(frame_step(&r, &(struct json_object *){ NULL }, NULL), FRAME_GO_ON);
	frame_reader_clear(&r);
	assert_int_equal(frame_feed(&r, "{}", 3), 0);
	assert_next(&r, "{}");
	assert_ptr_equal(r.limits, &frame_limits_request);
}

static const struct {
	const char *item;
	size_t count;
} heavy[] = {
	{ ",0", 30000 }, { ",\"\"", 30000 },    { ",{}", 250 },
	{ ",[]", 250 },  { ",{\"a\":1}", 250 }, { ",12345678", 30000 },
};

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* sanitizer/allocator_interface.h */
#define MANY 16 /* it counts what was asked for, without what the allocator adds */
#else
#define MANY 8
#endif

/* The bytes that are allocated, as far as the allocator tells. */
static size_t heap(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#endif
}

/* What is charged for a message is not less than what it takes, and not many times that. */
static void test_memory(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++) {
		_cleanup_reader_ struct frame_reader r = { .limits = &frame_limits_request };
		_cleanup_strbuf_ struct strbuf b = { 0 };
		_cleanup_json_ struct json_object *o = NULL;
		size_t before;

		strbuf_puts(&b, "{\"a\":[0");
		for (size_t n = 0; n < heavy[i].count; n++)
			strbuf_puts(&b, heavy[i].item);
		strbuf_puts(&b, "]}");
		strbuf_append(&b, "", 1);
		assert_int_equal(frame_feed(&r, b.data, b.length), 0);
		before = heap();
		assert_int_equal(frame_next(&r, &o, NULL), 1);
		assert_row(heavy[i].item, heap() - before <= frame_message_memory(&r));
		assert_row(heavy[i].item, MANY * (heap() - before) > frame_message_memory(&r));
	}
}

/* --- Sizes ----------------------------------------------------------------------------------- */

/* Feeds a stream in portions; takes what is complete after each. 0 or the first error, with how
 * many messages came before it. */
static int feed(const struct strbuf *stream, size_t portion, unsigned *messages)
{
	_cleanup_reader_ struct frame_reader r = { 0 };

	*messages = 0;
	for (size_t at = 0; at < stream->length; at += portion) {
		int status = frame_feed(&r, stream->data + at, MIN(portion, stream->length - at));

		while (status == 0) {
			_cleanup_json_ struct json_object *o = NULL;

			status = frame_next(&r, &o, NULL);
			if (status == 0)
				break;
			*messages += status == 1;
			status = status == 1 ? 0 : status;
		}
		if (status < 0)
			return status;
	}
	return 0;
}

static const struct {
	const char *name;
	size_t before; /* the size of a message before it; 0: none */
	size_t size;
	bool ended;
	int result;
	unsigned messages;
} sizes[] = {
	{ "exactly the limit", 0, FRAME_SIZE_MAX, true, 0, 1 },
	{ "exactly the limit, behind another", 20, FRAME_SIZE_MAX, true, 0, 2 },
	{ "two of the limit", FRAME_SIZE_MAX, FRAME_SIZE_MAX, true, 0, 2 },
	{ "one byte more", 0, FRAME_SIZE_MAX + 1, true, -EMSGSIZE, 0 },
	{ "one byte more, behind another", 20, FRAME_SIZE_MAX + 1, true, -EMSGSIZE, 1 },
	{ "one byte more, behind one of the limit", FRAME_SIZE_MAX, FRAME_SIZE_MAX + 1, true,
	  -EMSGSIZE, 1 },
	{ "unfinished at the limit", 0, FRAME_SIZE_MAX + 1, false, 0, 0 },
	{ "unfinished behind the limit", 0, FRAME_SIZE_MAX + 2, false, -EMSGSIZE, 0 },
	{ "unfinished behind the limit and another", 20, FRAME_SIZE_MAX + 2, false, -EMSGSIZE, 1 },
	{ "many times the limit", 20, 8 * FRAME_SIZE_MAX, true, -EMSGSIZE, 1 },
};

static void test_sizes(void **state _unused_)
{
	static const size_t portions[] = { 1000, PORTION, FRAME_SIZE_MAX, SIZE_MAX / 2 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_strbuf_ struct strbuf stream = { 0 };

		if (sizes[i].before)
			add_message(&stream, sizes[i].before);
		add_message(&stream, sizes[i].size);
		if (!sizes[i].ended)
			stream.length--;
		for (size_t p = 0; p < ARRAY_SIZE(portions); p++) {
			unsigned messages;

			assert_row(sizes[i].name,
				   feed(&stream, portions[p], &messages) == sizes[i].result);
			assert_row(sizes[i].name, messages == sizes[i].messages);
		}
	}
}

/* A message that grows behind one that has not been taken yet: a connection may hold that back, and
 * the bytes behind it are more than one message may have when their turn comes. */
static void test_growth_behind_another(void **state _unused_)
{
	_cleanup_reader_ struct frame_reader r = { 0 };
	_cleanup_strbuf_ struct strbuf endless = { 0 };
	int status = 0;

	add_message(&endless, FRAME_SIZE_MAX + PORTION);
	assert_int_equal(frame_feed(&r, "{}", 3), 0);
	assert_int_equal(frame_feed(&r, endless.data, endless.length - 1), 0);
	assert_next(&r, "{}");
	assert_next_fails(&r, -EMSGSIZE);
	for (unsigned i = 0; i < 4 && status == 0; i++)
		status = frame_feed(&r, endless.data, PORTION);
	assert_int_equal(status, -EMSGSIZE);
	assert_next_fails(&r, -EMSGSIZE);
}

static void test_append(void **state _unused_)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_strbuf_ struct strbuf b = { 0 };

	json_object_object_add(o, "path", json_object_new_string("/a b\n\xc3\xbc"));
	assert_int_equal(frame_append(&b, o), 0);
	assert_int_equal(b.length, strlen(b.data) + 1);
	assert_string_equal(b.data, "{\"path\":\"/a b\\n\xc3\xbc\"}");
	assert_int_equal(frame_append(&b, o), 0);
	assert_int_equal(b.length, 2 * (strlen(b.data) + 1));
}

static void test_append_limit(void **state _unused_)
{
	static const struct {
		size_t size;
		int result;
	} rows[] = { { FRAME_SIZE_MAX, 0 }, { FRAME_SIZE_MAX + 1, -EMSGSIZE } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_json_ struct json_object *o = json_object_new_object();
		_cleanup_strbuf_ struct strbuf b = { 0 }, filler = { 0 };

		while (filler.length < rows[i].size - strlen("{\"k\":\"\"}") - 1)
			strbuf_append(&filler, "x", 1);
		json_object_object_add(o, "k", json_object_new_string(filler.data));
		strbuf_puts(&b, "before");
		assert_int_equal(frame_append(&b, o), rows[i].result);
		assert_int_equal(b.length, 6 + (rows[i].result == 0 ? rows[i].size : 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_after_bad_message),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_step_by_step),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_growth_behind_another),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_append_limit),
	};

	return RUN_TESTS("frame", tests);
}
