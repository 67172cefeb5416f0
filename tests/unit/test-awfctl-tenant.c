/* Tenants of ghe.com in addresses, URLs and answers, and what is advised about them. */
#include "awfctl/complain.h"
#include "awfctl/tenant.h"
#include "common/strv.h"
#include "tests/unit/check.h"

static void test_find(void **state)
{
	static const char *const cases[][2] = {
		{ "octo.ghe.com", "octo.ghe.com" },
		{ "https://octo.ghe.com", "octo.ghe.com" },
		{ "https://API.Octo-1.GHE.com/rate_limit", "octo-1.ghe.com" },
		{ "octo.ghe.com:18443", "octo.ghe.com" },
		{ "look at https://octo.ghe.com.", "octo.ghe.com" },
		{ "ghe.com or octo.ghe.com", "octo.ghe.com" },
		{ "x.ghe.com.example, octo.ghe.com", "octo.ghe.com" },
		{ "ghe.com", NULL },
		{ ".ghe.com", NULL },
		{ "https://github.com", NULL },
		{ "octo.ghe.community", NULL },
		{ "octo.ghe.com-x", NULL },
		{ "octo.ghe.com.evil.example", NULL },
		{ "octoghe.com", NULL },
		{ "\033[.ghe.com", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *tenant = tenant_find(cases[i][0]);

		assert_same_text(tenant, cases[i][1]);
	}
}

#define ASKED  "; is it one for octo.ghe.com, with that tenant's API address and a token of it?"
#define ITSELF "; octo.ghe.com is GitHub itself: give the address of a DIFC proxy for it"

static const struct {
	const char *address, *diagnosis, *message;
	const char *option, *own; /* GITHUB_SERVER_URL by --env, and awfctl's own */
	const char *end;
} advices[] = {
	{ "h:1", "http-status", "m", NULL, "https://octo.ghe.com", "look at its log" ASKED },
	{ "h:1", "policy-missing", "m", NULL, "https://octo.ghe.com", "with a policy" ASKED },
	{ "h:1", "http-status", "m", "https://octo.ghe.com", "https://other.ghe.com",
	  "look at its log" ASKED },
	{ "h:1", "http-status", "m", "https://github.com", "https://other.ghe.com",
	  "look at its log" },
	{ "h:1", "http-status", "status 404: see https://octo.ghe.com/x", NULL, NULL,
	  "look at its log" ASKED },
	{ "h:1", "http-status", "m", NULL, "https://github.com", "look at its log" },
	{ "h:1", "refused", "m", NULL, "https://octo.ghe.com", "is the port right?" },
	{ "octo.ghe.com:443", "tls-untrusted", "m", NULL, NULL, ITSELF },
	{ "octo.ghe.com:443", "http-status", "m", NULL, "https://octo.ghe.com", ITSELF },
};

static void test_advice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *text = NULL;
		size_t length, end = strlen(advices[i].end);

		if (advices[i].own)
			setenv("GITHUB_SERVER_URL", advices[i].own, 1);
		else
			unsetenv("GITHUB_SERVER_URL");
		if (advices[i].option)
			strv_appendf(&o.environment, "GITHUB_SERVER_URL=%s", advices[i].option);
		(void)err_difc(&e, advices[i].address, advices[i].diagnosis, "%s",
			       advices[i].message);
		text = complain_text(&o, &e);
		length = strlen(text);
		assert_true(length >= end);
		assert_string_equal(text + length - end, advices[i].end);
		options_clear(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_advice),
	};

	return RUN_TESTS("awfctl-tenant", tests);
}
