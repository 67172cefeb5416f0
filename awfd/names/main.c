/* awf-names: asks the host's name services (nsswitch.conf(5)) one question. awfd runs it as an
 * unprivileged user, so that awfd itself never waits for a directory that is slow or gone.
 *
 *     awf-names uid NUMBER | user NAME | group NAME
 *
 * One line on stdout: "found ANSWER" (of a uid the name, of a name the number), "absent", or
 * "failed ERRNO" when nothing follows, because a service could not be asked. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define EXIT_USAGE 2

/* What getpwnam(3) and the like say of what is not there. */
static bool is_absent(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH;
}

/* Each prints what it finds; false, with errno, when there is nothing. */
static bool find_uid(const char *text)
{
	const struct passwd *entry;
	uint64_t uid;

	if (parse_uint(text, 0, UINT32_MAX - 1, &uid) < 0)
		return false;
	entry = getpwuid((uid_t)uid);
	if (entry)
		printf("found %s\n", entry->pw_name);
	return entry;
}

static bool find_user(const char *name)
{
	const struct passwd *entry = getpwnam(name);

	if (entry)
		printf("found %u\n", entry->pw_uid);
	return entry;
}

static bool find_group(const char *name)
{
	const struct group *entry = getgrnam(name);

	if (entry)
		printf("found %u\n", entry->gr_gid);
	return entry;
}

static const struct {
	const char *name;
	bool (*find)(const char *text);
} questions[] = {
	{ "uid", find_uid },
	{ "user", find_user },
	{ "group", find_group },
};

static int usage(void)
{
	fprintf(stderr, "usage: awf-names uid NUMBER | user NAME | group NAME\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return usage();
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		if (strcmp(questions[i].name, argv[1]) != 0)
			continue;
		errno = 0;
		if (!questions[i].find(argv[2])) {
			if (is_absent(errno))
				printf("absent\n");
			else
				printf("failed %d\n", errno);
		}
		return fflush(stdout) == 0 ? 0 : 1;
	}
	return usage();
}
