#include "awfd/cli-proxy-limits.h"

#include <inttypes.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/strv.h"

#define MIB (UINT64_C(1) << 20)

/* What gh keeps in /tmp that is no file of a call: its configuration and cache. */
#define TMP_SPARE (16 * MIB)

/* The proxy: its answers (32 MiB at most) and itself; for each call the request as it came, parsed,
 * and as it is on its way. */
#define PROXY_MEMORY (96 * MIB)
#define CALL_MEMORY  (3 * MIB)

/* A gh with GOMAXPROCS=2 has about 8 threads. */
#define PROXY_PIDS 2
#define CALL_PIDS  12

/* A call that waits has its connection; one that runs has pipes and its files, too. */
#define PROXY_DESCRIPTORS   512
#define RUNNING_DESCRIPTORS 16

static const struct {
	const char *name;
	size_t offset;
} variables[] = {
	{ "AWF_RUNNING_LIMIT", offsetof(struct cli_proxy_limits, running_calls) },
	{ "AWF_WAITING_LIMIT", offsetof(struct cli_proxy_limits, waiting_calls) },
	{ "AWF_WAIT_SECONDS", offsetof(struct cli_proxy_limits, wait_seconds) },
	{ "AWF_EXEC_SECONDS", offsetof(struct cli_proxy_limits, timeout_seconds) },
	{ "AWF_STREAM_SECONDS", offsetof(struct cli_proxy_limits, stream_timeout_seconds) },
	{ "AWF_IDLE_SECONDS", offsetof(struct cli_proxy_limits, idle_seconds) },
	{ "AWF_OUTPUT_LIMIT", offsetof(struct cli_proxy_limits, output_max) },
	{ "AWF_INPUT_LIMIT", offsetof(struct cli_proxy_limits, input_max) },
	{ "AWF_FILES_LIMIT", offsetof(struct cli_proxy_limits, files_max) },
	{ "AWF_CPU_SECONDS", offsetof(struct cli_proxy_limits, cpu_seconds) },
	{ "AWF_GH_MEMORY", offsetof(struct cli_proxy_limits, memory_max) },
};

void cli_proxy_limits_environment(const struct cli_proxy_limits *l, char ***environment)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		strv_appendf(environment, "%s=%" PRIu64, variables[i].name,
			     *(const uint64_t *)((const char *)l + variables[i].offset));
}

uint64_t cli_proxy_limits_tmp_size(const struct cli_proxy_limits *l)
{
	return l->files_max + TMP_SPARE;
}

uint64_t cli_proxy_limits_memory(const struct cli_proxy_limits *l)
{
	return PROXY_MEMORY + (l->running_calls + l->waiting_calls) * CALL_MEMORY +
	       l->running_calls * l->memory_max + cli_proxy_limits_tmp_size(l);
}

uint64_t cli_proxy_limits_descriptors(const struct cli_proxy_limits *l)
{
	return PROXY_DESCRIPTORS + l->running_calls * RUNNING_DESCRIPTORS + l->waiting_calls;
}

uint64_t cli_proxy_limits_pids(const struct cli_proxy_limits *l)
{
	return PROXY_PIDS + l->running_calls * CALL_PIDS;
}
