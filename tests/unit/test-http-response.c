#include "tests/unit/check.h"

#include "common/strbuf.h"
#include "containers/agent/http-response.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *text;
	int status;
	const char *body;
	bool done; /* else the connection has to end it */
} whole[] = {
	{ OK "Content-Length: 5\r\n\r\nhello", 200, "hello", true },
	{ OK "content-length:0\r\n\r\n", 200, "", true },
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", true },
	{ OK "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
	  200, "a0123456789", true },
	{ OK "\r\nto the end", 200, "to the end", false },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true },
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", 200, "x", true },
	{ "HTTP/1.1 403\r\nContent-Length: 1\r\n\r\nx", 403, "x", true },
	{ "HTTP/1.0 500 no\r\n\r\n", 500, "", false },
};

static const char *const malformed[] = {
	"HTTP/2 200 OK\r\n\r\n",
	"ICY 200 OK\r\n\r\n",
	"HTTP/1.1 20 OK\r\n\r\n",
	"HTTP/1.1 2000 OK\r\n\r\n",
	"HTTP/1.1 099 OK\r\n\r\n",
	"HTTP/1.1  200 OK\r\n\r\n",
	"\r\n\r\n",
	OK "Content-Length: -1\r\n\r\n",
	OK "Content-Length: 5x\r\n\r\n",
	OK "Content-Length: 99999999999999999999999\r\n\r\n",
	OK "Transfer-Encoding: gzip\r\n\r\n",
	OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
	OK "Transfer-Encoding: chunked\r\n\r\nx\r\n",
	OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
	OK "Transfer-Encoding: chunked\r\n\r\n1111111111111111\r\n",
	OK "Transfer-Encoding: chunked\r\n\r\n1\r\naXX\r\n",
};

static int append(const void *data, size_t length, void *userdata)
{
	strbuf_append(userdata, data, length);
	return 0;
}

/* In portions of every size. */
static void test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		size_t length = strlen(whole[i].text);

		for (size_t portion = 1; portion <= length; portion++) {
			_cleanup_(http_response_clear) struct http_response r = { 0 };
			_cleanup_strbuf_ struct strbuf body = { 0 };

			for (size_t at = 0; at < length; at += portion)
				assert_int_equal(http_response_feed(&r, whole[i].text + at,
								    MIN(portion, length - at),
								    append, &body),
						 0);
			assert_int_equal(r.status, whole[i].status);
			assert_string_equal(body.data ? body.data : "", whole[i].body);
			assert_int_equal(r.state == HTTP_RESPONSE_DONE, whole[i].done);
			assert_true(http_response_ended(&r));
		}
	}
}

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		_cleanup_(http_response_clear) struct http_response r = { 0 };
		_cleanup_strbuf_ struct strbuf body = { 0 };

		if (http_response_feed(&r, malformed[i], strlen(malformed[i]), append, &body) !=
		    -EBADMSG)
			fail_msg("'%s'", malformed[i]);
	}
}

/* What is cut off anywhere is known to be. */
static void test_cut(void **state)
{
	static const char text[] = OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";

	(void)state;
	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		_cleanup_(http_response_clear) struct http_response r = { 0 };
		_cleanup_strbuf_ struct strbuf body = { 0 };

		assert_int_equal(http_response_feed(&r, text, length, append, &body), 0);
		assert_false(http_response_ended(&r));
	}
}

static void test_headers(void **state)
{
	static const char text[] = OK "A: 1\r\nAwf-Exec-Id:\t 12ab\r\nempty:\r\n\r\nB: 2\r\n";
	_cleanup_(http_response_clear) struct http_response r = { 0 };
	_cleanup_strbuf_ struct strbuf body = { 0 };
	_cleanup_free_ char *id = NULL, *empty = NULL, *none = NULL;

	(void)state;
	assert_int_equal(http_response_feed(&r, text, strlen(text), append, &body), 0);
	id = http_response_header(&r, "awf-exec-id");
	empty = http_response_header(&r, "Empty");
	none = http_response_header(&r, "B");
	assert_string_equal(id, "12ab");
	assert_string_equal(empty, "");
	assert_null(none);
}

static void test_head_limit(void **state)
{
	_cleanup_(http_response_clear) struct http_response r = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 }, body = { 0 };

	(void)state;
	strbuf_puts(&text, OK);
	while (text.length < HTTP_RESPONSE_HEAD_LIMIT)
		strbuf_puts(&text, "A: 1\r\n");
	assert_int_equal(http_response_feed(&r, text.data, text.length, append, &body), -EMSGSIZE);
}

static int refuse(const void *data, size_t length, void *userdata)
{
	(void)data;
	(void)length;
	(void)userdata;
	return -ENOSPC;
}

static void test_stopped(void **state)
{
	static const char text[] = OK "Content-Length: 5\r\n\r\nhello";
	_cleanup_(http_response_clear) struct http_response r = { 0 };

	(void)state;
	assert_int_equal(http_response_feed(&r, text, strlen(text), refuse, NULL), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),      cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_cut),        cmocka_unit_test(test_headers),
		cmocka_unit_test(test_head_limit), cmocka_unit_test(test_stopped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
