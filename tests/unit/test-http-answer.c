#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "awfd/http-answer.h"

#define OK "HTTP/1.1 200 OK\r\n"

static void finds_the_end_of_the_head(_unused_ void **state)
{
	static const char text[] = OK "A: b\r\n\r\nbody\r\n\r\n";

	assert_int_equal(http_answer_head_length(text, strlen(text)), 25);
	assert_int_equal(http_answer_head_length(text, 25), 25);
	assert_int_equal(http_answer_head_length(text, 24), 0);
	assert_int_equal(http_answer_head_length(NULL, 0), 0);
}

static void knows_a_beginning(_unused_ void **state)
{
	assert_true(http_answer_begins("", 0));
	assert_true(http_answer_begins("HT", 2));
	assert_true(http_answer_begins("HTTP/1.1 200", 12));
	assert_false(http_answer_begins("HTTP/2 200", 10));
	assert_false(http_answer_begins("SSH-2.0", 7));
	assert_false(http_answer_begins("\0", 1));
}

static void parses_heads(_unused_ void **state)
{
	static const struct {
		const char *head;
		int result;
		struct http_answer answer;
	} cases[] = {
		{ "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n", 0, { .status = 101 } },
		{ "HTTP/1.0 404\r\n\r\n", 0, { .status = 404 } },
		{ OK "content-length:12\r\n\r\n",
		  0,
		  { .status = 200, .has_length = true, .length = 12 } },
		{ OK "CONTENT-LENGTH: \t 0\r\n\r\n", 0, { .status = 200, .has_length = true } },
		{ OK "Transfer-Encoding: Chunked\r\n\r\n", 0, { .status = 200, .chunked = true } },
		{ OK "X-Content-Length: 5\r\n\r\n", 0, { .status = 200 } },
		{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n", -EBADMSG, { 0 } },
		{ OK "Content-Length: -1\r\n\r\n", -EBADMSG, { 0 } },
		{ OK "Content-Length: 1x\r\n\r\n", -EBADMSG, { 0 } },
		{ OK "Content-Length: 99999999999999999999\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.1 99 OK\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.1 600 OK\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.1 2000 OK\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.1 abc OK\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.1\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.11 200\r\n\r\n", -EBADMSG, { 0 } },
		{ "\r\n\r\n", -EBADMSG, { 0 } },
		{ "HTTP/1.1 200 OK\r\n", -EBADMSG, { 0 } },
		{ OK "\r\nmore", -EBADMSG, { 0 } },
		{ "", -EBADMSG, { 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_answer answer = { 0 };

		if (http_answer_parse(cases[i].head, strlen(cases[i].head), &answer) !=
		    cases[i].result)
			fail_msg("%s", cases[i].head);
		assert_memory_equal(&answer, &cases[i].answer, sizeof(answer));
	}
}

static void refuses_a_nul(_unused_ void **state)
{
	static const char head[] = OK "A: \0b\r\n\r\n";
	struct http_answer answer;

	assert_int_equal(http_answer_parse(head, sizeof(head) - 1, &answer), -EBADMSG);
}

static void reads_bodies(_unused_ void **state)
{
	static const struct http_answer sized = { .has_length = true, .length = 4 };
	static const struct http_answer chunked = { .chunked = true };
	static const struct http_answer open = { 0 };
	static const struct {
		const struct http_answer *answer;
		const char *raw;
		int result;
		const char *body;
	} cases[] = {
		{ &sized, "", 0, "" },
		{ &sized, "abc", 0, "abc" },
		{ &sized, "abcd", 1, "abcd" },
		{ &sized, "abcdef", 1, "abcd" },
		{ &open, "abc", 0, "abc" },
		{ &chunked, "", 0, "" },
		{ &chunked, "3", 0, "" },
		{ &chunked, "3\r", 0, "" },
		{ &chunked, "3\r\nab", 0, "ab" },
		{ &chunked, "3\r\nabc", 0, "abc" },
		{ &chunked, "3\r\nabc\r\n", 0, "abc" },
		{ &chunked, "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n", 1, "abc0123456789" },
		{ &chunked, "0\r\n\r\n", 1, "" },
		{ &chunked, "3\r\nabcd\r\n", -EBADMSG, "abc" },
		{ &chunked, "x\r\n", -EBADMSG, "" },
		{ &chunked, "\r\n", -EBADMSG, "" },
		{ &chunked, "-1\r\n", -EBADMSG, "" },
		{ &chunked, " 1\r\n", -EBADMSG, "" },
		{ &chunked, "1g\r\n", -EBADMSG, "" },
		{ &chunked, "ffffffffffffffff\r\n", -EBADMSG, "" },
		{ &chunked, "ffffffffffffffffff\r\n", -EBADMSG, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strbuf_ struct strbuf body = { 0 };

		strbuf_puts(&body, "");
		if (http_answer_body(cases[i].answer, cases[i].raw, strlen(cases[i].raw), &body) !=
		    cases[i].result)
			fail_msg("%s", cases[i].raw);
		assert_string_equal(body.data, cases[i].body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_end_of_the_head),
		cmocka_unit_test(knows_a_beginning),
		cmocka_unit_test(parses_heads),
		cmocka_unit_test(refuses_a_nul),
		cmocka_unit_test(reads_bodies),
	};

	return cmocka_run_group_tests_name("http-answer", tests, NULL, NULL);
}
