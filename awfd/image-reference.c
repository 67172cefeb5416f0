#include "awfd/image-reference.h"

#include <fnmatch.h>
#include <string.h>

#include "common/alloc.h"

#define ALGORITHM       "sha256:"
#define HEX             "0123456789abcdef"
#define HEX_LENGTH      64
#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH  128
#define LOWER           "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER           "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define OWN             "docker.io/awf/"

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

/* --- Where images come from --- */

const char *image_reference_digest(const char *reference)
{
	const char *at = strchr(reference, '@');

	return at ? at + 1 : NULL;
}

/* Each begins and ends with a letter or a digit: none is `..`. */
static bool has_good_parts(const char *name)
{
	for (;; name++) {
		size_t n = strcspn(name, "/");

		if (n == 0 || !strchr(LOWER, name[0]) || !strchr(LOWER, name[n - 1]))
			return false;
		name += n;
		if (*name == '\0')
			return true;
	}
}

/* A name without tag and digest, of which the engine could not think otherwise than is thought
 * here: in lower case, in parts with something in them, a colon only before a registry's port. */
static bool is_plain_name(const char *name)
{
	const char *slash = strchrnul(name, '/'), *colon = strchrnul(name, ':');

	if (strlen(name) > NAME_MAX_LENGTH || name[strspn(name, LOWER "._-/:")] != '\0')
		return false;
	if (!has_good_parts(name))
		return false;
	if (*colon == '\0')
		return true;
	return colon < slash && colon + 1 + strspn(colon + 1, "0123456789") == slash &&
	       colon + 1 < slash;
}

/* Whether the first part of a name is a registry. */
static bool has_registry(const char *name)
{
	size_t n = strcspn(name, "/");

	return memchr(name, '.', n) || memchr(name, ':', n) ||
	       (n == strlen("localhost") && strncmp(name, "localhost", n) == 0);
}

/* The name alone. The caller owns it. */
static char *name_of(const char *reference)
{
	const char *end = strchr(reference, '@');

	return xstrndup(reference, (size_t)((end ? end : find_tag(reference)) - reference));
}

bool image_reference_is_pullable(const char *reference)
{
	const char *digest = image_reference_digest(reference), *tag = find_tag(reference);
	_cleanup_free_ char *name = name_of(reference);

	if (is_id(reference) || !is_plain_name(name) || (has_registry(name) && !strchr(name, '/')))
		return false;
	if (digest)
		return strncmp(digest, ALGORITHM, strlen(ALGORITHM)) == 0 && is_id(digest);
	return *tag == ':' && tag[1] != '\0' && !strchr(".-", tag[1]) &&
	       strlen(tag + 1) <= TAG_MAX_LENGTH &&
	       tag[1 + strspn(tag + 1, LOWER UPPER "._-")] == '\0';
}

/* With the registry that docker asks when none is named. The caller owns it. */
static char *full_name(const char *reference)
{
	static const char index[] = "index.docker.io/", hub[] = "docker.io/";
	_cleanup_free_ char *name = name_of(reference);
	const char *rest = name;

	if (strncmp(name, index, strlen(index)) == 0)
		rest = name + strlen(index);
	else if (strncmp(name, hub, strlen(hub)) == 0)
		rest = name + strlen(hub);
	else if (has_registry(name))
		return TAKE_PTR(name);
	return xasprintf("docker.io/%s%s", strchr(rest, '/') ? "" : "library/", rest);
}

/* docker.io/awf/x is the engine's awf/x, too. */
bool image_reference_is_own(const char *reference)
{
	_cleanup_free_ char *name = full_name(reference);

	return strncmp(name, OWN, strlen(OWN)) == 0;
}

bool image_reference_is_origin(const char *word)
{
	return is_plain_name(word) && has_registry(word);
}

bool image_reference_comes_from(const char *word, const char *reference)
{
	_cleanup_free_ char *name = full_name(reference);
	size_t n = strlen(word);

	return image_reference_is_pullable(reference) && strncmp(name, word, n) == 0 &&
	       (name[n] == '/' || name[n] == '\0');
}
