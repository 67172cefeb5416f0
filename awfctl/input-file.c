#include "awfctl/input-file.h"

#include <string.h>
#include <unistd.h>

#include "awfctl/options.h"
#include "common/alloc.h"
#include "common/file.h"

static const char *advice_for(const struct input_file *kind, int error)
{
	const struct {
		int error;
		const char *advice;
	} advices[] = {
		{ -ENOENT, kind->missing },
		{ -EACCES, "it is read with your rights: make it readable for you" },
		{ -EINVAL, kind->form },
		{ -EFBIG, kind->large },
	};

	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (advices[i].error == error)
			return advices[i].advice;
	return NULL;
}

static int refuse(const struct input_file *kind, int error, const char *text, struct err *e)
{
	const char *advice = advice_for(kind, error);

	if (advice)
		return usage_error(e, "--%s: %s; %s", kind->option, text, advice);
	return usage_error(e, "--%s: %s", kind->option, text);
}

/* All of it, to its end, but no more than `max` bytes. */
static int read_stdin(size_t max, char **ret, size_t *length, struct err *e)
{
	_cleanup_free_ char *text = xcalloc(max + 2, 1);
	size_t have = 0;
	ssize_t n = 1;

	while (n != 0 && have <= max) {
		n = read(STDIN_FILENO, text + have, max + 1 - have);
		if (n < 0 && errno != EINTR)
			return err_system(e, -errno, "cannot read standard input");
		have += n > 0 ? (size_t)n : 0;
	}
	if (have > max)
		return err_set(e, -EFBIG, ERR_SYSTEM, "standard input: larger than %zu bytes", max);
	*ret = TAKE_PTR(text);
	*length = have;
	return 0;
}

int input_file_read(const struct input_file *kind, const char *path, char **ret, size_t *length,
		    struct err *e)
{
	_cleanup_err_ struct err inner = { 0 };
	int r;

	if (*path == '\0')
		return refuse(kind, -ENOENT, "the path is empty", e);
	if (kind->or_stdin && strcmp(path, "-") == 0)
		r = read_stdin(kind->max, ret, length, &inner);
	else
		r = file_read(path, kind->max, ret, length, &inner);
	return r < 0 ? refuse(kind, r, inner.message, e) : 0;
}
