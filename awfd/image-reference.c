#include "awfd/image-reference.h"

#include <fnmatch.h>
#include <string.h>

#include "common/alloc.h"

#define ALGORITHM  "sha256:"
#define HEX        "0123456789abcdef"
#define HEX_LENGTH 64

static bool is_hex(const char *text)
{
	return strlen(text) == HEX_LENGTH && strspn(text, HEX) == HEX_LENGTH;
}

/* sha256:HEX, or HEX alone. */
static bool is_id(const char *text)
{
	if (strncmp(text, ALGORITHM, strlen(ALGORITHM)) == 0)
		text += strlen(ALGORITHM);
	return is_hex(text);
}

/* Where the tag's colon is, or the end; a port of a registry has a slash behind it. */
static const char *find_tag(const char *text)
{
	const char *slash = strrchr(text, '/');

	return strchrnul(slash ? slash : text, ':');
}

bool image_reference_is_host(const char *text)
{
	return strcmp(text, IMAGE_REFERENCE_HOST) == 0;
}

char *image_reference_normalize(const char *text)
{
	const char *digest = strchr(text, '@');
	_cleanup_free_ char *name = NULL;

	if (image_reference_is_host(text))
		return xstrdup(text);
	if (is_id(text))
		return xasprintf("%s%s", strchr(text, ':') ? "" : ALGORITHM, text);
	if (!digest)
		return xasprintf("%s%s", text, *find_tag(text) ? "" : ":latest");
	name = xstrndup(text, (size_t)(digest - text));
	return xasprintf("%.*s%s", (int)(find_tag(name) - name), name, digest);
}

bool image_reference_matches(const char *pattern, const char *reference)
{
	_cleanup_free_ char *normal = image_reference_normalize(pattern);
	const char *digest = strchr(reference, '@');

	if (is_id(reference) || is_id(normal) || image_reference_is_host(reference))
		return strcmp(normal, reference) == 0;
	if (digest && *normal == '@')
		return strcmp(normal, digest) == 0;
	return !strchr(normal, '@') == !digest && fnmatch(normal, reference, FNM_PATHNAME) == 0;
}
