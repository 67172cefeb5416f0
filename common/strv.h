/* NULL-terminated arrays of strings, owned by whoever holds them. A NULL array is an empty one. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"

#define _cleanup_strv_ _cleanup_(strv_freep)

size_t strv_length(char *const *v);
char **strv_copy(char *const *v) _must_check_;
void strv_append(char ***v, const char *s);
void strv_appendf(char ***v, const char *fmt, ...) _printf_(2, 3);

/* The words of a text between any of these characters; NULL when there is none. The caller owns it.
 */
char **strv_split(const char *text, const char *separators) _must_check_;
void strv_free(char **v);

/* For arrays of KEY=value: the value of key, or NULL. Borrowed from v. */
const char *strv_env_get(char *const *v, const char *key);

/* Removes every KEY=value of key; tells how many there were. */
size_t strv_env_unset(char **v, const char *key);

static inline void strv_freep(char ***v)
{
	strv_free(*v);
}
