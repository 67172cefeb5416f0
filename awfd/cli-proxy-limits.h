/* What the calls of gh in one sandbox may take, section [Gh] of awfd.conf: how cli-proxy is told,
 * and what its container has to have for it. Pure. */
#pragma once

#include <stdint.h>

struct cli_proxy_limits {
	uint64_t running_calls;
	uint64_t waiting_calls;
	uint64_t wait_seconds;
	uint64_t timeout_seconds;        /* of a call whose answer doesn't stream */
	uint64_t stream_timeout_seconds; /* of one whose answer streams */
	uint64_t idle_seconds;           /* of such a one without input or output */
	uint64_t output_max;             /* bytes of an answer that doesn't stream */
	uint64_t input_max;
	uint64_t files_max; /* bytes of all files that running calls keep at once */
	uint64_t cpu_seconds;
	uint64_t memory_max; /* bytes of one gh */
};

/* Appends the variables that cli-proxy reads, as NAME=value. */
void cli_proxy_limits_environment(const struct cli_proxy_limits *l, char ***environment);

/* Bytes of cli-proxy's /tmp: the calls' files, and what gh keeps beside them. */
uint64_t cli_proxy_limits_tmp_size(const struct cli_proxy_limits *l);

/* Bytes of memory that cli-proxy's container may use: every gh that may run at once, what is in
 * /tmp, and the proxy itself with the requests it holds. */
uint64_t cli_proxy_limits_memory(const struct cli_proxy_limits *l);

/* Descriptors of the proxy, whose number bounds the connections that it accepts. */
uint64_t cli_proxy_limits_descriptors(const struct cli_proxy_limits *l);

/* Processes and threads of cli-proxy's container. */
uint64_t cli_proxy_limits_pids(const struct cli_proxy_limits *l);
