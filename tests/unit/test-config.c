#include "awfd/config.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/strv.h"

#include "tests/unit/check.h"

/* Writes awfd.conf, or with a name the drop-in awfd.conf.d/<name>, and returns its path. */
static char *put(const char *directory, const char *drop_in, const char *text)
{
	_cleanup_free_ char *drop_ins = xasprintf("%s/awfd.conf.d", directory);
	char *path = drop_in ? xasprintf("%s/%s", drop_ins, drop_in)
			     : xasprintf("%s/awfd.conf", directory);
	_cleanup_err_ struct err e = { 0 };

	if (drop_in && file_mkdir(drop_ins, 0755, &e) < 0)
		fail_msg("%s", e.message);
	if (file_write_atomic(path, 0644, text, strlen(text), &e) < 0)
		fail_msg("%s", e.message);
	return path;
}

static struct config *load(const char *path)
{
	_cleanup_err_ struct err e = { 0 };
	struct config *c = NULL;

	if (config_load(path, &c, &e) < 0)
		fail_msg("%s", e.message);
	assert_int_equal(e.error, 0);
	return c;
}

static struct config *load_text(const char *text)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = put(d, NULL, text);

	return load(path);
}

#define _cleanup_config_ _cleanup_(config_freep)

/* --- What is accepted ------------------------------------------------------------------------ */

static void assert_quota(const struct quota_limits *got, const struct quota_limits *expected)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		assert_int_equal(got->max[kind], expected->max[kind]);
}

static void assert_defaults(const struct config *c)
{
	assert_same_text(c->socket, "/run/awfd/awfd.sock");
	assert_same_text(c->runtime_directory, "/run/awfd");
	assert_same_text(c->state_directory, "/var/lib/awfd");
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_same_text(c->engine_socket, "/run/docker.sock");
	assert_same_text(c->cgroup_parent, NULL);
	assert_same_text(c->image_pause, "awf/pause:latest");
	assert_same_text(c->image_cli_proxy, "awf/cli-proxy:latest");
	assert_same_text(c->image_agent, "host");
	assert_same_text(c->image_host, "awf/host:latest");
	assert_null(c->host_view_paths);
	assert_same_text(c->network_prefix, "172.30.0.0/24");
	assert_int_equal(c->network.s_addr, inet_addr("172.30.0.0"));
	assert_int_equal(c->table_owner, CONFIG_AUTO);
	assert_same_text(c->relay_user, "awf-relay");
	assert_int_equal(c->host_addresses.count, 0);
	assert_same_text(c->probe_user, "awf-probe");
	assert_int_equal(c->probe_timeout_ms, 5000);
	assert_int_equal(c->difc_wait_s, 30);
	assert_same_text(c->ca_bundle, "/etc/ssl/certs/ca-certificates.crt");
	assert_same_text(c->log_directory, "/var/log/awfd");
	assert_same_text(c->image_squid, "awf/squid:latest");
	assert_null(c->redirect_hosts);
	assert_same_text(c->egress_subnet, "198.18.0.0/20");
	assert_same_text(c->egress_subnet6, "fd61:7766:6567::/64");
	assert_int_equal(c->egress_ipv6, CONFIG_AUTO);
	assert_null(c->dns_servers);
	assert_null(c->upstream_proxy);
	assert_null(c->no_proxy);
	assert_null(c->private_networks);
	assert_int_equal(c->gh.running_calls, 4);
	assert_int_equal(c->gh.waiting_calls, 48);
	assert_int_equal(c->gh.wait_seconds, 30);
	assert_int_equal(c->gh.timeout_seconds, 30);
	assert_int_equal(c->gh.stream_timeout_seconds, 600);
	assert_int_equal(c->gh.idle_seconds, 30);
	assert_int_equal(c->gh.output_max, 10 << 20);
	assert_int_equal(c->gh.input_max, 64 << 20);
	assert_int_equal(c->gh.files_max, 128 << 20);
	assert_int_equal(c->gh.cpu_seconds, 60);
	assert_int_equal(c->gh.memory_max, 256 << 20);
	assert_int_equal(c->memory_bytes, UINT64_C(6) << 30);
	assert_int_equal(c->pids, 1000);
	assert_int_equal(c->pool_size, 0);
	assert_int_equal(strv_length(c->pool_kinds), 1);
	assert_same_text(c->pool_kinds[0], "plain");
	assert_quota(&c->quota_user, &(struct quota_limits){ { 16, 240, UINT64_C(128) << 30, 20000,
							       128, 64, 32 << 20 } });
	assert_quota(&c->quota_host, &(struct quota_limits){ { 64, 960, UINT64_C(512) << 30, 80000,
							       1024, 512, 128 << 20 } });
	assert_int_equal(c->message_seconds, 30);
}

static void test_defaults(void **state _unused_)
{
	_cleanup_config_ struct config *c = load_text("");

	assert_defaults(c);
	assert_same_text(c->helper_directory, AWF_LIBEXECDIR);
}

/* The file that is installed shows the defaults, each behind a '#'. */
static void test_installed_file(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_config_ struct config *as_it_is = NULL, *uncommented = NULL;

	as_it_is = load("systemd/awfd.conf");
	assert_defaults(as_it_is);
	assert_int_equal(file_read("systemd/awfd.conf", 65536, &text, NULL, NULL), 0);
	for (char *p = text; (p = strstr(p, "\n#")); p++)
		p[1] = ' ';
	uncommented = load_text(text);
	assert_defaults(uncommented);
}

static void assert_list(char *const *list, const char *first, const char *second)
{
	assert_non_null(list);
	assert_same_text(list[0], first);
	assert_same_text(list[1], second);
}

static void test_every_key(void **state _unused_)
{
	_cleanup_config_ struct config *c = load_text("[Daemon]\n"
						      "Socket=/s\n"
						      "RuntimeDirectory=/r\n"
						      "StateDirectory=/st\n"
						      "HelperDirectory=/h\n"
						      "LogDirectory=/l\n"
						      "LogLevel=debug\n"
						      "[Engine]\n"
						      "Socket=/e\n"
						      "CgroupParent=awf.slice\n"
						      "[Images]\n"
						      "Pause=p\n"
						      "Squid=q\n"
						      "CliProxy=c\n"
						      "Agent=a\n"
						      "Host=h\n"
						      "[HostView]\n"
						      "Paths=/opt/tools, /data\n"
						      "[Network]\n"
						      "Prefix=10.1.2.0/24\n"
						      "[Relay]\n"
						      "User=u\n"
						      "[Difc]\n"
						      "ProbeUser=v\n"
						      "ProbeTimeoutMs=100\n"
						      "WaitSeconds=3600\n"
						      "SystemCABundle=\n"
						      "RedirectHosts=*.a.example, b.example\n"
						      "[Egress]\n"
						      "Subnet=10.9.0.0/16\n"
						      "IPv6Subnet=fd00::/64\n"
						      "IPv6=no\n"
						      "DnsServers=10.0.0.2 fd00::2\n"
						      "UpstreamProxy=http://p:3128\n"
						      "NoProxy=.corp\n"
						      "PrivateNetworks=10.0.0.0/8,fd00::/8\n"
						      "[Gh]\n"
						      "RunningCalls=64\n"
						      "WaitingCalls=0\n"
						      "WaitSeconds=1\n"
						      "TimeoutSeconds=2\n"
						      "StreamTimeoutSeconds=86400\n"
						      "IdleSeconds=3\n"
						      "OutputMax=1K\n"
						      "InputMax=0\n"
						      "FilesMax=64G\n"
						      "CpuSeconds=4\n"
						      "GhMemoryMax=128M\n"
						      "[Agent]\n"
						      "Memory=16M\n"
						      "Pids=1\n"
						      "[Quota]\n"
						      "Sandboxes=1\n"
						      "StartsPerMinute=2\n"
						      "Memory=3K\n"
						      "Pids=4\n"
						      "Connections=5\n"
						      "Calls=6\n"
						      "MessageMemory=7\n"
						      "HostSandboxes=8\n"
						      "HostStartsPerMinute=9\n"
						      "HostMemory=10\n"
						      "HostPids=11\n"
						      "HostConnections=12\n"
						      "HostCalls=13\n"
						      "HostMessageMemory=14\n"
						      "MessageSeconds=15\n");

	assert_same_text(c->socket, "/s");
	assert_same_text(c->runtime_directory, "/r");
	assert_same_text(c->state_directory, "/st");
	assert_same_text(c->helper_directory, "/h");
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_same_text(c->engine_socket, "/e");
	assert_same_text(c->cgroup_parent, "awf.slice");
	assert_same_text(c->image_pause, "p");
	assert_same_text(c->image_cli_proxy, "c");
	assert_same_text(c->image_agent, "a");
	assert_same_text(c->image_host, "h");
	assert_list(c->host_view_paths, "/opt/tools", "/data");
	assert_same_text(c->network_prefix, "10.1.2.0/24");
	assert_same_text(c->relay_user, "u");
	assert_same_text(c->probe_user, "v");
	assert_int_equal(c->probe_timeout_ms, 100);
	assert_int_equal(c->difc_wait_s, 3600);
	assert_same_text(c->ca_bundle, NULL);
	assert_same_text(c->log_directory, "/l");
	assert_same_text(c->image_squid, "q");
	assert_list(c->redirect_hosts, "*.a.example", "b.example");
	assert_same_text(c->egress_subnet, "10.9.0.0/16");
	assert_same_text(c->egress_subnet6, "fd00::/64");
	assert_int_equal(c->egress_ipv6, CONFIG_NO);
	assert_list(c->dns_servers, "10.0.0.2", "fd00::2");
	assert_same_text(c->upstream_proxy, "http://p:3128");
	assert_list(c->no_proxy, ".corp", NULL);
	assert_list(c->private_networks, "10.0.0.0/8", "fd00::/8");
	assert_int_equal(c->gh.running_calls, 64);
	assert_int_equal(c->gh.waiting_calls, 0);
	assert_int_equal(c->gh.wait_seconds, 1);
	assert_int_equal(c->gh.timeout_seconds, 2);
	assert_int_equal(c->gh.stream_timeout_seconds, 86400);
	assert_int_equal(c->gh.idle_seconds, 3);
	assert_int_equal(c->gh.output_max, 1024);
	assert_int_equal(c->gh.input_max, 0);
	assert_int_equal(c->gh.files_max, UINT64_C(64) << 30);
	assert_int_equal(c->gh.cpu_seconds, 4);
	assert_int_equal(c->gh.memory_max, 128 << 20);
	assert_int_equal(c->memory_bytes, 16 << 20);
	assert_int_equal(c->pids, 1);
	assert_quota(&c->quota_user, &(struct quota_limits){ { 1, 2, 3072, 4, 5, 6, 7 } });
	assert_quota(&c->quota_host, &(struct quota_limits){ { 8, 9, 10, 11, 12, 13, 14 } });
	assert_int_equal(c->message_seconds, 15);
}

static void test_syntax(void **state _unused_)
{
	_cleanup_config_ struct config *c = load_text("# a comment\r\n"
						      "; another\n"
						      "\n \t\n"
						      " [Images] \r\n"
						      "  Agent  =\t with = sign \t\r\n"
						      "Agent=second wins#not a comment\n"
						      "[Daemon]\n"
						      "[Images]\n"
						      "Pause=no newline at the end");

	assert_same_text(c->image_agent, "second wins#not a comment");
	assert_same_text(c->image_pause, "no newline at the end");
}

static const struct {
	const char *text;
	uint64_t bytes;
} sizes[] = {
	{ "16777216", 16 << 20 },
	{ "16384K", 16 << 20 },
	{ "16384k", 16 << 20 },
	{ "16M", 16 << 20 },
	{ "512m", 512 << 20 },
	{ "6G", UINT64_C(6) << 30 },
	{ "6g", UINT64_C(6) << 30 },
	{ "1048576G", UINT64_C(1) << 50 },
	{ "1125899906842624", UINT64_C(1) << 50 },
};

static void test_sizes(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ char *text = xasprintf("[Agent]\nMemory=%s\n", sizes[i].text);
		_cleanup_config_ struct config *c = load_text(text);

		assert_row(sizes[i].text, c->memory_bytes == sizes[i].bytes);
	}
}

static void test_addresses(void **state _unused_)
{
	_cleanup_config_ struct config *c = load_text("[Network]\nPrefix=192.168.255.0/24\n");

	assert_int_equal(config_address(c, 0).s_addr, inet_addr("192.168.255.0"));
	assert_int_equal(config_address(c, 20).s_addr, inet_addr("192.168.255.20"));
	assert_int_equal(config_address(c, 254).s_addr, inet_addr("192.168.255.254"));
}

/* --- Drop-ins -------------------------------------------------------------------------------- */

/* Read behind the file, by name, and only *.conf. */
static void test_drop_ins(void **state _unused_)
{
	static const char *const drop_ins[][2] = {
		{ "20-b.conf", "[Agent]\nPids=20\nMemory=20M\n" },
		{ "10-a.conf", "[Agent]\nPids=10\nMemory=10G\n[Images]\nAgent=ten\n" },
		{ "100-c.conf", "[Agent]\nMemory=100M\n[Images]\nPause=hundred\n" },
		{ "30-d.conf.bak", "nonsense" },
		{ ".40-e.conf", "nonsense" },
		{ "conf", "nonsense" },
		{ ".conf", "nonsense" },
		{ "50-f.CONF", "nonsense" },
	};
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = put(d, NULL, "[Agent]\nPids=5\n[Images]\nCliProxy=file\n");
	_cleanup_config_ struct config *c = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(drop_ins); i++)
		free(put(d, drop_ins[i][0], drop_ins[i][1]));
	c = load(path);
	assert_int_equal(c->pids, 20);
	assert_int_equal(c->memory_bytes, 20 << 20);
	assert_same_text(c->image_agent, "ten");
	assert_same_text(c->image_pause, "hundred");
	assert_same_text(c->image_cli_proxy, "file");
}

static void assert_load_fails(const char *path, int error, const char *message)
{
	struct config *c = (struct config *)&error; /* untouched */
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(config_load(path, &c, &e), error);
	assert_ptr_equal(c, &error);
	assert_int_equal(e.error, error);
	assert_same_text(e.message, message);
}

static void test_bad_drop_ins(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = put(d, NULL, ""),
			    *bad = put(d, "b.conf", "\n[Agent]\nPids=0\n"),
			    *worse = put(d, "c.conf", "nonsense"), *directory = NULL,
			    *message = xasprintf(
				    "%s:3: Pids=0: expected a number from 1 to 4194304", bad);

	assert_load_fails(path, -EINVAL, message);
	assert_int_equal(unlink(bad), 0);
	assert_int_equal(unlink(worse), 0);
	directory = xasprintf("%s/awfd.conf.d/d.conf", d);
	assert_int_equal(mkdir(directory, 0755), 0);
	free(message);
	message = xasprintf("%s: not a regular file", directory);
	assert_load_fails(path, -EINVAL, message);
}

/* --- Reading it again ------------------------------------------------------------------------ */

/* What sockets, directories and networks were made from stays; all else is as it is written. */
static void test_succession(void **state _unused_)
{
	_cleanup_config_ struct config *old = load_text("[Network]\nPrefix=10.1.2.0/24\n"
							"[Egress]\nIPv6=no\nSubnet=10.9.0.0/16\n"
							"[Relay]\nHostAddresses=10.0.0.1\n"
							"[Agent]\nPids=5\n");
	_cleanup_config_ struct config *next =
		load_text("[Daemon]\nSocket=/s\nLogLevel=debug\n[Network]\nPrefix=10.1.3.0/24\n"
			  "[Egress]\nIPv6=yes\nSubnet=10.9.0.0/16\nDnsServers=10.0.0.2\n"
			  "[Images]\nAgent=other\n[Agent]\nPids=6\n[Difc]\nSystemCABundle=\n"
			  "[Relay]\nHostAddresses=10.0.0.2 10.0.0.3\n");
	static const char *const kept_keys[] = { "[Daemon] Socket=", "[Network] Prefix=",
						 "[Relay] HostAddresses=", "[Difc] SystemCABundle=",
						 "[Egress] IPv6=" };
	_cleanup_strv_ char **kept = NULL;
	const struct config *c = config_succeed(old, next, &kept);

	assert_ptr_equal(c, next);
	assert_int_equal(strv_length(kept), ARRAY_SIZE(kept_keys));
	for (size_t i = 0; i < ARRAY_SIZE(kept_keys); i++)
		assert_same_text(kept[i], kept_keys[i]);
	assert_same_text(c->socket, "/run/awfd/awfd.sock");
	assert_same_text(c->network_prefix, "10.1.2.0/24");
	assert_int_equal(config_address(c, 10).s_addr, inet_addr("10.1.2.10"));
	assert_same_text(c->ca_bundle, old->ca_bundle);
	assert_int_equal(c->egress_ipv6, CONFIG_NO);
	assert_int_equal(c->host_addresses.count, 1);
	assert_same_text(c->host_address_text, "10.0.0.1");
	assert_same_text(c->image_agent, "other");
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_same_text(c->dns_servers[0], "10.0.0.2");
	assert_int_equal(c->pids, 6);
}

/* Whoever holds a reference keeps what it was. */
static void test_references(void **state _unused_)
{
	struct config *c = load_text("[Agent]\nPids=5\n");
	_cleanup_config_ struct config *held = config_ref(c);

	config_free(c);
	assert_int_equal(held->pids, 5);
	assert_same_text(held->image_agent, "host");
}

/* --- What is refused ------------------------------------------------------------------------- */

static const struct {
	const char *text;
	const char *message; /* behind the path and a colon */
} refusals[] = {
	{ "Socket=/s", "1: key 'Socket' stands before any [Section]" },
	{ "\n\n#c\n x = y\n", "4: key 'x' stands before any [Section]" },
	{ "[Daemon]\nNoSuch=1", "2: unknown key 'NoSuch' in [Daemon]" },
	{ "[Daemon]\nsocket=/s", "2: unknown key 'socket' in [Daemon]" },
	{ "[Engine]\nPids=1", "2: unknown key 'Pids' in [Engine]" },
	{ "[Daemon]\n=/s", "2: unknown key '' in [Daemon]" },
	{ "[NoSuch]", "1: unknown section [NoSuch]" },
	{ "[]", "1: unknown section []" },
	{ "[ Daemon ]", "1: unknown section [ Daemon ]" },
	{ "[Daemon", "1: '[Daemon' lacks its ']'" },
	{ "[", "1: '[' lacks its ']'" },
	{ "[Daemon] x", "1: '[Daemon] x' lacks its ']'" },
	{ "[Daemon]\nSocket", "2: 'Socket' is no KEY=VALUE" },
	{ "[Daemon]\nSocket=", "2: Socket=: expected an absolute path" },
	{ "[Daemon]\nSocket=s", "2: Socket=s: expected an absolute path" },
	{ "[Daemon]\nLogLevel=loud", "2: LogLevel=loud: expected error, warning, info or debug" },
	{ "[Difc]\nSystemCABundle=x", "2: SystemCABundle=x: expected an absolute path" },
	{ "[Difc]\nProbeTimeoutMs=99",
	  "2: ProbeTimeoutMs=99: expected a number from 100 to 60000" },
	{ "[Difc]\nProbeTimeoutMs=60001",
	  "2: ProbeTimeoutMs=60001: expected a number from 100 to 60000" },
	{ "[Difc]\nProbeTimeoutMs=5s",
	  "2: ProbeTimeoutMs=5s: expected a number from 100 to 60000" },
	{ "[Difc]\nWaitSeconds=3601", "2: WaitSeconds=3601: expected a number from 0 to 3600" },
	{ "[Difc]\nWaitSeconds=", "2: WaitSeconds=: expected a number from 0 to 3600" },
	{ "[Images]\nAgent=", "2: Agent=: expected a value" },
	{ "[Pool]\nSize=17", "2: Size=17: expected a number from 0 to 16" },
	{ "[Pool]\nKinds=plain gh", "2: Kinds=gh: expected plain, egress, difc or egress+difc" },
	{ "[HostView]\nPaths=/data tools",
	  "2: Paths=tools: expected absolute paths without '.', '..' and '//', not in /etc, "
	  "nor /home, /root or /tmp" },
	{ "[HostView]\nPaths=/etc/maven",
	  "2: Paths=/etc/maven: expected absolute paths without '.', '..' and '//', not in /etc, "
	  "nor /home, /root or /tmp" },
	{ "[Relay]\nUser=", "2: User=: expected a value" },
	{ "[Network]\nPrefix=", "2: Prefix=: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Network]\nPrefix=172.30.0.0",
	  "2: Prefix=172.30.0.0: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Network]\nPrefix=172.30.0.0/16",
	  "2: Prefix=172.30.0.0/16: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Network]\nPrefix=172.30.0.0/024",
	  "2: Prefix=172.30.0.0/024: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Network]\nPrefix=172.30.0.1/24",
	  "2: Prefix=172.30.0.1/24: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Network]\nPrefix=172.30.0/24",
	  "2: Prefix=172.30.0/24: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Network]\nPrefix=fd00::/24",
	  "2: Prefix=fd00::/24: expected an IPv4 network such as 172.30.0.0/24" },
	{ "[Difc]\nRedirectHosts=a.example https", "2: RedirectHosts=https: expected names such as "
						   "*.blob.core.windows.net" },
	{ "[Egress]\nSubnet=", "2: Subnet=: expected an IPv4 network such as 198.18.0.0/20" },
	{ "[Egress]\nSubnet=198.18.0.1/20",
	  "2: Subnet=198.18.0.1/20: expected an IPv4 network such as 198.18.0.0/20" },
	{ "[Egress]\nSubnet=198.18.0.0/29",
	  "2: Subnet=198.18.0.0/29: expected an IPv4 network such as 198.18.0.0/20" },
	{ "[Egress]\nIPv6Subnet=fd00::/125",
	  "2: IPv6Subnet=fd00::/125: expected an IPv6 network such as fd61:7766:6567::/64" },
	{ "[Egress]\nSubnet=fd00::/64",
	  "2: Subnet=fd00::/64: expected an IPv4 network such as 198.18.0.0/20" },
	{ "[Egress]\nIPv6Subnet=10.0.0.0/8",
	  "2: IPv6Subnet=10.0.0.0/8: expected an IPv6 network such as fd61:7766:6567::/64" },
	{ "[Egress]\nIPv6=maybe", "2: IPv6=maybe: expected yes or no" },
	{ "[Egress]\nDnsServers=10.0.0.2 dns.example",
	  "2: DnsServers=dns.example: expected addresses, none of loopback, link-local or multicast" },
	{ "[Egress]\nDnsServers=10.0.0.2 127.0.0.53",
	  "2: DnsServers=127.0.0.53: expected addresses, none of loopback, link-local or multicast" },
	{ "[Egress]\nUpstreamProxy=https://p", "2: UpstreamProxy: only http:// is supported: the "
					       "proxy is spoken to in plain HTTP, and what goes "
					       "through it has its own TLS" },
	{ "[Egress]\nPrivateNetworks=10.0.0.0",
	  "2: PrivateNetworks=10.0.0.0: expected networks such as 10.0.0.0/8" },
	{ "[HostAccess]\nAllow=no", "1: unknown section [HostAccess]" },
	{ "[Policy]\nHostPorts=x", "2: HostPorts=x: expected ports such as 80 or 3000-3010, or *" },
	{ "[User a]\nAllow=no", "2: unknown key 'Allow' in [User a]" },
	{ "[User ]", "1: unknown section [User ]" },
	{ "[Agent]\nMemory=",
	  "2: Memory=: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=G",
	  "2: Memory=G: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=6T",
	  "2: Memory=6T: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=6GB",
	  "2: Memory=6GB: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=6 G",
	  "2: Memory=6 G: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=1.5G",
	  "2: Memory=1.5G: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=-1G",
	  "2: Memory=-1G: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=15M",
	  "2: Memory=15M: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=1048577G",
	  "2: Memory=1048577G: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=99999999999999999999",
	  "2: Memory=99999999999999999999: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Agent]\nMemory=17179869184G",
	  "2: Memory=17179869184G: expected a size such as 512M or 6G, from 16M to 1048576G" },
	{ "[Gh]\nRunningCalls=0", "2: RunningCalls=0: expected a number from 1 to 64" },
	{ "[Gh]\nRunningCalls=65", "2: RunningCalls=65: expected a number from 1 to 64" },
	{ "[Gh]\nWaitingCalls=1001", "2: WaitingCalls=1001: expected a number from 0 to 1000" },
	{ "[Gh]\nIdleSeconds=30s", "2: IdleSeconds=30s: expected a number from 1 to 86400" },
	{ "[Gh]\nOutputMax=33M",
	  "2: OutputMax=33M: expected a size such as 512M or 6G, from 1K to 32M" },
	{ "[Gh]\nFilesMax=65G",
	  "2: FilesMax=65G: expected a size such as 512M or 6G, from 1M to 64G" },
	{ "[Gh]\nGhMemoryMax=127M",
	  "2: GhMemoryMax=127M: expected a size such as 512M or 6G, from 128M to 64G" },
	{ "[Quota]\nSandboxes=0", "2: Sandboxes=0: expected a number from 1 to 100000" },
	{ "[Quota]\nHostCalls=none", "2: HostCalls=none: expected a number from 1 to 100000" },
	{ "[Quota]\nMessageSeconds=0", "2: MessageSeconds=0: expected a number from 1 to 3600" },
	{ "[Agent]\nPids=4194305", "2: Pids=4194305: expected a number from 1 to 4194304" },
};

static void test_refusals(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_scratch_ char *d = scratch_new();
		_cleanup_free_ char *path = put(d, NULL, refusals[i].text),
				    *message = xasprintf("%s:%s", path, refusals[i].message);

		assert_load_fails(path, -EINVAL, message);
	}
}

/* A host whose programs go through a proxy: awfd's environment says so, its own file wins. */
static void test_proxy_of_the_environment(void **state _unused_)
{
	_cleanup_config_ struct config *taken = NULL, *own = NULL, *none = NULL;

	assert_int_equal(setenv("HTTP_PROXY", "http://other:1", 1), 0);
	assert_int_equal(setenv("https_proxy", "http://p:3128", 1), 0);
	assert_int_equal(setenv("no_proxy", "a.example,.b.example", 1), 0);
	taken = load_text("");
	assert_same_text(taken->upstream_proxy, "http://p:3128");
	assert_list(taken->no_proxy, "a.example", ".b.example");
	own = load_text("[Egress]\nUpstreamProxy=http://own:3128\n");
	assert_same_text(own->upstream_proxy, "http://own:3128");
	assert_null(own->no_proxy);
	none = load_text("[Egress]\nUpstreamProxy=none\n");
	assert_same_text(none->upstream_proxy, "none");
	assert_int_equal(setenv("https_proxy", "socks5://p", 1), 0);
	{
		_cleanup_scratch_ char *d = scratch_new();
		_cleanup_free_ char *path = put(d, NULL, "");
		_cleanup_err_ struct err e = { 0 };
		struct config *c = NULL;

		assert_int_equal(config_load(path, &c, &e), -EINVAL);
		assert_text_contains(e.message, "environment variable https_proxy");
	}
	unsetenv("https_proxy");
	unsetenv("HTTP_PROXY");
	unsetenv("no_proxy");
}

static void test_refused_files(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/awfd.conf", d), *missing = NULL, *nul = NULL,
			    *large = NULL;
	_cleanup_strbuf_ struct strbuf filler = { 0 };

	missing = xasprintf("%s: No such file or directory", path);
	assert_load_fails(path, -ENOENT, missing);
	assert_int_equal(file_write_atomic(path, 0644, "[Agent]\n\0", 9, NULL), 0);
	nul = xasprintf("%s: contains a NUL byte", path);
	assert_load_fails(path, -EINVAL, nul);
	while (filler.length <= 256 * 1024)
		strbuf_puts(&filler, "# a line\n");
	free(put(d, NULL, filler.data));
	large = xasprintf("%s: larger than 262144 bytes", path);
	assert_load_fails(path, -EFBIG, large);
}

int main(void)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTP_PROXY",
					       "HTTPS_PROXY" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_succession),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_installed_file),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_drop_ins),
		cmocka_unit_test(test_bad_drop_ins),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_proxy_of_the_environment),
	};

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		unsetenv(proxies[i]); /* of whoever runs the tests */
	return RUN_TESTS("config", tests);
}
