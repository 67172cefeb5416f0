/* What the proxy is told by its environment. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

struct settings {
	const char *gh;             /* AWF_GH_PATH */
	const char *ca_bundle;      /* AWF_CA_BUNDLE */
	const char *log;            /* AWF_CLI_PROXY_LOG: a file; NULL is stdout */
	const char *redirect_proxy; /* squid's URL, for redirects to artifact storage; or NULL */
	const char *repository; /* GITHUB_REPOSITORY, or NULL when it is unset or not OWNER/REPO */
	const char *temporary;  /* AWF_TMP: where the calls' private directories are made */
	uint64_t port;
	uint64_t difc_port;
	uint64_t running_limit;
	uint64_t waiting_limit;
	uint64_t wait_seconds;
	uint64_t seconds;        /* of a call that is answered at once */
	uint64_t stream_seconds; /* of a call whose output streams */
	uint64_t idle_seconds;   /* of such a call without input or output */
	uint64_t output_limit;   /* bytes of an answer that doesn't stream */
	uint64_t input_limit;    /* bytes of stdin that streams */
	uint64_t files_limit;    /* bytes of all files that running calls keep at once */
	uint64_t memory_limit;   /* bytes that all answers that do not stream hold together */
	uint64_t cpu_seconds;    /* of each gh, as the next two */
	uint64_t gh_memory;      /* bytes */
};

/* Strings are borrowed from the environment. */
int settings_load(struct settings *s, struct err *e) _must_check_;
