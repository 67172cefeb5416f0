/* The programs of the build that a test belongs to. */
#pragma once

#include <libgen.h>
#include <limits.h>

#include "common/alloc.h"

/* The path of a program beside the directory of the test programs. The caller owns it. */
static inline char *program_path(const char *name)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		abort();
	return xasprintf("%s/../%s", dirname(self), name);
}
