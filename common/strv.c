#include "common/strv.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"

size_t strv_length(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void strv_push(char ***v, char *owned)
{
	size_t n = strv_length(*v);

	*v = xrealloc(*v, n + 2, sizeof(char *));
	(*v)[n] = owned;
	(*v)[n + 1] = NULL;
}

char **strv_copy(char *const *v)
{
	size_t n = strv_length(v);
	char **copy = xcalloc(n + 1, sizeof(char *));

	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(v[i]);
	return copy;
}

void strv_append(char ***v, const char *s)
{
	strv_push(v, xstrdup(s));
}

void strv_appendf(char ***v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_push(v, xvasprintf(fmt, ap));
	va_end(ap);
}

char **strv_split(const char *text, const char *separators)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *word, **words = NULL;

	while ((word = strsep(&rest, separators)))
		if (*word)
			strv_append(&words, word);
	return words;
}

void strv_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

static bool env_has_key(const char *entry, const char *key)
{
	size_t n = strlen(key);

	return strncmp(entry, key, n) == 0 && entry[n] == '=';
}

const char *strv_env_get(char *const *v, const char *key)
{
	for (size_t i = 0; v && v[i]; i++)
		if (env_has_key(v[i], key))
			return v[i] + strlen(key) + 1;
	return NULL;
}

size_t strv_env_unset(char **v, const char *key)
{
	size_t kept = 0, removed = 0;

	for (size_t i = 0; v && v[i]; i++) {
		if (env_has_key(v[i], key)) {
			free(v[i]);
			removed++;
		} else {
			v[kept++] = v[i];
		}
	}
	if (v)
		v[kept] = NULL;
	return removed;
}
