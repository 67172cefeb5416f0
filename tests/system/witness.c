/* What images of tests have in them: says exactly what it was given, and ends as it is told. Needs
 * nothing but a C library, of whatever kind, so that it is in every image.
 *
 *     witness arguments ARG...   each argument with a NUL behind it
 *     witness variable NAME      a variable's value; exit code 1 without one
 *     witness place              the working directory
 *     witness ids                real and effective user and group, and all groups
 *     witness copy               standard input, to standard output
 *     witness write FILE         makes a file, and says who owns it
 *     witness exit CODE
 *     witness die SIGNAL         kills itself
 *     witness wait               says so, and waits for a signal */
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define USAGE_CODE 2
#define GROUPS_MAX 64

static int fail(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

static int say_arguments(char **arguments)
{
	for (; *arguments; arguments++)
		fwrite(*arguments, 1, strlen(*arguments) + 1, stdout);
	return 0;
}

static int say_variable(char **arguments)
{
	const char *value = getenv(arguments[0]);

	if (!value)
		return EXIT_FAILURE;
	puts(value);
	return 0;
}

static int say_place(char **arguments _unused_)
{
	_cleanup_free_ char *place = getcwd(NULL, 0);

	return place ? puts(place) < 0 : fail("getcwd");
}

static int say_ids(char **arguments _unused_)
{
	gid_t groups[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX, groups);

	printf("%u %u %u %u", (unsigned)getuid(), (unsigned)geteuid(), (unsigned)getgid(),
	       (unsigned)getegid());
	for (int i = 0; i < count; i++)
		printf(" %u", (unsigned)groups[i]);
	return puts("") < 0;
}

static int copy(char **arguments _unused_)
{
	char buffer[64 * 1024];
	size_t n;

	while ((n = fread(buffer, 1, sizeof(buffer), stdin)) > 0)
		if (fwrite(buffer, 1, n, stdout) != n)
			return fail("write");
	return ferror(stdin) ? fail("read") : 0;
}

static int write_file(char **arguments)
{
	_cleanup_file_ FILE *file = fopen(arguments[0], "we");
	struct stat st;

	if (!file || fputs("written\n", file) < 0 || fflush(file) != 0)
		return fail(arguments[0]);
	if (fstat(fileno(file), &st) < 0)
		return fail("fstat");
	printf("%u %u\n", (unsigned)st.st_uid, (unsigned)st.st_gid);
	return 0;
}

static int leave(char **arguments)
{
	return atoi(arguments[0]);
}

static int die(char **arguments)
{
	raise(atoi(arguments[0]));
	return EXIT_FAILURE;
}

static int wait_for_signal(char **arguments _unused_)
{
	puts("waiting");
	fflush(stdout);
	pause();
	return EXIT_FAILURE;
}

static const struct {
	const char *name;
	bool has_argument;
	int (*run)(char **arguments);
} commands[] = {
	{ "arguments", false, say_arguments },
	{ "variable", true, say_variable },
	{ "place", false, say_place },
	{ "ids", false, say_ids },
	{ "copy", false, copy },
	{ "write", true, write_file },
	{ "exit", true, leave },
	{ "die", true, die },
	{ "wait", false, wait_for_signal },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
		int code;

		if (strcmp(argv[1], commands[i].name) != 0 ||
		    (commands[i].has_argument && argc < 3))
			continue;
		code = commands[i].run(argv + 2);
		return fflush(stdout) == 0 ? code : fail("stdout");
	}
	fputs("witness: expected a command and what it needs; see witness.c\n", stderr);
	return USAGE_CODE;
}
