/* UTF-8 as RFC 3629 has it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The length of the valid UTF-8 sequence at text, or 0 when there is none. text is NUL-terminated;
 * the NUL itself counts as a sequence of one byte. */
size_t utf8_sequence(const char *text);

/* Whether all of the text is valid. */
bool utf8_is_valid(const char *text);

/* The number of characters of a valid text. */
size_t utf8_count(const char *text);

/* The length of the longest start of a valid text that has at most max bytes and cuts no sequence.
 */
size_t utf8_cut(const char *text, size_t max);
