/* The agent's gh: what it asks for, and of whom. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include "tests/unit/check.h"

#include "common/cleanup.h"
#include "containers/agent/gh-request.h"
#include "containers/agent/proxy-url.h"
#include "containers/cli-proxy/exec-request.h"

static const struct {
	const char *args[4];
	bool wants;
} inputs[] = {
	{ { NULL }, false },
	{ { "api", "x" }, false },
	{ { "api", "x", "--input", "-" }, true },
	{ { "api", "-F", "k=@-" }, true },
	{ { "api", "-Fk=@-" }, true },
	{ { "issue", "create", "--body-file=-" }, true },
	{ { "-" }, true },
	{ { "=-" }, true },
	{ { "@-" }, true },
	{ { "--" }, false },
	{ { "a-" }, false },
	{ { "-a", "b=-c" }, false },
	{ { "" }, false },
};

static const struct {
	const char *url;
	const char *text; /* NULL: refused */
} urls[] = {
	{ "http://172.30.0.50:11000", "172.30.0.50:11000" },
	{ "http://172.30.0.50:11000/", "172.30.0.50:11000" },
	{ "http://[fd00::1]:80", "[fd00::1]:80" },
	{ "", NULL },
	{ "172.30.0.50:11000", NULL },
	{ "https://172.30.0.50:11000", NULL },
	{ "HTTP://172.30.0.50:11000", NULL },
	{ "http://172.30.0.50", NULL },
	{ "http://172.30.0.50:", NULL },
	{ "http://172.30.0.50:0", NULL },
	{ "http://172.30.0.50:65536", NULL },
	{ "http://172.30.0.50:11000/x", NULL },
	{ "http://172.30.0.50:11000//", NULL },
	{ "http://u@172.30.0.50:11000", NULL },
	{ "http://cli-proxy:11000", NULL },
	{ "http://fd00::1:80", NULL },
	{ "http://[fd00::1:80", NULL },
	{ "http://[]:80", NULL },
	{ "http://:80", NULL },
	{ "http://172.30.0.50\r\nX: 1:80", NULL },
};

static void test_inputs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
		if (gh_request_wants_input((char *const *)inputs[i].args) != inputs[i].wants)
			fail_msg("row %zu", i);
}

static void test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct proxy_url url = { 0 };
		_cleanup_err_ struct err e = { 0 };
		int error = proxy_url_parse(urls[i].url, &url, &e);

		if ((error == 0) != (urls[i].text != NULL))
			fail_msg("'%s': %s", urls[i].url, e.message ? e.message : "accepted");
		if (error == 0)
			assert_string_equal(url.text, urls[i].text);
		else
			assert_string_equal(e.subject, "AWF_CLI_PROXY_URL");
	}
}

static void test_address(void **state)
{
	const struct sockaddr_in *a;
	struct proxy_url url = { 0 };

	(void)state;
	assert_int_equal(proxy_url_parse("http://172.30.0.50:11000", &url, NULL), 0);
	a = (const struct sockaddr_in *)&url.address;
	assert_int_equal(a->sin_family, AF_INET);
	assert_int_equal(ntohs(a->sin_port), 11000);
	assert_int_equal(ntohl(a->sin_addr.s_addr), 0xac1e0032);
	assert_int_equal(url.length, sizeof(*a));
}

/* What the agent's gh writes is what cli-proxy reads, whatever bytes it is made of. */
static void test_body(void **state)
{
	char *const args[] = { (char *)"api", (char *)"a\n\"\\\x01\xff\xf0\x9f\x98\x80/",
			       (char *)"", NULL };
	char *const env[] = { (char *)"GH_TOKEN=secret", (char *)"GH_REPO=o/r",
			      (char *)"NO_COLOR=", (char *)"PATH=/bin", NULL };
	_cleanup_free_ char *body = gh_request_body(args, env, true);
	_cleanup_(exec_request_freep) struct exec_request *r = NULL;

	(void)state;
	assert_null(strstr(body, "secret"));
	assert_int_equal(exec_request_parse(body, strlen(body), &r, NULL), 0);
	for (size_t i = 0; args[i]; i++)
		assert_string_equal(r->args[i], args[i]);
	assert_null(r->args[3]);
	assert_string_equal(r->env[0], "GH_REPO=o/r");
	assert_string_equal(r->env[1], "NO_COLOR=");
	assert_null(r->env[2]);
	assert_true(r->input_streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_body),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
