/* Escaping of untrusted text for logs and terminals. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

/* A copy of text in which every C0 and C1 control character, DEL and every byte that is not part of
 * valid UTF-8 (RFC 3629) is written as \xNN, and a backslash as two. The caller owns it. */
char *escape_control(const char *text) _must_check_;

/* Whether text has anything that is written as \xNN. */
bool escape_is_needed(const char *text);
