#include "common/err.h"

#include <string.h>

#include "common/alloc.h"

/* Everything is copied before e is cleared: an argument may point into e. */
static void err_vset(struct err *e, const struct err *parts, const char *fmt, va_list ap)
{
	struct err made = *parts;

	if (!e)
		return;
	made.subject = xstrdup(parts->subject);
	made.value = xstrdup(parts->value);
	made.message = xvasprintf(fmt, ap);
	err_clear(e);
	*e = made;
}

/* Sets e from some of its parts and a message, whose arguments follow fmt in the function's own. */
#define ERR_SET(e, fmt, ...)                                                                       \
	do {                                                                                       \
		va_list _ap;                                                                       \
		va_start(_ap, fmt);                                                                \
		err_vset(e, &(const struct err){ __VA_ARGS__ }, fmt, _ap);                         \
		va_end(_ap);                                                                       \
	} while (0)

int err_set(struct err *e, int error, enum err_kind kind, const char *fmt, ...)
{
	ERR_SET(e, fmt, .error = error, .kind = kind);
	return error;
}

int err_invalid(struct err *e, const char *field, const char *value, const char *fmt, ...)
{
	ERR_SET(e, fmt, .error = -EINVAL, .kind = ERR_INVALID_ARGUMENT, .subject = (char *)field,
		.value = (char *)value);
	return -EINVAL;
}

int err_engine(struct err *e, int error, const char *operation, int status, const char *message)
{
	_cleanup_free_ char *subject = xstrdup(operation);

	(void)err_set(e, error, ERR_ENGINE, "%s", message);
	if (e) {
		e->subject = TAKE_PTR(subject);
		e->status = status;
	}
	return error;
}

int err_difc(struct err *e, const char *address, const char *diagnosis, const char *fmt, ...)
{
	ERR_SET(e, fmt, .error = -ECONNREFUSED, .kind = ERR_DIFC_UNREACHABLE,
		.subject = (char *)address, .value = (char *)diagnosis);
	return -ECONNREFUSED;
}

int err_system(struct err *e, int error, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	if (!e)
		return error;
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(e, error, ERR_SYSTEM, "%s: %s", what, strerror(-error));
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	_cleanup_free_ char *context = NULL;
	char *message;
	va_list ap;

	if (!e)
		return -EIO;
	va_start(ap, fmt);
	context = xvasprintf(fmt, ap);
	va_end(ap);
	message = xasprintf("%s: %s", context, e->message ? e->message : "failed");
	free(e->message);
	e->message = message;
	return e->error ? e->error : -EIO;
}

void err_copy(struct err *to, const struct err *from)
{
	if (!to || to == from)
		return;
	err_clear(to);
	*to = *from;
	to->subject = xstrdup(from->subject);
	to->value = xstrdup(from->value);
	to->message = xstrdup(from->message);
}

void err_clear(struct err *e)
{
	free(e->subject);
	free(e->value);
	free(e->message);
	*e = (struct err){ 0 };
}

char *err_text(const struct err *e)
{
	const char *message = e->message ? e->message : strerror(-e->error);

	switch (e->kind) {
	case ERR_INVALID_ARGUMENT:
	case ERR_PERMISSION_DENIED:
		if (!e->subject)
			break;
		if (!e->value)
			return xasprintf("%s: %s", e->subject, message);
		return xasprintf("%s '%s': %s", e->subject, e->value, message);
	case ERR_DIFC_UNREACHABLE:
		return xasprintf("DIFC proxy %s: %s (%s)", e->subject, message, e->value);
	case ERR_ENGINE:
		if (e->status == 0)
			return xasprintf("engine: %s: %s", e->subject, message);
		return xasprintf("engine: %s: %s (status %d)", e->subject, message, e->status);
	case ERR_QUOTA_EXCEEDED:
		return xasprintf("%s: %s", e->subject ? e->subject : "quota", message);
	case ERR_SYSTEM:
	case ERR_NOT_FOUND:
	case ERR_CANCELLED:
	case ERR_KIND_COUNT:
		break;
	}
	return xstrdup(message);
}
