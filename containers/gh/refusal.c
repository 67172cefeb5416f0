#include "containers/gh/refusal.h"

#include <stdarg.h>

#include "common/alloc.h"

int refuse(struct err *e, int status, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	(void)err_set(e, -EINVAL, ERR_PERMISSION_DENIED, "%s", text);
	if (e)
		e->status = status;
	return -EINVAL;
}
