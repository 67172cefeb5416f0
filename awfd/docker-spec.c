#include "awfd/docker-spec.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "awfd/docker-seccomp.h"
#include "awfd/host-view.h"
#include "common/alloc.h"
#include "common/strv.h"

#define MIB (UINT64_C(1) << 20)

#define SETTINGS_TARGET  "/etc/awf" /* in squid and cli-proxy */
#define CA_BUNDLE_TARGET SETTINGS_TARGET "/" DOCKER_SPEC_CA_BUNDLE
#define GH_TARGET        "/usr/local/bin/gh"

/* The host's programs are read-only: no mount point can be made among them, neither for gh nor, by
 * the engine, for its own init. */
#define HOST_VIEW_GH_TARGET HOST_VIEW_PROGRAMS "/gh"
#define HOST_VIEW_INIT      "/run/awf/init" /* in its image */

#define SQUID_CONF        "/etc/awf/squid.conf" /* in SETTINGS_TARGET */
#define SQUID_DESCRIPTORS 8192

/* Of its /tmp: there is room for as many files as have a page, and for as many that have none. */
#define CLI_PROXY_BYTES_PER_FILE 2048

/* The log of squid and of cli-proxy: bytes in all; what was read is given back. */
#define LOG_TARGET "/run/awf/access.log"
#define LOG_MAX    (UINT64_C(1) << 30)

/* What a sidecar runs that waits, and what it waits for. */
#define HOLD_TARGET  "/run/awf/hold"
#define HOLD_AWAITED SETTINGS_TARGET "/" DOCKER_SPEC_AWAITED

/* The job goes first when the host is out of memory. */
#define AGENT_OOM_SCORE_ADJ 500

typedef void (*fill_fn)(const struct docker_spec *s, struct json_object *config,
			struct json_object *host);

static void fill_pause(const struct docker_spec *s, struct json_object *config,
		       struct json_object *host);
static void fill_squid(const struct docker_spec *s, struct json_object *config,
		       struct json_object *host);
static void fill_cli_proxy(const struct docker_spec *s, struct json_object *config,
			   struct json_object *host);
static void fill_agent(const struct docker_spec *s, struct json_object *config,
		       struct json_object *host);

static const struct {
	const char *name;
	const char *ipc;
	const char *log_driver;
	fill_fn fill; /* what is only this role's */
} roles[] = {
	[DOCKER_ROLE_PAUSE] = { "pause", "none", "none", fill_pause },
	[DOCKER_ROLE_SQUID] = { "squid", "private", "local", fill_squid },
	[DOCKER_ROLE_CLI_PROXY] = { "cli-proxy", "none", "local", fill_cli_proxy },
	[DOCKER_ROLE_AGENT] = { "agent", "private", "none", fill_agent },
};

static_assert(ARRAY_SIZE(roles) == DOCKER_ROLE_COUNT, "a row for each role");

const char *docker_role_name(enum docker_role role)
{
	return roles[role].name;
}

char *docker_container_name(const char *id, enum docker_role role)
{
	return xasprintf("awf-%s-%s", id, roles[role].name);
}

/* --- Building JSON --- */

static void put(struct json_object *o, const char *key, struct json_object *value)
{
	(void)json_object_object_add(o, key, value);
}

static void put_string(struct json_object *o, const char *key, const char *value)
{
	put(o, key, json_object_new_string(value));
}

static void put_number(struct json_object *o, const char *key, uint64_t value)
{
	put(o, key, json_object_new_int64((int64_t)MIN(value, (uint64_t)INT64_MAX)));
}

static void put_true(struct json_object *o, const char *key)
{
	put(o, key, json_object_new_boolean(true));
}

static void put_strings(struct json_object *o, const char *key, char *const *values)
{
	struct json_object *array = json_object_new_array();

	for (; values && *values; values++)
		(void)json_object_array_add(array, json_object_new_string(*values));
	put(o, key, array);
}

static void put_list(struct json_object *o, const char *key, const char *value)
{
	put_strings(o, key, (char *const[]){ (char *)value, NULL });
}

/* One more bind mount, whose source must be there. */
static void put_bind(struct json_object *host, const char *source, const char *target,
		     bool writable)
{
	struct json_object *mount = json_object_new_object();
	struct json_object *array = NULL;

	if (!json_object_object_get_ex(host, "Mounts", &array)) {
		array = json_object_new_array();
		put(host, "Mounts", array);
	}
	put_string(mount, "Type", "bind");
	put_string(mount, "Source", source);
	put_string(mount, "Target", target);
	if (!writable)
		put_true(mount, "ReadOnly");
	(void)json_object_array_add(array, mount);
}

/* One more tmpfs. What is in there counts as the container's memory. */
static void put_tmpfs(struct json_object *host, const char *target, const char *options,
		      uint64_t size)
{
	_cleanup_free_ char *all = xasprintf("%s,nosuid,nodev,size=%" PRIu64, options, size);
	struct json_object *tmpfs = NULL;

	if (!json_object_object_get_ex(host, "Tmpfs", &tmpfs)) {
		tmpfs = json_object_new_object();
		put(host, "Tmpfs", tmpfs);
	}
	put_string(tmpfs, target, all);
}

/* Without a limit of their own, empty files would take memory that no size bounds: a download may
 * have a million of them. */
static void put_cli_proxy_tmp(struct json_object *host, uint64_t size)
{
	_cleanup_free_ char *mode = xasprintf("rw,noexec,mode=1777,nr_inodes=%" PRIu64,
					      size / CLI_PROXY_BYTES_PER_FILE);

	put_tmpfs(host, "/tmp", mode, size);
}

uint64_t docker_spec_memory(const struct docker_spec *s, enum docker_role role)
{
	switch (role) {
	case DOCKER_ROLE_PAUSE:
		return 16 * MIB;
	case DOCKER_ROLE_SQUID:
		return 256 * MIB;
	case DOCKER_ROLE_CLI_PROXY:
		return cli_proxy_limits_memory(s->cli_proxy_limits);
	case DOCKER_ROLE_AGENT:
		return s->memory_bytes;
	case DOCKER_ROLE_COUNT:
		break;
	}
	return 0;
}

uint64_t docker_spec_pids(const struct docker_spec *s, enum docker_role role)
{
	switch (role) {
	case DOCKER_ROLE_PAUSE:
		return 8;
	case DOCKER_ROLE_SQUID:
		return 32;
	case DOCKER_ROLE_CLI_PROXY:
		return cli_proxy_limits_pids(s->cli_proxy_limits);
	case DOCKER_ROLE_AGENT:
		return s->pids;
	case DOCKER_ROLE_COUNT:
		break;
	}
	return 0;
}

/* No swap beyond the memory, so that the limit is one. */
static void put_limits(struct json_object *host, const struct docker_spec *s, enum docker_role role)
{
	uint64_t memory = docker_spec_memory(s, role);

	put_number(host, "Memory", memory);
	put_number(host, "MemorySwap", memory);
	put_number(host, "PidsLimit", docker_spec_pids(s, role));
}

/* --- What all containers have in common --- */

/* What is made ahead has no owner yet, and labels cannot be changed: then only the agent's
 * container has his. awfd itself reads none but the sandbox's id. */
static struct json_object *labels(const struct docker_spec *s, enum docker_role role)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *uid = xasprintf("%u", (unsigned)s->uid);

	put_string(o, "awf.sandbox", s->id);
	put_string(o, "awf.role", roles[role].name);
	if (!s->hold_path)
		put_string(o, "awf.owner-uid", uid);
	return o;
}

/* A health check by the engine costs an exec each time; ours looks from outside. */
static struct json_object *no_health_check(void)
{
	struct json_object *o = json_object_new_object();

	put_list(o, "Test", "NONE");
	return o;
}

static struct json_object *log_config(enum docker_role role)
{
	struct json_object *o = json_object_new_object();
	struct json_object *config = json_object_new_object();

	put_string(o, "Type", roles[role].log_driver);
	if (strcmp(roles[role].log_driver, "local") == 0) {
		put_string(config, "max-size", "1m");
		put_string(config, "max-file", "2");
	}
	put(o, "Config", config);
	return o;
}

static struct json_object *security_options(void)
{
	_cleanup_free_ char *profile = docker_seccomp_profile();
	_cleanup_free_ char *seccomp = xasprintf("seccomp=%s", profile);
	struct json_object *options = json_object_new_array();

	json_object_array_add(options, json_object_new_string("no-new-privileges"));
	json_object_array_add(options, json_object_new_string(seccomp));
	return options;
}

static void put_ulimit(struct json_object *host, const char *name, uint64_t value)
{
	struct json_object *limit = json_object_new_object();
	struct json_object *array = NULL;

	if (!json_object_object_get_ex(host, "Ulimits", &array)) {
		array = json_object_new_array();
		put(host, "Ulimits", array);
	}
	put_string(limit, "Name", name);
	put_number(limit, "Soft", value);
	put_number(limit, "Hard", value);
	(void)json_object_array_add(array, limit);
}

static struct json_object *host_config(const struct docker_spec *s, enum docker_role role)
{
	struct json_object *host = json_object_new_object();
	struct json_object *restart = json_object_new_object();

	put_list(host, "CapDrop", "ALL");
	put(host, "SecurityOpt", security_options());
	put_true(host, "ReadonlyRootfs");
	put_string(host, "IpcMode", roles[role].ipc);
	put_string(host, "CgroupnsMode", "private");
	if (s->cgroup_parent)
		put_string(host, "CgroupParent", s->cgroup_parent);
	put(host, "LogConfig", log_config(role));
	put_string(restart, "Name", "no");
	put(host, "RestartPolicy", restart);
	put_ulimit(host, "core", 0); /* it would have what is secret in a process */
	return host;
}

/* --- Namespaces of their own: pause, squid and cli-proxy --- */

#define PAUSE     (1u << DOCKER_ROLE_PAUSE)
#define SQUID     (1u << DOCKER_ROLE_SQUID)
#define CLI_PROXY (1u << DOCKER_ROLE_CLI_PROXY)

/* IPv6 is off but for cli-proxy's loopback, where the relay listens on ::1 too, and for squid where
 * its network has it. `all` is not set there: the engine applies these in no particular order. The
 * ping range admits no group. awfd listens in pause's on the ports of the host
 * that are granted, without a right to low ones. squid listens on an address that its namespace
 * gets a little later, and its routes are the ones that awfd gives it. */
static const struct {
	unsigned roles;
	bool ipv6;
	const char *key;
	const char *value;
} sysctls[] = {
	{ PAUSE | SQUID | CLI_PROXY, false, "net.ipv4.ip_forward", "0" },
	{ PAUSE | SQUID | CLI_PROXY, false, "net.ipv4.ping_group_range", "1 0" },
	{ PAUSE, false, "net.ipv4.ip_unprivileged_port_start", "0" },
	{ SQUID, false, "net.ipv4.ip_nonlocal_bind", "1" },
	{ PAUSE | SQUID | CLI_PROXY, true, "net.ipv6.conf.all.forwarding", "0" },
	{ SQUID, true, "net.ipv6.conf.default.accept_ra", "0" },
	{ PAUSE | CLI_PROXY, true, "net.ipv6.conf.default.disable_ipv6", "1" },
	{ PAUSE, true, "net.ipv6.conf.all.disable_ipv6", "1" },
	{ CLI_PROXY, true, "net.ipv6.conf.lo.disable_ipv6", "0" },
};

static void put_sysctls(struct json_object *host, const struct docker_spec *s,
			enum docker_role role)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		if ((sysctls[i].roles & 1u << role) && (s->ipv6 || !sysctls[i].ipv6))
			put_string(o, sysctls[i].key, sysctls[i].value);
	}
	put(host, "Sysctls", o);
}

/* A network namespace of its own with loopback alone, which runc makes. For mode "none" without
 * NetworkDisabled the engine would make it, and start itself at least twice more for that. */
static void put_isolation(struct json_object *config, struct json_object *host,
			  const struct docker_spec *s, enum docker_role role)
{
	put_true(config, "NetworkDisabled");
	put_string(host, "NetworkMode", "none");
	put_sysctls(host, s, role);
}

/* Where the engine makes no network it makes no names either, not even localhost: files of that
 * directory. */
static void put_names(struct json_object *host, const char *directory)
{
	_cleanup_free_ char *hosts = xasprintf("%s/" DOCKER_SPEC_HOSTS, directory);
	_cleanup_free_ char *resolv_conf = xasprintf("%s/" DOCKER_SPEC_RESOLV_CONF, directory);

	put_bind(host, hosts, "/etc/hosts", false);
	put_bind(host, resolv_conf, "/etc/resolv.conf", false);
}

/* What a sidecar runs: at once, or, with that program, when its settings are there. */
static void put_sidecar_command(const char *hold_path, struct json_object *config,
				struct json_object *host, char *const *command)
{
	_cleanup_strv_ char **argv = NULL;

	if (hold_path) {
		put_bind(host, hold_path, HOLD_TARGET, false);
		strv_append(&argv, HOLD_TARGET);
		strv_append(&argv, HOLD_AWAITED);
	}
	for (; *command; command++)
		strv_append(&argv, *command);
	put_strings(config, "Entrypoint", argv);
}

static void fill_pause(const struct docker_spec *s, struct json_object *config,
		       struct json_object *host)
{
	put_string(config, "Image", s->pause_image);
	put_list(config, "Entrypoint", "/pause");
	put_string(config, "User", "65534:65534");
	put_string(config, "Hostname", "awf"); /* the agent's too */
	put_string(config, "StopSignal", "SIGKILL");
	put_isolation(config, host, s, DOCKER_ROLE_PAUSE);
	put_limits(host, s, DOCKER_ROLE_PAUSE);
}

/* It writes its log and nothing else: what it could fill is bounded by the size of that file. */
static void fill_squid(const struct docker_spec *s, struct json_object *config,
		       struct json_object *host)
{
	put_string(config, "Image", s->squid_image);
	put_sidecar_command(s->hold_path ? s->hold_path : s->squid_hold_path, config, host,
			    (char *const[]){ "/usr/sbin/squid", "-N", "-f", SQUID_CONF, NULL });
	put_string(config, "User", "65533:65533");
	put_string(config, "Hostname", "squid");
	put_string(config, "StopSignal", "SIGKILL");
	put_isolation(config, host, s, DOCKER_ROLE_SQUID);
	put_names(host, s->squid_directory);
	put_limits(host, s, DOCKER_ROLE_SQUID);
	put_ulimit(host, "nofile", SQUID_DESCRIPTORS);
	put_ulimit(host, "fsize", LOG_MAX);
	put_bind(host, s->squid_directory, SETTINGS_TARGET, false);
	put_bind(host, s->squid_log, LOG_TARGET, true);
}

char **docker_spec_job_variables(const struct docker_spec *s)
{
	char **list = NULL;

	strv_appendf(&list, "AWF_DIFC_PORT=%u", s->difc_port);
	if (s->github_repository)
		strv_appendf(&list, "GITHUB_REPOSITORY=%s", s->github_repository);
	return list;
}

/* It writes its log and into /tmp: what it could fill is bounded by the size of a file and of /tmp.
 * One that waits is told of the job when there is one. */
static void fill_cli_proxy(const struct docker_spec *s, struct json_object *config,
			   struct json_object *host)
{
	_cleanup_strv_ char **environment = s->hold_path ? NULL : docker_spec_job_variables(s);

	strv_append(&environment, "AWF_CA_BUNDLE=" CA_BUNDLE_TARGET);
	strv_append(&environment, "AWF_CLI_PROXY_LOG=" LOG_TARGET);
	if (s->redirect_proxy)
		strv_appendf(&environment, "AWF_REDIRECT_PROXY=%s", s->redirect_proxy);
	cli_proxy_limits_environment(s->cli_proxy_limits, &environment);
	put_string(config, "Image", s->cli_proxy_image);
	put_sidecar_command(s->hold_path, config, host,
			    (char *const[]){ "/usr/local/bin/awf-cli-proxy", NULL });
	put_strings(config, "Env", environment);
	put_string(config, "User", "65532:65532");
	put_string(config, "Hostname", "cli-proxy");
	put_string(config, "StopSignal", "SIGKILL");
	put_isolation(config, host, s, DOCKER_ROLE_CLI_PROXY);
	put_names(host, s->cli_proxy_directory);
	put_limits(host, s, DOCKER_ROLE_CLI_PROXY);
	put_ulimit(host, "nofile", cli_proxy_limits_descriptors(s->cli_proxy_limits));
	put_cli_proxy_tmp(host, cli_proxy_limits_tmp_size(s->cli_proxy_limits));
	put_ulimit(host, "fsize", MAX(LOG_MAX, s->cli_proxy_limits->files_max));
	put_bind(host, s->cli_proxy_directory, SETTINGS_TARGET, false);
	put_bind(host, s->cli_proxy_log, LOG_TARGET, true);
}

/* --- The agent --- */

/* stdin ends with its one client: a lost one is end of file for the job. A terminal in the
 * background outlives those who look at it. */
static void put_stdio(struct json_object *config, const struct docker_spec *s)
{
	put_true(config, "AttachStdout");
	put_true(config, "AttachStderr");
	if (s->open_stdin) {
		put_true(config, "AttachStdin");
		put_true(config, "OpenStdin");
		if (!s->stdin_stays)
			put_true(config, "StdinOnce");
	}
	if (s->tty)
		put_true(config, "Tty");
}

/* One more that the job may write to. Jobs run what they put there. It is the job's own, because
 * runc gives it the mode of what the image has there, and not this one. */
static void put_job_tmpfs(struct json_object *host, const struct docker_spec *s, const char *target,
			  const char *mode)
{
	_cleanup_free_ char *options = xasprintf("rw,exec,mode=%s,uid=%u,gid=%u", mode,
						 (unsigned)s->uid, (unsigned)s->gid);

	put_tmpfs(host, target, options, s->memory_bytes / 2);
}

/* What the job may write to: /tmp, and a home of its own that nobody else can look into. */
static void put_scratch(struct json_object *host, const struct docker_spec *s)
{
	put_job_tmpfs(host, s, "/tmp", "1777");
	if (s->home)
		put_job_tmpfs(host, s, s->home, "0700");
}

/* Whether something of the host lies there. */
static bool is_mounted(const struct docker_spec *s, const char *target)
{
	if (s->difc && strcmp(target, GH_TARGET) == 0)
		return true;
	for (size_t i = 0; i < s->mount_count; i++)
		if (strcmp(s->mounts[i].target, target) == 0)
			return true;
	return false;
}

/* The engine would give the job a directory of its disk for each volume of the image, which no
 * limit bounds. */
static void put_volumes(struct json_object *host, const struct docker_spec *s)
{
	for (size_t i = 0; s->volumes && s->volumes[i]; i++)
		if (!is_mounted(s, s->volumes[i]))
			put_job_tmpfs(host, s, s->volumes[i], "0755");
}

/* The directory of the home that a mount lies in: made by runc it would be root's, and the job
 * could not write beside the mount. */
static void put_scratch_above(struct json_object *host, const struct docker_spec *s,
			      const char *target)
{
	size_t length = s->home ? strlen(s->home) : 0;
	_cleanup_free_ char *directory = NULL;
	const char *slash;

	if (!s->home || strncmp(target, s->home, length) != 0 || target[length] != '/')
		return;
	slash = strchr(target + length + 1, '/');
	if (!slash)
		return;
	directory = xstrndup(target, (size_t)(slash - target));
	put_job_tmpfs(host, s, directory, "0700");
}

/* The command's, with what is in front of it. The init of the host's view goes to the directory
 * itself: the engine would make it in the image, and with it a home that anybody can look into. */
static void put_command(struct json_object *config, const struct docker_spec *s)
{
	_cleanup_strv_ char **argv = NULL;

	if (s->host_view) {
		strv_append(&argv, HOST_VIEW_INIT);
		strv_append(&argv, s->workdir ? s->workdir : "/");
	}
	for (char *const *word = s->command; word && *word; word++)
		strv_append(&argv, *word);
	put_strings(config, "Entrypoint", argv);
	put_strings(config, "Cmd", NULL);
}

/* The command goes into Entrypoint: it is then the whole argv, and neither the image's entrypoint
 * nor its command are mixed in. */
static void fill_agent(const struct docker_spec *s, struct json_object *config,
		       struct json_object *host)
{
	_cleanup_free_ char *pause = docker_container_name(s->id, DOCKER_ROLE_PAUSE);
	_cleanup_free_ char *network = xasprintf("container:%s", pause);
	_cleanup_free_ char *user = xasprintf("%u:%u", (unsigned)s->uid, (unsigned)s->gid);

	put_string(config, "Image", s->agent_image);
	put_command(config, s);
	put_strings(config, "Env", s->environment);
	put_string(config, "User", user);
	if (s->workdir && !s->host_view)
		put_string(config, "WorkingDir", s->workdir);
	put_stdio(config, s);
	put_string(host, "NetworkMode", network);
	put_names(host, s->agent_directory);
	if (!s->host_view)
		put_true(host, "Init");
	put_limits(host, s, DOCKER_ROLE_AGENT);
	put_number(host, "OomScoreAdj", AGENT_OOM_SCORE_ADJ);
	if (s->nano_cpus > 0)
		put_number(host, "NanoCpus", s->nano_cpus);
	put_volumes(host, s);
	put_scratch(host, s);
	if (s->difc)
		put_bind(host, s->gh_path, s->host_view ? HOST_VIEW_GH_TARGET : GH_TARGET, false);
	/* Never ReadOnly: to add that, runc would mount anew, without nosuid, nodev and read-only.
	 */
	for (size_t i = 0; i < s->mount_count; i++) {
		put_bind(host, s->mounts[i].source, s->mounts[i].target, true);
		if (s->home)
			put_scratch_above(host, s, s->mounts[i].target);
	}
}

struct json_object *docker_spec_container(const struct docker_spec *s, enum docker_role role)
{
	struct json_object *config = json_object_new_object();
	struct json_object *host = host_config(s, role);

	put(config, "Labels", labels(s, role));
	put(config, "Healthcheck", no_health_check());
	roles[role].fill(s, config, host);
	put(config, "HostConfig", host);
	return config;
}
