#include "awfctl/input-file.h"

#include "awfctl/options.h"
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

int input_file_read(const struct input_file *kind, const char *path, char **ret, size_t *length,
		    struct err *e)
{
	_cleanup_err_ struct err inner = { 0 };
	int r;

	if (*path == '\0')
		return refuse(kind, -ENOENT, "the path is empty", e);
	r = file_read(path, kind->max, ret, length, &inner);
	return r < 0 ? refuse(kind, r, inner.message, e) : 0;
}
