#include "awfctl/tenant.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/ascii.h"

#define DOMAIN ".ghe.com"

/* Lower-case letters are all that there are. */
static bool is_label_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Whether a name ends here; a dot may end a sentence. */
static bool is_end_of_name(const char *text)
{
	if (*text == '.')
		text++;
	return !is_label_character(*text);
}

char *tenant_find(const char *text)
{
	_cleanup_free_ char *lower = xstrdup(text);
	const char *domain = lower;

	if (!lower)
		return NULL;
	ascii_lower(lower);
	for (; (domain = strstr(domain, DOMAIN)); domain++) {
		const char *end = domain + strlen(DOMAIN), *name = domain;

		while (name > lower && is_label_character(name[-1]))
			name--;
		if (name < domain && is_end_of_name(end))
			return xstrndup(name, (size_t)(end - name));
	}
	return NULL;
}
