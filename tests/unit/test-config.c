#include "awfd/config.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/strbuf.h"

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
	assert_same_text(c->image_agent, "awf/agent:latest");
	assert_same_text(c->network_prefix, "172.30.0.0/24");
	assert_int_equal(c->network.s_addr, inet_addr("172.30.0.0"));
	assert_same_text(c->relay_user, "awf-relay");
	assert_same_text(c->probe_user, "awf-probe");
	assert_int_equal(c->probe_timeout_ms, 5000);
	assert_same_text(c->ca_bundle, "/etc/ssl/certs/ca-certificates.crt");
	assert_int_equal(c->memory_bytes, UINT64_C(6) << 30);
	assert_int_equal(c->pids, 1000);
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

static void test_every_key(void **state _unused_)
{
	_cleanup_config_ struct config *c = load_text("[Daemon]\n"
						      "Socket=/s\n"
						      "RuntimeDirectory=/r\n"
						      "StateDirectory=/st\n"
						      "HelperDirectory=/h\n"
						      "LogLevel=debug\n"
						      "[Engine]\n"
						      "Socket=/e\n"
						      "CgroupParent=awf.slice\n"
						      "[Images]\n"
						      "Pause=p\n"
						      "CliProxy=c\n"
						      "Agent=a\n"
						      "[Network]\n"
						      "Prefix=10.1.2.0/24\n"
						      "[Relay]\n"
						      "User=u\n"
						      "[Difc]\n"
						      "ProbeUser=v\n"
						      "ProbeTimeoutMs=100\n"
						      "SystemCABundle=\n"
						      "[Agent]\n"
						      "Memory=16M\n"
						      "Pids=1\n");

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
	assert_same_text(c->network_prefix, "10.1.2.0/24");
	assert_same_text(c->relay_user, "u");
	assert_same_text(c->probe_user, "v");
	assert_int_equal(c->probe_timeout_ms, 100);
	assert_same_text(c->ca_bundle, NULL);
	assert_int_equal(c->memory_bytes, 16 << 20);
	assert_int_equal(c->pids, 1);
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
	{ "[Images]\nAgent=", "2: Agent=: expected a value" },
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
	{ "[Agent]\nMemory=", "2: Memory=: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=G", "2: Memory=G: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=6T", "2: Memory=6T: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=6GB", "2: Memory=6GB: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=6 G", "2: Memory=6 G: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=1.5G", "2: Memory=1.5G: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=-1G", "2: Memory=-1G: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=15M", "2: Memory=15M: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=1048577G", "2: Memory=1048577G: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=99999999999999999999",
	  "2: Memory=99999999999999999999: expected a size such as 512M or 6G" },
	{ "[Agent]\nMemory=17179869184G",
	  "2: Memory=17179869184G: expected a size such as 512M or 6G" },
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_installed_file),
		cmocka_unit_test(test_every_key), cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_sizes),     cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_drop_ins),  cmocka_unit_test(test_bad_drop_ins),
		cmocka_unit_test(test_refusals),  cmocka_unit_test(test_refused_files),
	};

	return RUN_TESTS("config", tests);
}
