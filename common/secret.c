#include "common/secret.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

const char *const secret_github_tokens[] = {
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN",
	"ACTIONS_RUNTIME_TOKEN",
	"GH_ENTERPRISE_TOKEN",
	"GH_TOKEN",
	"GITHUB_ENTERPRISE_TOKEN",
	"GITHUB_MCP_SERVER_TOKEN",
	"GITHUB_PERSONAL_ACCESS_TOKEN",
	"GITHUB_TOKEN",
};
const size_t secret_github_token_count = ARRAY_SIZE(secret_github_tokens);

/* _KEY alone is not among them: SORT_KEY is none. */
static const char *const ends[] = {
	"_TOKEN",   "_API_KEY", "_APIKEY",    "_SECRET",      "_SECRET_KEY",  "_ACCESS_KEY",
	"PASSWORD", "PASSWD",   "PASSPHRASE", "_PRIVATE_KEY", "_CREDENTIALS", "_PAT",
};

/* What comes after a _ may stand alone, too. */
static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);

	if (end[0] == '_' && strcasecmp(name, end + 1) == 0)
		return true;
	return length >= n && strcasecmp(name + length - n, end) == 0;
}

bool secret_is_name(const char *name)
{
	for (size_t i = 0; i < secret_github_token_count; i++)
		if (strcasecmp(name, secret_github_tokens[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	return false;
}
