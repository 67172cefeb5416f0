#include "common/home.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"

#define NAME_MAX_LENGTH 64
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* A name with anything else in it could be a path of its own. */
static bool is_one_component(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= NAME_MAX_LENGTH && name[0] != '.' &&
	       strspn(name, NAME_CHARACTERS) == length;
}

char *home_in_sandbox(const char *user, uid_t uid)
{
	if (uid == 0)
		return xstrdup("/root");
	if (is_one_component(user))
		return xasprintf("/home/%s", user);
	return xasprintf("/home/%u", (unsigned)uid);
}
