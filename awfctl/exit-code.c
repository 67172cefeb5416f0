#include "awfctl/exit-code.h"

#include <string.h>

#define SIGNAL_BASE   128
#define EXIT_CODE_MAX 255

/* What container runtimes say when the command itself is the problem (runc and crun). */
static const struct {
	const char *context; /* what makes it about the command, not about some other file */
	const char *reason;
	int code;
} refusals[] = {
	{ "exec: ", "executable file not found", EXIT_CODE_NOT_FOUND },
	{ "exec: ", "no such file or directory", EXIT_CODE_NOT_FOUND },
	{ "exec: ", "permission denied", EXIT_CODE_NOT_EXECUTABLE },
	{ "exec: ", "is a directory", EXIT_CODE_NOT_EXECUTABLE },
	{ "exec: ", "exec format error", EXIT_CODE_NOT_EXECUTABLE },
	{ "executable file", "not found", EXIT_CODE_NOT_FOUND },
	{ EXIT_CODE_WORKDIR, "permission denied", EXIT_CODE_NOT_EXECUTABLE },
	{ "open executable", "permission denied", EXIT_CODE_NOT_EXECUTABLE },
};

int exit_code_of_signal(int n)
{
	return SIGNAL_BASE + n;
}

int exit_code_of_wait(const struct wait_reply *reply)
{
	if (reply->exit_code < 0 || reply->exit_code > EXIT_CODE_MAX)
		return EXIT_CODE_FAILED;
	if (reply->exit_code == 0 && reply->reason)
		return EXIT_CODE_FAILED;
	return (int)reply->exit_code;
}

static int exit_code_of_engine(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (strcasestr(message, refusals[i].context) &&
		    strcasestr(message, refusals[i].reason))
			return refusals[i].code;
	return EXIT_CODE_FAILED;
}

int exit_code_of_error(const struct err *e)
{
	switch (e->kind) {
	case ERR_INVALID_ARGUMENT:
		return EXIT_CODE_USAGE;
	case ERR_ENGINE:
		return exit_code_of_engine(e->message ? e->message : "");
	case ERR_SYSTEM:
	case ERR_PERMISSION_DENIED:
	case ERR_NOT_FOUND:
	case ERR_QUOTA_EXCEEDED:
	case ERR_DIFC_UNREACHABLE:
	case ERR_CANCELLED:
	case ERR_KIND_COUNT:
		break;
	}
	return EXIT_CODE_FAILED;
}
