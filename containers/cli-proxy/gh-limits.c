#include "containers/cli-proxy/gh-limits.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* What Go's runtime says when it gets no memory. */
static const struct {
	int exit_code;
	const char *words;
} last_words[] = {
	{ 2, "fatal error: runtime: out of memory" },
	{ 2, "fatal error: runtime: cannot allocate memory" },
	{ 2, "fatal error: out of memory" },
	{ 2, "fatal error: runtime: cannot map pages in arena address space" },
	{ 2, "runtime: out of memory" },
	{ 2, "runtime/cgo: pthread_create failed" }, /* no memory for its stack */
	{ 128 + SIGABRT, "runtime/cgo: out of memory" },
};

static int set_limit(int resource, uint64_t value)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return -errno;
	limit.rlim_max = MIN(limit.rlim_max, (rlim_t)value);
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

/* Soft and hard are the same, so that the end of the CPU time is SIGKILL: at SIGXCPU Go would print
 * all of its stacks. */
int gh_limits_set(const struct gh_limits *l)
{
	const struct {
		int resource;
		uint64_t value;
	} table[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_CPU, l->cpu_seconds },
		{ RLIMIT_DATA, l->memory },
		{ RLIMIT_FSIZE, l->file },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int error = set_limit(table[i].resource, table[i].value);

		if (error < 0)
			return error;
	}
	return 0;
}

static bool lacked_memory(int exit_code, const char *error_output, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(last_words); i++) {
		const char *words = last_words[i].words;

		if (last_words[i].exit_code == exit_code && length > 0 &&
		    memmem(error_output, length, words, strlen(words)))
			return true;
	}
	return false;
}

/* Whether SIGKILL came for the CPU time. What the kernel counts for the limit is sampled at its
 * ticks, what it tells at the end is exact: by some it is less, the more threads the more. */
static bool used_cpu(const struct gh_limits *l, const struct gh_end *end)
{
	return end->exit_code == 128 + SIGKILL &&
	       end->cpu_milliseconds >= l->cpu_seconds * 1000 * 3 / 4;
}

enum gh_limit gh_limits_exceeded(const struct gh_limits *l, const struct gh_end *end,
				 const char *error_output, size_t length)
{
	if (used_cpu(l, end))
		return GH_LIMIT_CPU;
	if (lacked_memory(end->exit_code, error_output, length))
		return GH_LIMIT_MEMORY;
	return GH_LIMIT_NONE;
}
