#include "awfd/config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "awfd/difc-probe.h"
#include "awfd/domain.h"
#include "awfd/host-view.h"
#include "awfd/image-reference.h"
#include "awfd/network.h"
#include "awfd/policy.h"
#include "awfd/pool.h"
#include "awfd/resolvers.h"
#include "awfd/upstream-proxy.h"
#include "common/alloc.h"
#include "common/file.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/strv.h"

#define CONFIG_PATH     AWF_SYSCONFDIR "/awfd/awfd.conf"
#define CONFIG_SIZE_MAX (256 * 1024)
#define PREFIX_BITS     24

#define DAY_SECONDS 86400
#define KIB         (UINT64_C(1) << 10)
#define MIB         (UINT64_C(1) << 20)
#define GIB         (UINT64_C(1) << 30)

struct config_key {
	const char *section;
	const char *name;
	int (*parse)(const struct config_key *key, const char *text, struct config *c,
		     struct err *e);
	size_t offset;
	const char *initial;
	bool is_fixed;                     /* cannot change while awfd runs */
	uint64_t min, max;                 /* of numbers */
	bool (*is_word)(const char *word); /* of lists */
	const char *expected;
};

static int bad_value(const struct config_key *key, const char *text, struct err *e,
		     const char *expected)
{
	return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "%s=%s: expected %s", key->name, text,
		       expected);
}

static int parse_text(const struct config_key *key, const char *text, struct config *c,
		      struct err *e _unused_)
{
	char **to = (char **)((char *)c + key->offset);

	free(*to);
	*to = *text ? xstrdup(text) : NULL;
	return 0;
}

static int parse_required(const struct config_key *key, const char *text, struct config *c,
			  struct err *e)
{
	return *text ? parse_text(key, text, c, e) : bad_value(key, text, e, "a value");
}

static int parse_path(const struct config_key *key, const char *text, struct config *c,
		      struct err *e)
{
	return *text == '/' ? parse_text(key, text, c, e)
			    : bad_value(key, text, e, "an absolute path");
}

static int parse_optional_path(const struct config_key *key, const char *text, struct config *c,
			       struct err *e)
{
	return *text ? parse_path(key, text, c, e) : parse_text(key, text, c, e);
}

static int parse_number(const struct config_key *key, const char *text, struct config *c,
			struct err *e)
{
	uint64_t *to = (uint64_t *)((char *)c + key->offset);
	_cleanup_free_ char *expected = NULL;

	if (parse_uint(text, key->min, key->max, to) == 0)
		return 0;
	expected = xasprintf("a number from %lu to %lu", key->min, key->max);
	return bad_value(key, text, e, expected);
}

static int bad_size(const struct config_key *key, const char *text, struct err *e)
{
	_cleanup_free_ char *min = parse_format_size(key->min), *max = parse_format_size(key->max);
	_cleanup_free_ char *expected =
		xasprintf("a size such as 512M or 6G, from %s to %s", min, max);

	return bad_value(key, text, e, expected);
}

static int parse_byte_count(const struct config_key *key, const char *text, struct config *c,
			    struct err *e)
{
	uint64_t *to = (uint64_t *)((char *)c + key->offset);

	return parse_size(text, key->min, key->max, to) < 0 ? bad_size(key, text, e) : 0;
}

static int parse_level(const struct config_key *key, const char *text, struct config *c,
		       struct err *e)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0)
		return bad_value(key, text, e, "error, warning, info or debug");
	*(uint64_t *)((char *)c + key->offset) = level;
	return 0;
}

static int parse_switch(const struct config_key *key, const char *text, struct config *c,
			struct err *e)
{
	bool on;

	if (parse_boolean(text, &on) < 0)
		return bad_value(key, text, e, "yes or no");
	*(uint64_t *)((char *)c + key->offset) = on ? CONFIG_YES : CONFIG_NO;
	return 0;
}

static int parse_auto(const struct config_key *key, const char *text, struct config *c,
		      struct err *e)
{
	if (strcmp(text, "auto") != 0)
		return parse_switch(key, text, c, e);
	*(uint64_t *)((char *)c + key->offset) = CONFIG_AUTO;
	return 0;
}

/* What stands between the words of a list. */
#define SEPARATORS " \t,"

/* A list of which each word is checked. */
static int parse_list(const struct config_key *key, const char *text, struct config *c,
		      struct err *e)
{
	char ***to = (char ***)((char *)c + key->offset);

	strv_free(*to);
	*to = strv_split(text, SEPARATORS);
	for (char **word = *to; word && *word; word++)
		if (!key->is_word(*word))
			return bad_value(key, *word, e, key->expected);
	return 0;
}

/* There must be room for squids beside the engine's addresses. */
#define SUBNET_BITS_MAX  28
#define SUBNET6_BITS_MAX 124

/* "198.18.0.0/20", without bits beyond the prefix, which is no longer than that. */
static bool is_network_of(const char *text, int family, unsigned bits_max)
{
	struct network network;

	return network_parse(text, &network) == 0 && network.family == family &&
	       network.bits <= bits_max;
}

static bool is_network(const char *text)
{
	return is_network_of(text, AF_INET, 32) || is_network_of(text, AF_INET6, 128);
}

static int parse_subnet(const struct config_key *key, const char *text, struct config *c,
			struct err *e)
{
	if (!is_network_of(text, AF_INET, SUBNET_BITS_MAX))
		return bad_value(key, text, e, "an IPv4 network such as 198.18.0.0/20");
	return parse_text(key, text, c, e);
}

static int parse_subnet6(const struct config_key *key, const char *text, struct config *c,
			 struct err *e)
{
	if (!is_network_of(text, AF_INET6, SUBNET6_BITS_MAX))
		return bad_value(key, text, e, "an IPv6 network such as fd61:7766:6567::/64");
	return parse_text(key, text, c, e);
}

/* What a start would take, too. */
static bool is_resolver(const char *text)
{
	_cleanup_strv_ char **list = NULL;

	return resolvers_parse(NULL, (char *const[]){ (char *)text, NULL }, &list, NULL) == 0;
}

static bool is_redirect_host(const char *text)
{
	struct domain domain = { 0 };
	bool good = domain_parse(NULL, text, &domain, NULL) == 0;

	domain_clear(&domain);
	return good;
}

static bool is_anything(const char *text _unused_)
{
	return true;
}

static int parse_upstream(const struct config_key *key, const char *text, struct config *c,
			  struct err *e)
{
	struct upstream_proxy proxy = { 0 };
	_cleanup_err_ struct err inner = { 0 };

	if (*text && strcmp(text, "none") != 0 &&
	    upstream_proxy_parse(key->name, text, &proxy, &inner) < 0)
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "%s: %s", key->name,
			       inner.message);
	upstream_proxy_clear(&proxy);
	return parse_text(key, text, c, e);
}

static int parse_host_addresses(const struct config_key *key, const char *text, struct config *c,
				struct err *e)
{
	if (host_addresses_parse(text, &c->host_addresses) < 0)
		return bad_value(key, text, e,
				 "up to 6 addresses of this host such as 172.17.0.1, none of "
				 "loopback, link-local or multicast");
	return parse_text(key, text, c, e);
}

static int parse_prefix(const struct config_key *key, const char *text, struct config *c,
			struct err *e)
{
	_cleanup_free_ char *address = xstrdup(text);
	char *slash = strchr(address, '/');
	uint64_t bits;
	struct in_addr network;

	if (slash)
		*slash++ = '\0';
	if (!slash || parse_uint(slash, PREFIX_BITS, PREFIX_BITS, &bits) < 0 ||
	    inet_pton(AF_INET, address, &network) != 1 || (ntohl(network.s_addr) & 0xff) != 0)
		return bad_value(key, text, e, "an IPv4 network such as 172.30.0.0/24");
	c->network = network;
	return parse_text(key, text, c, e);
}

#define KEY(s, n, p, member, i, low, high)                                                         \
	{                                                                                          \
		.section = (s), .name = (n), .parse = (p),                                         \
		.offset = offsetof(struct config, member), .initial = (i), .min = (low),           \
		.max = (high)                                                                      \
	}

/* What sockets, directories, networks and rules were made from. */
#define FIXED(s, n, p, member, i, low, high)                                                       \
	{                                                                                          \
		.section = (s), .name = (n), .parse = (p),                                         \
		.offset = offsetof(struct config, member), .initial = (i), .min = (low),           \
		.max = (high), .is_fixed = true                                                    \
	}

#define LIST(s, n, member, i, check, what)                                                         \
	{                                                                                          \
		.section = (s), .name = (n), .parse = parse_list,                                  \
		.offset = offsetof(struct config, member), .initial = (i), .is_word = (check),     \
		.expected = (what)                                                                 \
	}

static const struct config_key keys[] = {
	FIXED("Daemon", "Socket", parse_path, socket, "/run/awfd/awfd.sock", 0, 0),
	FIXED("Daemon", "RuntimeDirectory", parse_path, runtime_directory, "/run/awfd", 0, 0),
	FIXED("Daemon", "StateDirectory", parse_path, state_directory, "/var/lib/awfd", 0, 0),
	FIXED("Daemon", "HelperDirectory", parse_path, helper_directory, AWF_LIBEXECDIR, 0, 0),
	FIXED("Daemon", "LogDirectory", parse_path, log_directory, "/var/log/awfd", 0, 0),
	KEY("Daemon", "LogLevel", parse_level, log_level, "info", 0, 0),
	KEY("Daemon", "StopJobs", parse_switch, stop_jobs, "no", 0, 0),
	KEY("Daemon", "LeaseSeconds", parse_number, lease_seconds, "10", 0, 3600),
	FIXED("Engine", "Socket", parse_path, engine_socket, "/run/docker.sock", 0, 0),
	KEY("Engine", "CgroupParent", parse_text, cgroup_parent, "", 0, 0),
	KEY("Images", "Pause", parse_required, image_pause, "awf/pause:latest", 0, 0),
	KEY("Images", "Squid", parse_required, image_squid, "awf/squid:latest", 0, 0),
	KEY("Images", "CliProxy", parse_required, image_cli_proxy, "awf/cli-proxy:latest", 0, 0),
	KEY("Images", "Agent", parse_required, image_agent, IMAGE_REFERENCE_HOST, 0, 0),
	KEY("Images", "Host", parse_required, image_host, "awf/host:latest", 0, 0),
	KEY("Images", "Archives", parse_path, image_archives, AWF_DATADIR "/images", 0, 0),
	KEY("Images", "Pulls", parse_number, pulls, "4", 1, 64),
	KEY("Images", "PullSizeMax", parse_byte_count, pull_size_max, "10G", MIB,
	    UINT64_C(1) << 50),
	KEY("Images", "PullSeconds", parse_number, pull_seconds, "900", 1, DAY_SECONDS),
	LIST("HostView", "Paths", host_view_paths, "", host_view_is_path,
	     "absolute paths without '.', '..' and '//', not in /etc, nor /home, /root or /tmp"),
	FIXED("Network", "Prefix", parse_prefix, network_prefix, "172.30.0.0/24", 0, 0),
	FIXED("Network", "TableOwner", parse_auto, table_owner, "auto", 0, 0),
	FIXED("Relay", "User", parse_required, relay_user, "awf-relay", 0, 0),
	FIXED("Relay", "HostAddresses", parse_host_addresses, host_address_text, "", 0, 0),
	FIXED("Difc", "ProbeUser", parse_required, probe_user, "awf-probe", 0, 0),
	KEY("Difc", "ProbeTimeoutMs", parse_number, probe_timeout_ms, "5000", 100, 60000),
	KEY("Difc", "WaitSeconds", parse_number, difc_wait_s, "30", 0, DIFC_PROBE_WAIT_MAX_S),
	FIXED("Difc", "SystemCABundle", parse_optional_path, ca_bundle,
	      "/etc/ssl/certs/ca-certificates.crt", 0, 0),
	LIST("Difc", "RedirectHosts", redirect_hosts, "", is_redirect_host,
	     "names such as *.blob.core.windows.net"),
	FIXED("Egress", "Subnet", parse_subnet, egress_subnet, "198.18.0.0/20", 0, 0),
	FIXED("Egress", "IPv6Subnet", parse_subnet6, egress_subnet6, "fd61:7766:6567::/64", 0, 0),
	FIXED("Egress", "IPv6", parse_auto, egress_ipv6, "auto", 0, 0),
	LIST("Egress", "DnsServers", dns_servers, "", is_resolver,
	     "addresses, none of loopback, link-local or multicast"),
	KEY("Egress", "UpstreamProxy", parse_upstream, upstream_proxy, "", 0, 0),
	LIST("Egress", "NoProxy", no_proxy, "", is_anything, "names"),
	LIST("Egress", "PrivateNetworks", private_networks, "", is_network,
	     "networks such as 10.0.0.0/8"),
	KEY("Gh", "RunningCalls", parse_number, gh.running_calls, "4", 1, 64),
	KEY("Gh", "WaitingCalls", parse_number, gh.waiting_calls, "48", 0, 1000),
	KEY("Gh", "WaitSeconds", parse_number, gh.wait_seconds, "30", 1, DAY_SECONDS),
	KEY("Gh", "TimeoutSeconds", parse_number, gh.timeout_seconds, "30", 1, DAY_SECONDS),
	KEY("Gh", "StreamTimeoutSeconds", parse_number, gh.stream_timeout_seconds, "600", 1,
	    DAY_SECONDS),
	KEY("Gh", "IdleSeconds", parse_number, gh.idle_seconds, "30", 1, DAY_SECONDS),
	KEY("Gh", "OutputMax", parse_byte_count, gh.output_max, "10M", KIB, 32 * MIB),
	KEY("Gh", "InputMax", parse_byte_count, gh.input_max, "64M", 0, 64 * GIB),
	KEY("Gh", "FilesMax", parse_byte_count, gh.files_max, "128M", MIB, 64 * GIB),
	KEY("Gh", "CpuSeconds", parse_number, gh.cpu_seconds, "60", 1, DAY_SECONDS),
	KEY("Gh", "GhMemoryMax", parse_byte_count, gh.memory_max, "256M", 128 * MIB, 64 * GIB),
	KEY("Agent", "Memory", parse_byte_count, memory_bytes, "6G", 16 * MIB, UINT64_C(1) << 50),
	KEY("Agent", "Pids", parse_number, pids, "1000", 1, 4194304),
	KEY("Pool", "Size", parse_number, pool_size, "0", 0, POOL_SIZE_MAX),
	LIST("Pool", "Kinds", pool_kinds, "plain", pool_is_kind,
	     "plain, egress, difc or egress+difc"),
	FIXED("Metrics", "TextFile", parse_optional_path, metrics_file, "", 0, 0),
	KEY("Metrics", "IntervalSeconds", parse_number, metrics_interval_s, "15", 1, DAY_SECONDS),
	KEY("Quota", "Sandboxes", parse_number, quota_user.max[QUOTA_SANDBOXES], "16", 1, 100000),
	KEY("Quota", "StartsPerMinute", parse_number, quota_user.max[QUOTA_STARTS], "240", 1,
	    100000),
	KEY("Quota", "Memory", parse_byte_count, quota_user.max[QUOTA_MEMORY], "128G", 1,
	    UINT64_C(1) << 50),
	KEY("Quota", "Pids", parse_number, quota_user.max[QUOTA_PIDS], "20000", 1, 4194304),
	KEY("Quota", "Connections", parse_number, quota_user.max[QUOTA_CONNECTIONS], "128", 1,
	    100000),
	KEY("Quota", "Calls", parse_number, quota_user.max[QUOTA_CALLS], "64", 1, 100000),
	KEY("Quota", "MessageMemory", parse_byte_count, quota_user.max[QUOTA_MESSAGES], "32M", 1,
	    64 * GIB),
	KEY("Quota", "HostSandboxes", parse_number, quota_host.max[QUOTA_SANDBOXES], "64", 1,
	    100000),
	KEY("Quota", "HostStartsPerMinute", parse_number, quota_host.max[QUOTA_STARTS], "960", 1,
	    100000),
	KEY("Quota", "HostMemory", parse_byte_count, quota_host.max[QUOTA_MEMORY], "512G", 1,
	    UINT64_C(1) << 50),
	KEY("Quota", "HostPids", parse_number, quota_host.max[QUOTA_PIDS], "80000", 1, 4194304),
	KEY("Quota", "HostConnections", parse_number, quota_host.max[QUOTA_CONNECTIONS], "1024", 1,
	    100000),
	KEY("Quota", "HostCalls", parse_number, quota_host.max[QUOTA_CALLS], "512", 1, 100000),
	KEY("Quota", "HostMessageMemory", parse_byte_count, quota_host.max[QUOTA_MESSAGES], "128M",
	    1, 64 * GIB),
	KEY("Quota", "MessageSeconds", parse_number, message_seconds, "30", 1, 3600),
};

static const struct config_key *find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].section, name) == 0)
			return true;
	return false;
}

static int parse_section(char *line, char **section, struct err *e)
{
	size_t n = strlen(line);

	if (line[n - 1] != ']')
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "'%s' lacks its ']'", line);
	line[n - 1] = '\0';
	if (!is_section(line + 1) && !policy_is_section(line + 1))
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "unknown section [%s]", line + 1);
	free(*section);
	*section = xstrdup(line + 1);
	return 0;
}

/* Where a file is being read, and into what. */
struct reading {
	const char *path;
	unsigned line;
	char *section; /* NULL: none yet */
	struct config *config;
};

static int set_key(const struct reading *in, const char *name, const char *text, struct err *e)
{
	const struct policy_place place = { in->section, in->path, in->line };
	const struct config_key *key = find_key(in->section, name);

	if (policy_is_section(in->section))
		return policy_rules_set(in->config->policy, &place, name, text, e);
	if (!key)
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "unknown key '%s' in [%s]", name,
			       in->section);
	return key->parse(key, text, in->config, e);
}

static int parse_line(struct reading *in, char *line, struct err *e)
{
	char *equals;

	line = trim(line);
	if (*line == '\0' || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return parse_section(line, &in->section, e);
	equals = strchr(line, '=');
	if (!equals)
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "'%s' is no KEY=VALUE", line);
	*equals = '\0';
	if (!in->section)
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT,
			       "key '%s' stands before any [Section]", trim(line));
	return set_key(in, trim(line), trim(equals + 1), e);
}

static int parse_text_of_file(struct reading *in, char *text, struct err *e)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		int r;

		in->line++;
		r = parse_line(in, line, e);
		if (r < 0) {
			(void)err_wrap(e, "%s:%u", in->path, in->line);
			return r;
		}
	}
	return 0;
}

static int load_file(const char *path, struct config *c, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct reading in = { .path = path, .config = c };
	size_t length;
	int r;

	r = file_read(path, CONFIG_SIZE_MAX, &text, &length, e);
	if (r < 0)
		return r;
	if (strlen(text) != length)
		return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "%s: contains a NUL byte", path);
	r = parse_text_of_file(&in, text, e);
	free(in.section);
	return r;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int load_drop_ins(const char *path, struct config *c, struct err *e)
{
	_cleanup_free_ char *directory = xasprintf("%s.d", path);
	struct dirent **entries = NULL;
	int r = 0, n = scandir(directory, &entries, is_drop_in, alphasort);

	if (n < 0)
		return errno == ENOENT ? 0 : err_system(e, -errno, "%s", directory);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *file = xasprintf("%s/%s", directory, entries[i]->d_name);

		if (r == 0)
			r = load_file(file, c, e);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int load_defaults(struct config *c, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int r = keys[i].parse(&keys[i], keys[i].initial, c, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The file that was named, or the one that was installed, which may be missing. */
static int load_main_file(const char *path, struct config *c, struct err *e)
{
	if (!path && access(CONFIG_PATH, F_OK) < 0 && errno == ENOENT)
		return 0;
	return load_file(path ? path : CONFIG_PATH, c, e);
}

/* Where the proxy of programs stands that nobody configured; the first that is set counts. */
static const char *const proxy_variables[] = { "https_proxy", "HTTPS_PROXY", "http_proxy",
					       "HTTP_PROXY" };

static const char *first_variable(const char *const *names, size_t count, const char **name)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		*name = names[i];
		if (value && *value)
			return value;
	}
	return NULL;
}

/* A host whose services go through a proxy says so in awfd's environment, too. */
static int take_environment(struct config *c, struct err *e)
{
	static const char *const no_proxy[] = { "no_proxy", "NO_PROXY" };
	struct upstream_proxy proxy = { 0 };
	const char *name, *value;
	int r;

	value = first_variable(proxy_variables, ARRAY_SIZE(proxy_variables), &name);
	if (c->upstream_proxy || !value)
		return 0;
	r = upstream_proxy_parse(name, value, &proxy, e);
	if (r < 0)
		return err_wrap(
			e, "environment variable %s, in place of [Egress] UpstreamProxy=", name);
	upstream_proxy_clear(&proxy);
	c->upstream_proxy = xstrdup(value);
	value = first_variable(no_proxy, ARRAY_SIZE(no_proxy), &name);
	if (value && !c->no_proxy)
		c->no_proxy = strv_split(value, SEPARATORS);
	return 0;
}

/* What everybody has anyway, he may ask for. */
static void set_policy_defaults(struct config *c)
{
	_cleanup_free_ char *memory = parse_format_size(c->memory_bytes);
	_cleanup_free_ char *pids = xasprintf("%" PRIu64, c->pids);

	policy_rules_set_default(c->policy, POLICY_IMAGES, c->image_agent);
	policy_rules_set_default(c->policy, POLICY_MEMORY_MAX, memory);
	policy_rules_set_default(c->policy, POLICY_PIDS_MAX, pids);
}

int config_load(const char *path, struct config **ret, struct err *e)
{
	_cleanup_(config_freep) struct config *c = xnew(struct config);
	int r;

	c->references = 1;
	c->path = xstrdup(path);
	c->policy = policy_rules_new();
	r = load_defaults(c, e);
	if (r == 0)
		r = load_main_file(path, c, e);
	if (r == 0)
		r = load_drop_ins(path ? path : CONFIG_PATH, c, e);
	if (r == 0)
		r = take_environment(c, e);
	if (r < 0)
		return r;
	set_policy_defaults(c);
	*ret = TAKE_PTR(c);
	return 0;
}

struct in_addr config_address(const struct config *c, unsigned host)
{
	return (struct in_addr){ .s_addr = htonl(ntohl(c->network.s_addr) + host) };
}

/* Whether the member holds a number, and owns nothing. */
static bool is_plain(const struct config_key *key)
{
	return key->parse == parse_number || key->parse == parse_byte_count ||
	       key->parse == parse_level || key->parse == parse_switch || key->parse == parse_auto;
}

static bool is_same(const struct config_key *key, const void *a, const void *b)
{
	const char *x, *y;

	if (is_plain(key))
		return *(const uint64_t *)a == *(const uint64_t *)b;
	x = *(char *const *)a;
	y = *(char *const *)b;
	return x && y ? strcmp(x, y) == 0 : x == y;
}

/* The member as it is in `from`. */
static void keep_member(const struct config_key *key, const struct config *from, struct config *to)
{
	const void *a = (const char *)from + key->offset;
	void *b = (char *)to + key->offset;

	if (is_plain(key)) {
		*(uint64_t *)b = *(const uint64_t *)a;
	} else {
		free(*(char **)b);
		*(char **)b = xstrdup(*(char *const *)a);
	}
}

struct config *config_succeed(struct config *old, struct config *next, char ***kept)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct config_key *key = &keys[i];

		if (!key->is_fixed ||
		    is_same(key, (char *)old + key->offset, (char *)next + key->offset))
			continue;
		strv_appendf(kept, "[%s] %s=", key->section, key->name);
		keep_member(key, old, next);
	}
	next->network = old->network;
	next->host_addresses = old->host_addresses;
	return next;
}

struct config *config_ref(struct config *c)
{
	c->references++;
	return c;
}

void config_free(struct config *c)
{
	if (!c || --c->references > 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		void *member = (char *)c + keys[i].offset;

		if (keys[i].parse == parse_list)
			strv_free(*(char ***)member);
		else if (!is_plain(&keys[i]))
			free(*(char **)member);
	}
	policy_rules_free(c->policy);
	free(c->path);
	free(c);
}
