/* What is made of gh's errors about the DIFC proxy: words of gh 2.23, and of newer ones. */
#include "containers/cli-proxy/gh-trouble.h"
#include "tests/unit/check.h"

#define URL "\"https://localhost:18443/api/v3/zen\""

static const struct {
	const char *text;
	const char *advice; /* its beginning, or NULL: none */
} cases[] = {
	{ "Get " URL ": read tcp [::1]:56112->[::1]:18443: read: connection reset by peer\n",
	  "the DIFC proxy does not answer" },
	{ "Get " URL ": dial tcp [::1]:18443: connect: connection reset by peer\n",
	  "the DIFC proxy does not answer" },
	{ "Get " URL ": dial tcp 127.0.0.1:18443: connect: connection refused\n",
	  "the DIFC proxy does not answer" },
	{ "Post \"https://localhost:18443/api/graphql\": EOF\n", "the DIFC proxy does not answer" },
	{ "Post \"https://localhost:18443/api/graphql\": unexpected EOF\n",
	  "the DIFC proxy does not answer" },
	{ "error connecting to localhost:18443\ncheck your internet connection or "
	  "https://githubstatus.com\n",
	  "the DIFC proxy does not answer" },
	{ "Get " URL ": x509: certificate signed by unknown authority\n",
	  "the DIFC proxy is not the one" },
	{ "Get " URL ": tls: failed to verify certificate: x509: certificate signed by unknown "
	  "authority\n",
	  "the DIFC proxy is not the one" },
	{ "Get " URL ": x509: certificate has expired or is not yet valid: current time\n",
	  "the DIFC proxy's certificate has expired" },
	{ "gh: proxy enforcement not configured (HTTP 503)\n",
	  "the DIFC proxy was started without" },
	{ "gh: Not Found (HTTP 404)\n", NULL },
	{ "gh: blocked by DIFC policy (HTTP 403)\n", NULL },
	{ "could not read EOF marker\n", NULL },
	{ "Get \"https://blob.example/x\": read: connection reset by peer\n", NULL },
	{ "", NULL },
};

static void check(const struct gh_trouble *t, size_t row)
{
	const char *advice = gh_trouble_advice(t), *expected = cases[row].advice;

	if (!advice != !expected || (advice && strncmp(advice, expected, strlen(expected)) != 0))
		fail_msg("%s: %s", cases[row].text, advice ? advice : "nothing");
}

/* In one piece, and byte by byte after more than is kept. */
static void test_words(void **state)
{
	char much[3 * GH_TROUBLE_TAIL];

	(void)state;
	memset(much, 'x', sizeof(much));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gh_trouble whole = { 0 }, pieces = { 0 };

		gh_trouble_take(&whole, cases[i].text, strlen(cases[i].text));
		check(&whole, i);
		gh_trouble_take(&pieces, much, sizeof(much));
		assert_int_equal(pieces.length, GH_TROUBLE_TAIL);
		for (const char *c = cases[i].text; *c; c++)
			gh_trouble_take(&pieces, c, 1);
		check(&pieces, i);
		gh_trouble_take(&pieces, much, GH_TROUBLE_TAIL); /* none of it is left */
		assert_null(gh_trouble_advice(&pieces));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
	};

	return RUN_TESTS("gh-trouble", tests);
}
