/* awf-hold: the first process of a sidecar that was prepared for a sandbox which is nobody's yet,
 * or of a squid that may not begin before it has its network. It waits until the file ENVIRONMENT
 * is there, and becomes PROGRAM with the variables in it, NAME=VALUE each and ended by a NUL. Until
 * then nothing listens, and nothing is configured. Static, because it runs in any sidecar's image.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { EXIT_OWN = 125, EXIT_CANNOT_RUN = 126 };

/* It holds the name of a repository, and a number. */
#define ENVIRONMENT_MAX 65536

static int fail(const char *what, const char *name)
{
	fprintf(stderr, "awf-hold: cannot %s %s: %s\n", what, name, strerror(errno));
	return EXIT_OWN;
}

/* From now on whatever is put into the file's directory is told. */
static int watch_directory_of(const char *file)
{
	char *copy = strdup(file);
	int fd = inotify_init1(IN_CLOEXEC);

	if (copy && fd >= 0 && inotify_add_watch(fd, dirname(copy), IN_MOVED_TO | IN_CREATE) < 0) {
		close(fd);
		fd = -1;
	}
	free(copy);
	return fd;
}

/* The file, opened as soon as it is there: it is whole then, because it is moved to its place. */
static int await(const char *file)
{
	char events[4096];
	int fd, watch = watch_directory_of(file);

	if (watch < 0)
		return -1;
	while ((fd = open(file, O_RDONLY | O_CLOEXEC)) < 0 && errno == ENOENT)
		if (read(watch, events, sizeof(events)) < 0 && errno != EINTR)
			break;
	close(watch);
	return fd;
}

/* Of a file that is too large nothing is taken, and neither is what lacks its NUL. */
static int take_variables(int fd)
{
	static char text[ENVIRONMENT_MAX];
	ssize_t n = 0, total = 0;

	while (total < (ssize_t)sizeof(text) &&
	       (n = read(fd, text + total, sizeof(text) - (size_t)total)) > 0)
		total += n;
	if (n < 0)
		return -1;
	if (total == sizeof(text) || (total > 0 && text[total - 1] != '\0')) {
		errno = EBADMSG;
		return -1;
	}
	for (char *p = text; p < text + total; p += strlen(p) + 1)
		if (putenv(p) != 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3) {
		fputs("usage: awf-hold ENVIRONMENT PROGRAM [ARG...]\n", stderr);
		return EXIT_OWN;
	}
	fd = await(argv[1]);
	if (fd < 0)
		return fail("wait for", argv[1]);
	if (take_variables(fd) < 0)
		return fail("take the variables of", argv[1]);
	close(fd);
	execv(argv[2], argv + 2);
	(void)fail("run", argv[2]);
	return EXIT_CANNOT_RUN;
}
