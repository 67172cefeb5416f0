/* The agent's gh: what it asks for, and of whom. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include "tests/unit/check.h"

#include "common/cleanup.h"
#include "common/strv.h"
#include "containers/agent/gh-request.h"
#include "containers/agent/proxy-url.h"
#include "containers/cli-proxy/exec-request.h"

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
	const uint64_t sizes[] = { 0, 5000000000 };
	const struct gh_request request = {
		.args = args, .env = env, .files = sizes, .file_count = 2, .input = true
	};
	_cleanup_free_ char *body = gh_request_body(&request);
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
	assert_int_equal(r->file_count, 2);
	assert_int_equal(r->files[0], 0);
	assert_int_equal(r->files[1], 5000000000);
}

/* Of the terminal gh is told only when there is one, or the user says so. */
static const struct {
	unsigned columns;
	const char *env[4];
	const char *sent[4];
} terminals[] = {
	{ 0, { "TERM=xterm", "COLORTERM=truecolor" }, { NULL } },
	{ 0, { "GH_FORCE_TTY=100%", "TERM=xterm" }, { NULL } },
	{ 0, { "GH_FORCE_TTY=60", "TERM=xterm" }, { "TERM=xterm", "GH_FORCE_TTY=60" } },
	{ 132, { "TERM=xterm", "CLICOLOR=0" }, { "CLICOLOR=0", "TERM=xterm", "GH_FORCE_TTY=132" } },
	{ 132, { "GH_FORCE_TTY=60" }, { "GH_FORCE_TTY=60" } },
	{ 9999, { NULL }, { "GH_FORCE_TTY=1000" } },
};

static void test_terminals(void **state)
{
	char *const args[] = { (char *)"api", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(terminals); i++) {
		const struct gh_request request = { .args = args,
						    .env = (char *const *)terminals[i].env,
						    .columns = terminals[i].columns };
		_cleanup_free_ char *body = gh_request_body(&request);
		_cleanup_(exec_request_freep) struct exec_request *r = NULL;

		assert_int_equal(exec_request_parse(body, strlen(body), &r, NULL), 0);
		assert_int_equal(strv_length(r->env),
				 strv_length((char *const *)terminals[i].sent));
		for (size_t n = 0; r->env[n]; n++)
			assert_string_equal(r->env[n], terminals[i].sent[n]);
		assert_int_equal(r->file_count, 0);
		assert_non_null(r->files);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_terminals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
