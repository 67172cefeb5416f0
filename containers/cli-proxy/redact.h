/* Secrets in what is logged: known shapes of tokens and keys, and what stands behind a name that
 * says it is one. For what an agent or gh lets slip; who wants to hide a secret can. The time grows
 * with the text, not faster. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

#define REDACTED "[redacted]"

/* A copy of text with REDACTED in place of each secret. The caller owns it. */
char *redact(const char *text) _must_check_;

/* Whether one of gh's arguments is a secret because of those before it, whatever it is. */
bool redact_is_secret(char *const *args, size_t i);
