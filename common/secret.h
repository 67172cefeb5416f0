/* Which environment variables hold credentials, by their names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What carries a GitHub credential: the DIFC proxy holds the only one that is needed. */
extern const char *const secret_github_tokens[];
extern const size_t secret_github_token_count;

/* Whether a variable of this name is taken for a secret: a GitHub credential, or a name that ends
 * as those of secrets do (_TOKEN, _API_KEY, ...), in either case. */
bool secret_is_name(const char *name);
