#include "tests/unit/check.h"

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "containers/cli-proxy/exec-request.h"

static const struct {
	const char *body;
	const char *args[4];
	const char *env[3];
	const char *input; /* NULL: none */
	bool streams;
} accepted[] = {
	{ "{\"args\":[]}", { NULL }, { NULL }, NULL, false },
	{ "{\"args\":[\"api\",\"user\"]}", { "api", "user" }, { NULL }, NULL, false },
	{ " {\"args\":[\"\"]}\r\n", { "" }, { NULL }, NULL, false },
	{ "{\"args\":[\"a\\nb\",\"\\\"\",\"\\u00e9\"]}",
	  { "a\nb", "\"", "\xc3\xa9" },
	  { NULL },
	  NULL,
	  false },
	{ "{\"args\":[\"\xff\xfe\"]}", { "\xff\xfe" }, { NULL }, NULL, false },
	{ "{\"args\":[],\"cwd\":\"/w\",\"what\":{}}", { NULL }, { NULL }, NULL, false },
	{ "{\"args\":[],\"cwd\":null,\"env\":null,\"stdin\":null}",
	  { NULL },
	  { NULL },
	  NULL,
	  false },
	{ "{\"args\":[],\"env\":{\"A\":\"1\",\"B\":\"\"}}",
	  { NULL },
	  { "A=1", "B=" },
	  NULL,
	  false },
	{ "{\"args\":[],\"stdin\":\"\"}", { NULL }, { NULL }, "", false },
	{ "{\"args\":[],\"stdin\":\"aGVsbG8=\"}", { NULL }, { NULL }, "hello", false },
	{ "{\"args\":[],\"stdin\":\"aGVs\\nbG8=\\n\"}", { NULL }, { NULL }, "hello", false },
	{ "{\"args\":[],\"stdinStream\":true}", { NULL }, { NULL }, NULL, true },
	{ "{\"args\":[],\"stdinStream\":false,\"stdin\":\"aGk=\"}",
	  { NULL },
	  { NULL },
	  "hi",
	  false },
};

static const struct {
	const char *body;
	int status;
	const char *text;
} refused[] = {
	{ "", 400, "Invalid JSON body" },
	{ "{", 400, "Invalid JSON body" },
	{ "[]", 400, "Invalid JSON body" },
	{ "null", 400, "Invalid JSON body" },
	{ "\"args\"", 400, "Invalid JSON body" },
	{ "{\"args\":[]} x", 400, "Invalid JSON body" },
	{ "{\"args\":['x']}", 400, "Invalid JSON body" },
	{ "{\"args\":[],}", 400, "Invalid JSON body" },
	{ "{}", 403, "args must be an array" },
	{ "{\"args\":null}", 403, "args must be an array" },
	{ "{\"args\":\"api\"}", 403, "args must be an array" },
	{ "{\"args\":{\"0\":\"api\"}}", 403, "args must be an array" },
	{ "{\"args\":[1]}", 403, "All args must be strings" },
	{ "{\"args\":[\"api\",null]}", 403, "All args must be strings" },
	{ "{\"args\":[[\"api\"]]}", 403, "All args must be strings" },
	{ "{\"args\":[\"a\\u0000b\"]}", 403, "An argument must not contain NUL" },
	{ "{\"args\":[],\"env\":[]}", 400, "env must be an object" },
	{ "{\"args\":[],\"env\":{\"A\":1}}", 400, "All values of env must be strings" },
	{ "{\"args\":[],\"env\":{\"A\":\"\\u0000\"}}", 403, "A value of env must not contain NUL" },
	{ "{\"args\":[],\"stdin\":1}", 400, "stdin must be a base64 string" },
	{ "{\"args\":[],\"stdin\":\"a\"}", 400, "stdin is not valid base64" },
	{ "{\"args\":[],\"stdin\":\"aGk\"}", 400, "stdin is not valid base64" },
	{ "{\"args\":[],\"stdin\":\"aG-_\"}", 400, "stdin is not valid base64" },
	{ "{\"args\":[],\"stdin\":\"aGk=\\u0000\"}", 400, "stdin is not valid base64" },
	{ "{\"args\":[],\"stdinStream\":1}", 400, "stdinStream must be true or false" },
	{ "{\"args\":[],\"stdin\":\"\",\"stdinStream\":true}", 400,
	  "stdin and stdinStream exclude each other" },
};

static void assert_strv(char *const *got, const char *const *wanted)
{
	size_t i;

	for (i = 0; wanted[i]; i++)
		assert_string_equal(got[i], wanted[i]);
	assert_true(!got || !got[i]);
}

static void test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_(exec_request_freep) struct exec_request *r = NULL;
		_cleanup_err_ struct err e = { 0 };

		if (exec_request_parse(accepted[i].body, strlen(accepted[i].body), &r, &e) < 0)
			fail_msg("%s: %s", accepted[i].body, e.message);
		assert_strv(r->args, accepted[i].args);
		assert_strv(r->env, accepted[i].env);
		assert_int_equal(r->input_streams, accepted[i].streams);
		assert_int_equal(r->input != NULL, accepted[i].input != NULL);
		if (!accepted[i].input)
			continue;
		assert_int_equal(r->input_length, strlen(accepted[i].input));
		assert_memory_equal(r->input, accepted[i].input, r->input_length);
	}
}

static void assert_refused(const char *body, size_t length, int status, const char *text)
{
	struct exec_request *r = (struct exec_request *)&r;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(exec_request_parse(body, length, &r, &e), -EINVAL);
	if (e.status != status || strcmp(e.message, text) != 0)
		fail_msg("%.80s: %d %s", body, e.status, e.message);
	assert_ptr_equal(r, &r);
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_refused(refused[i].body, strlen(refused[i].body), refused[i].status,
			       refused[i].text);
}

/* A NUL between the JSON tokens is not the end of the text. */
static void test_nul_in_body(void **state)
{
	static const char body[] = "{\"args\":[]}\0{";

	(void)state;
	assert_refused(body, sizeof(body) - 1, 400, "Invalid JSON body");
}

static void repeat(struct strbuf *b, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strbuf_puts(b, text);
}

static void test_limits(void **state)
{
	_cleanup_strbuf_ struct strbuf deep = { 0 }, many = { 0 }, longest = { 0 }, nests = { 0 },
				       large = { 0 };
	_cleanup_(exec_request_freep) struct exec_request *r = NULL;

	(void)state;
	strbuf_puts(&deep, "{\"args\":[],\"x\":");
	repeat(&deep, "[", EXEC_REQUEST_DEPTH_LIMIT);
	repeat(&deep, "]", EXEC_REQUEST_DEPTH_LIMIT);
	strbuf_puts(&deep, "}");
	assert_refused(deep.data, deep.length, 400, "Invalid JSON body");

	strbuf_puts(&many, "{\"args\":[\"\"");
	repeat(&many, ",\"\"", EXEC_REQUEST_ARGS_LIMIT);
	strbuf_puts(&many, "]}");
	assert_refused(many.data, many.length, 413, "args has more than 4096 entries");

	strbuf_puts(&longest, "{\"args\":[\"");
	repeat(&longest, "x", EXEC_REQUEST_STRING_LIMIT - 1);
	strbuf_puts(&longest, "\"]}");
	assert_int_equal(exec_request_parse(longest.data, longest.length, &r, NULL), 0);
	assert_int_equal(strlen(r->args[0]), EXEC_REQUEST_STRING_LIMIT - 1);
	strbuf_clear(&longest);
	strbuf_puts(&longest, "{\"args\":[\"");
	repeat(&longest, "x", EXEC_REQUEST_STRING_LIMIT);
	strbuf_puts(&longest, "\"]}");
	assert_refused(longest.data, longest.length, 413,
		       "An argument is longer than 131071 bytes");

	/* Those in strings don't count. */
	strbuf_puts(&nests, "{\"args\":[\"\\\"");
	repeat(&nests, "{[", EXEC_REQUEST_NESTS_LIMIT);
	strbuf_puts(&nests, "\"],\"x\":[{}");
	repeat(&nests, ",{}", EXEC_REQUEST_NESTS_LIMIT - 4);
	strbuf_puts(&nests, "]}");
	exec_request_free(TAKE_PTR(r));
	assert_int_equal(exec_request_parse(nests.data, nests.length, &r, NULL), 0);
	nests.length -= 2;
	strbuf_puts(&nests, ",[]]}");
	assert_refused(nests.data, nests.length, 413,
		       "The request has more than 64 objects and arrays");

	repeat(&large, " ", EXEC_REQUEST_BODY_LIMIT + 1);
	assert_refused(large.data, large.length, 413, "The request is larger than 1048576 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul_in_body),
		cmocka_unit_test(test_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
