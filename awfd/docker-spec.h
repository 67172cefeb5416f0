/* From what a sandbox is to the JSON of its containers (Docker Engine API, ContainerCreate). Pure:
 * this is where the containers' confinement is decided; tested with golden files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "awfd/cli-proxy-limits.h"
#include "common/cleanup.h"

/* What of the host the agent has, as it was staged: what may be done with it is the stage's own. */
struct docker_mount {
	const char *source;
	const char *target;
};

/* What the containers of one sandbox are made from. All strings are borrowed. */
struct docker_spec {
	const char *id;
	uid_t uid; /* of the caller; the agent runs as it */
	gid_t gid;
	const char *pause_image;
	const char *cli_proxy_image;
	const char *agent_image;
	bool host_view;            /* which is empty: the host's programs are among the mounts */
	const char *cgroup_parent; /* or NULL */
	char *const *command;      /* the agent's argv */
	char *const *environment;  /* the agent's, complete */
	const char *workdir;       /* or NULL: the image's */
	bool tty;
	bool open_stdin;
	bool stdin_stays; /* open when a client is gone, for the next one */
	uint64_t memory_bytes;
	uint64_t pids;
	uint64_t nano_cpus;              /* 0: as many as there are */
	const char *home;                /* of the caller in the agent */
	bool difc;                       /* a DIFC proxy is wired: cli-proxy exists */
	uint16_t difc_port;              /* on cli-proxy's localhost */
	const char *cli_proxy_directory; /* on the host: its CA bundle and its names */
	const char *agent_directory;     /* on the host: its names */
	const char *gh_path;             /* of awf-gh on the host, for the agent */
	const char *github_repository;   /* or NULL */
	const struct cli_proxy_limits *cli_proxy_limits;
	bool ipv6; /* the host's kernel has it */
	const char *squid_image;
	const char *squid_directory; /* on the host: its configuration */
	const char *squid_log;       /* on the host: a file that squid appends to */
	const char *cli_proxy_log;   /* likewise */
	const char *hold_path;       /* of awf-hold on the host, when the sidecars are made before
				      * anybody asks for them: they wait for their settings; or NULL */
	const char *squid_hold_path; /* when squid alone waits, for its network */
	const char *redirect_proxy;  /* squid's URL for cli-proxy's artifact redirects, or NULL */
	char *const *volumes;        /* of the agent's image: memory takes their place; or NULL */
	const struct docker_mount *mounts; /* of the agent */
	size_t mount_count;
};

/* Files of the directories that the sidecars have: cli-proxy's, and what one that was made ahead
 * waits for, which has variables of its environment, each ended by a NUL. */
#define DOCKER_SPEC_CA_BUNDLE "ca-bundle.pem"
#define DOCKER_SPEC_AWAITED   "environment"

/* Files of the directories that squid, cli-proxy and the agent have: the names of a namespace that
 * the engine takes no part in. */
#define DOCKER_SPEC_HOSTS       "hosts"
#define DOCKER_SPEC_RESOLV_CONF "resolv.conf"

enum docker_role {
	DOCKER_ROLE_PAUSE,
	DOCKER_ROLE_SQUID,
	DOCKER_ROLE_CLI_PROXY,
	DOCKER_ROLE_AGENT,
	DOCKER_ROLE_COUNT,
};

/* "pause", "squid", "cli-proxy", "agent". */
const char *docker_role_name(enum docker_role role);

/* "awf-<id>-<role>". The caller owns it. */
char *docker_container_name(const char *id, enum docker_role role) _must_check_;

/* The body of POST /containers/create. The caller owns it. */
struct json_object *docker_spec_container(const struct docker_spec *s,
					  enum docker_role role) _must_check_;

/* What cli-proxy's environment has of the job (strv), which one that was made ahead learns
 * later. */
char **docker_spec_job_variables(const struct docker_spec *s) _must_check_;

/* What that container may use: bytes of memory, processes and threads. */
uint64_t docker_spec_memory(const struct docker_spec *s, enum docker_role role);
uint64_t docker_spec_pids(const struct docker_spec *s, enum docker_role role);
