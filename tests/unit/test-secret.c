#include "common/secret.h"

#include "tests/unit/check.h"

static const struct {
	const char *name;
	bool is_secret;
} names[] = {
	{ "GITHUB_TOKEN", true },
	{ "GH_TOKEN", true },
	{ "gh_token", true },
	{ "GITHUB_PERSONAL_ACCESS_TOKEN", true },
	{ "ACTIONS_RUNTIME_TOKEN", true },
	{ "ACTIONS_ID_TOKEN_REQUEST_TOKEN", true },
	{ "OPENAI_API_KEY", true },
	{ "anthropic_api_key", true },
	{ "API_KEY", true },
	{ "TOKEN", true },
	{ "PASSWORD", true },
	{ "NPM_TOKEN", true },
	{ "AWS_SECRET_ACCESS_KEY", true },
	{ "AWS_SESSION_TOKEN", true },
	{ "AZURE_CLIENT_SECRET", true },
	{ "PGPASSWORD", true },
	{ "DB_PASSWORD", true },
	{ "SIGNING_PRIVATE_KEY", true },
	{ "COPILOT_PAT", true },
	{ "", false },
	{ "_", false },
	{ "CI", false },
	{ "GITHUB_REPOSITORY", false },
	{ "GITHUB_TOKEN_FILE", false },
	{ "TOKENS", false },
	{ "SORT_KEY", false },
	{ "KEYBOARD", false },
	{ "PATH", false },
	{ "MY_PATH", false },
	{ "TOKEN_COUNT", false },
	{ "NOTASECRET", false },
};

static void test_names(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_row(names[i].name, secret_is_name(names[i].name) == names[i].is_secret);
	for (size_t i = 0; i < secret_github_token_count; i++)
		assert_row(secret_github_tokens[i], secret_is_name(secret_github_tokens[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return RUN_TESTS("secret", tests);
}
