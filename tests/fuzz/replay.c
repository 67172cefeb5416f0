/* Feeds every file of a corpus to a fuzz target: replay-NAME DIRECTORY. */
#include <dirent.h>
#include <stdint.h>
#include <string.h>

#include "common/alloc.h"
#include "common/file.h"

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_file(const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *exact = NULL;
	size_t length;
	int r;

	r = file_read(path, INPUT_MAX, &text, &length, e);
	if (r < 0)
		return r;
	exact = xcalloc(length, 1); /* no NUL: a sanitizer sees a read behind the end */
	memcpy(exact, text, length);
	(void)LLVMFuzzerTestOneInput(exact, length);
	return 0;
}

/* The number of files that were fed, or -errno. */
static int replay(const char *directory, struct err *e)
{
	struct dirent **entries = NULL;
	int r = 0, n = scandir(directory, &entries, is_visible, alphasort);

	if (n < 0)
		return err_system(e, -errno, "%s", directory);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", directory, entries[i]->d_name);

		if (r == 0)
			r = replay_file(path, e);
		free(entries[i]);
	}
	free(entries);
	if (n == 0)
		return err_set(e, -ENOENT, ERR_SYSTEM, "%s: the corpus is empty", directory);
	return r < 0 ? r : n;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err e = { 0 };
	int n;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	n = replay(argv[1], &e);
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], e.message);
		return EXIT_FAILURE;
	}
	printf("%s: %d inputs replayed\n", argv[1], n);
	return EXIT_SUCCESS;
}
