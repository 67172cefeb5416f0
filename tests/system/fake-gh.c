/* In gh's place in the tests of the gh channel. One argument says what to do, those before it are
 * for awf-cli-proxy's rules:
 *
 *     fake-gh api VERB [FLAG...]
 *     fake-gh search issues VERB [ARGUMENT...]
 *
 * Static, so that it needs nothing of the machine it runs on. */
#include "tests/system/fake-gh.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"

#define MIB (1024 * 1024)

struct call {
	int argc;
	char **argv;          /* all of them */
	const char *argument; /* the one behind the verb, or "" */
};

static int do_arguments(const struct call *c)
{
	for (int i = 1; i < c->argc; i++)
		printf("<%s>", c->argv[i]);
	return 0;
}

static int do_say(const struct call *c)
{
	puts(c->argument);
	return 0;
}

static int do_both(const struct call *c _unused_)
{
	fputs("out", stdout);
	fputs("err", stderr);
	return 0;
}

/* Reads stdin to its end, and writes it to `to` if that is one. */
static int read_input(FILE *to)
{
	static char buffer[65536];
	size_t n;

	while ((n = fread(buffer, 1, sizeof(buffer), stdin)) > 0)
		if (to && fwrite(buffer, 1, n, to) != n)
			return 1;
	return 0;
}

static int do_cat(const struct call *c _unused_)
{
	return read_input(stdout);
}

static int do_swallow(const struct call *c _unused_)
{
	return read_input(NULL);
}

static int do_environment(const struct call *c _unused_)
{
	for (char **entry = environ; *entry; entry++)
		puts(*entry);
	return 0;
}

static int do_exit(const struct call *c)
{
	return atoi(c->argument);
}

/* Prints the file that --input names. */
static int do_copy(const struct call *c)
{
	const char *path = NULL;
	FILE *file;
	char buffer[4096];
	size_t n;

	for (int i = 3; i + 1 < c->argc; i++)
		if (strcmp(c->argv[i], "--input") == 0)
			path = c->argv[i + 1];
	file = path ? fopen(path, "re") : NULL;
	if (!file)
		return 1;
	while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		fwrite(buffer, 1, n, stdout);
	return fclose(file);
}

static int put(const char *path, mode_t mode, const char *text, off_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	return fd < 0 || write(fd, text, strlen(text)) < 0 || ftruncate(fd, size) < 0;
}

/* run download make: leaves what a download may leave, and a link if it can. */
static int do_download(const struct call *c)
{
	const char *directory = NULL;

	for (int i = 4; i + 1 < c->argc; i++)
		if (strcmp(c->argv[i], "-D") == 0)
			directory = c->argv[i + 1];
	return !directory || mkdir(directory, 0700) < 0 || chdir(directory) < 0 ||
	       mkdir("a", 0700) < 0 || mkdir("empty", 0700) < 0 ||
	       (symlink("/etc/passwd", "link") < 0 && errno != EPERM) ||
	       put("a/name", 0600, "text", 4) || put("a/run", 0700, "", 0) ||
	       put("large", 0600, "", 50000000);
}

static int do_kill(const struct call *c _unused_)
{
	return kill(getpid(), SIGKILL);
}

static int do_many(const struct call *c)
{
	static const char zeros[65536];

	for (long left = atol(c->argument); left > 0;) {
		size_t n = MIN((size_t)left, sizeof(zeros));

		if (fwrite(zeros, 1, n, stdout) != n)
			return 1;
		left -= (long)n;
	}
	return 0;
}

static int do_complain(const struct call *c)
{
	fprintf(stderr, "bad credentials %s of gh\n", c->argument);
	return 0;
}

/* What gh says when its connection ends early. */
static int do_lost(const struct call *c)
{
	fputs("Get \"https://localhost:18443/api/v3/zen\": EOF\n", stderr);
	return atoi(c->argument);
}

static int do_odd(const struct call *c _unused_)
{
	static const char bytes[] = "a\0\377\376\303\251\n\n\n";

	return fwrite(bytes, 1, sizeof(bytes) - 1, stdout) != sizeof(bytes) - 1;
}

/* Where it is and what is there; leaves something. */
static int do_reach(const struct call *c _unused_)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);
	DIR *directory = opendir(".");
	struct dirent *entry;

	if (!here || !directory)
		return 1;
	puts(here);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			puts(entry->d_name);
	closedir(directory);
	return open("left-over", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
}

static int do_ticks(const struct call *c _unused_)
{
	static const struct timespec second = { .tv_sec = 1 };

	for (int i = 1; i <= 3; i++) {
		printf("%d\n", i);
		fflush(stdout);
		nanosleep(&second, NULL);
	}
	return 0;
}

static int do_sleep(const struct call *c _unused_)
{
	while (pause() < 0)
		;
	return 0;
}

/* Its open descriptors, of the first thousand. */
static int do_descriptors(const struct call *c _unused_)
{
	for (int fd = 0; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d\n", fd);
	return 0;
}

static int do_spin(const struct call *c _unused_)
{
	volatile bool forever = true;

	while (forever)
		;
	return 0;
}

/* How many MiB of memory it gets, up to a number. */
static int do_eat(const struct call *c)
{
	int got = 0;

	for (; got < atoi(c->argument); got++) {
		char *block = malloc(MIB);

		if (!block)
			break;
		memset(block, got + 1, MIB); /* never freed */
	}
	printf("%d\n", got);
	return 0;
}

/* What a program of Go says when it gets no memory. */
static int do_starve(const struct call *c _unused_)
{
	fputs("fatal error: runtime: cannot allocate memory\n\ngoroutine 1 [running]:\n", stderr);
	return 2;
}

/* How many KiB it can write to one file, up to a number, and why not more. */
static int do_fill(const struct call *c)
{
	static const char block[1024];
	_cleanup_close_ int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int written = 0;

	while (written < atoi(c->argument) && write(fd, block, sizeof(block)) == sizeof(block))
		written++;
	printf("%d %s\n", written, written < atoi(c->argument) ? strerror(errno) : "");
	return 0;
}

static int do_attack(const struct call *c)
{
	return fake_gh_attack(c->argument, c->argc > 4 ? c->argv[4] : "");
}

static const struct {
	const char *name;
	int (*run)(const struct call *c);
} verbs[] = {
	{ "arguments", do_arguments },
	{ "attack", do_attack },
	{ "both", do_both },
	{ "cat", do_cat },
	{ "complain", do_complain },
	{ "copy", do_copy },
	{ "descriptors", do_descriptors },
	{ "download", do_download },
	{ "eat", do_eat },
	{ "environment", do_environment },
	{ "exit", do_exit },
	{ "fill", do_fill },
	{ "kill", do_kill },
	{ "lost", do_lost },
	{ "many", do_many },
	{ "odd", do_odd },
	{ "reach", do_reach },
	{ "say", do_say },
	{ "sleep", do_sleep },
	{ "spin", do_spin },
	{ "starve", do_starve },
	{ "swallow", do_swallow },
	{ "ticks", do_ticks },
};

int main(int argc, char **argv)
{
	int skipped = argc > 1 && strcmp(argv[1], "search") == 0 ? 1 : 0;
	struct call call = { argc - skipped, argv + skipped, "" };

	if (call.argc > 3)
		call.argument = call.argv[3];
	for (size_t i = 0; call.argc > 2 && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, call.argv[2]) == 0)
			return verbs[i].run(&call);
	fprintf(stderr, "fake-gh: '%s' is none of its verbs\n", call.argc > 2 ? call.argv[2] : "");
	return 2;
}
