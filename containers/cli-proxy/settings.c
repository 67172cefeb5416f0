#include "containers/cli-proxy/settings.h"

#include <stddef.h>

#include "common/log.h"
#include "common/parse.h"
#include "containers/cli-proxy/gh-rules.h"

#define MIB (UINT64_C(1024) * 1024)
#define GIB (1024 * MIB)

static const struct {
	const char *name;
	size_t offset;
	uint64_t fallback, min, max;
} numbers[] = {
	{ "AWF_CLI_PROXY_PORT", offsetof(struct settings, port), 11000, 1, 65535 },
	{ "AWF_DIFC_PORT", offsetof(struct settings, difc_port), 18443, 1, 65535 },
	{ "AWF_RUNNING_LIMIT", offsetof(struct settings, running_limit), 4, 1, 64 },
	{ "AWF_WAITING_LIMIT", offsetof(struct settings, waiting_limit), 48, 0, 1000 },
	{ "AWF_WAIT_SECONDS", offsetof(struct settings, wait_seconds), 30, 1, 86400 },
	{ "AWF_EXEC_SECONDS", offsetof(struct settings, seconds), 30, 1, 86400 },
	{ "AWF_STREAM_SECONDS", offsetof(struct settings, stream_seconds), 600, 1, 86400 },
	{ "AWF_IDLE_SECONDS", offsetof(struct settings, idle_seconds), 30, 1, 86400 },
	{ "AWF_OUTPUT_LIMIT", offsetof(struct settings, output_limit), 10 * MIB, 1, 32 * MIB },
	{ "AWF_INPUT_LIMIT", offsetof(struct settings, input_limit), 64 * MIB, 0, 64 * GIB },
	{ "AWF_FILES_LIMIT", offsetof(struct settings, files_limit), 128 * MIB, 0, 64 * GIB },
	{ "AWF_MEMORY_LIMIT", offsetof(struct settings, memory_limit), 32 * MIB, 1, GIB },
	{ "AWF_CPU_SECONDS", offsetof(struct settings, cpu_seconds), 60, 1, 86400 },
	{ "AWF_GH_MEMORY", offsetof(struct settings, gh_memory), 256 * MIB, 16 * MIB, 64 * GIB },
};

static const struct {
	const char *name;
	size_t offset;
	const char *fallback;
} strings[] = {
	{ "AWF_GH_PATH", offsetof(struct settings, gh), "/usr/bin/gh" },
	{ "AWF_CA_BUNDLE", offsetof(struct settings, ca_bundle), "/etc/awf/ca-bundle.pem" },
	{ "AWF_CLI_PROXY_LOG", offsetof(struct settings, log), NULL },
	{ "AWF_TMP", offsetof(struct settings, temporary), "/tmp" },
	{ "AWF_REDIRECT_PROXY", offsetof(struct settings, redirect_proxy), NULL },
	{ "GITHUB_REPOSITORY", offsetof(struct settings, repository), NULL },
};

/* The value of a variable; unset and empty are the same. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int load_numbers(struct settings *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t *field = (uint64_t *)((char *)s + numbers[i].offset);
		const char *text = variable(numbers[i].name);

		*field = numbers[i].fallback;
		if (text && parse_uint(text, numbers[i].min, numbers[i].max, field) < 0)
			return err_invalid(e, numbers[i].name, text,
					   "must be a number from %llu to %llu",
					   (unsigned long long)numbers[i].min,
					   (unsigned long long)numbers[i].max);
	}
	return 0;
}

static void load_strings(struct settings *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const char **field = (const char **)((char *)s + strings[i].offset);
		const char *text = variable(strings[i].name);

		*field = text ? text : strings[i].fallback;
	}
}

int settings_load(struct settings *s, struct err *e)
{
	load_strings(s);
	if (s->repository && !gh_rules_is_repository(s->repository)) {
		log_warning("GITHUB_REPOSITORY '%s' is not OWNER/REPO: gh is not told of it",
			    s->repository);
		s->repository = NULL;
	}
	return load_numbers(s, e);
}
