/* swap A B: exchanges two names as fast as it can until its standard input ends; then prints how
 * often it did. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 1000 /* between two looks at stdin */

static int stdin_has_ended(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static void exchange(const char *a, const char *b)
{
	if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
		return;
	perror("renameat2");
	exit(EXIT_FAILURE);
}

int main(int argc, char *argv[])
{
	unsigned long n = 0;

	if (argc != 3)
		return 2;
	for (; !stdin_has_ended(); n += BATCH)
		for (int i = 0; i < BATCH; i++)
			exchange(argv[1], argv[2]);
	printf("%lu\n", n);
	return EXIT_SUCCESS;
}
