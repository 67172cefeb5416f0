/* The error object: what failed, of which kind, with which value. The last argument of functions
 * whose failure reaches a user. */
#pragma once

#include "common/cleanup.h"

enum err_kind {
	ERR_SYSTEM,            /* the host refused something; message says what */
	ERR_INVALID_ARGUMENT,  /* subject: field, value: as given, message: reason */
	ERR_PERMISSION_DENIED, /* subject, value: as above, when it is about a field */
	ERR_NOT_FOUND,         /* subject: id */
	ERR_QUOTA_EXCEEDED,    /* subject: quota */
	ERR_DIFC_UNREACHABLE,  /* subject: address, value: diagnosis, message: detail */
	ERR_ENGINE,    /* subject: operation, status: HTTP status or 0, message: the engine's */
	ERR_CANCELLED, /* the work was given up because its owner went away */
	ERR_KIND_COUNT,
};

struct err {
	int error; /* negative errno; 0 when nothing failed */
	enum err_kind kind;
	int status;
	char *subject;
	char *value;
	char *message;
};

#define _cleanup_err_ _cleanup_(err_clear)

/* Each setter replaces what e held, copies its strings and returns `error`, so that callers can
 * `return err_set(...)`. e may be NULL: then only the code is returned. */
int err_set(struct err *e, int error, enum err_kind kind, const char *fmt, ...) _printf_(4, 5);
int err_invalid(struct err *e, const char *field, const char *value, const char *fmt, ...)
	_printf_(4, 5);
int err_engine(struct err *e, int error, const char *operation, int status, const char *message);
int err_difc(struct err *e, const char *address, const char *diagnosis, const char *fmt, ...)
	_printf_(4, 5);

/* ERR_SYSTEM with ": strerror" appended to the message; error is a negative errno. */
int err_system(struct err *e, int error, const char *fmt, ...) _printf_(3, 4);

/* Puts "context: " before the message; returns e->error (or -EIO when e is NULL). */
int err_wrap(struct err *e, const char *fmt, ...) _printf_(2, 3);

void err_copy(struct err *to, const struct err *from);
void err_clear(struct err *e);

/* One line for a person: message with its field, value or operation. The caller owns it. */
char *err_text(const struct err *e) _must_check_;
