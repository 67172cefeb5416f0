/* The containers' JSON against golden files: a change of the confinement is a change of these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "awfd/docker-spec.h"
#include "common/alloc.h"
#include "common/strv.h"
#include "tests/unit/golden.h"

static char *const command[] = { "sh", "-c", "echo \"$1\"", "sh", "a b\t'\"\\\n", "", NULL };
static char *const environment[] = { "PATH=/bin", "A=b=c", "EMPTY=", "ABSENT", NULL };

/* The files are larger than what a log may have. */
static const struct cli_proxy_limits many_calls = {
	.running_calls = 16,
	.waiting_calls = 100,
	.wait_seconds = 1,
	.timeout_seconds = 2,
	.stream_timeout_seconds = 3,
	.idle_seconds = 4,
	.output_max = 5,
	.input_max = 6,
	.files_max = UINT64_C(2) << 30,
	.cpu_seconds = 8,
	.memory_max = 64 << 20,
};

static const struct cli_proxy_limits one_call = { .running_calls = 1 };

static const struct docker_mount mounts[] = {
	{ "/run/awfd/sandboxes/abcdefgh27/mounts/0", "/work" },
	{ "/run/awfd/sandboxes/abcdefgh27/mounts/1", "/usr/bin/yq" },
	{ "/run/awfd/sandboxes/abcdefgh27/mounts/2", "/home/alice/.state/deep/in/it" },
	{ "/run/awfd/sandboxes/abcdefgh27/mounts/3", "/home/alice/direct" },
	{ "/run/awfd/sandboxes/abcdefgh27/mounts/4", "/home/alice2/not/hers" },
};

/* In place of the last two there is something else. */
static char *const volumes[] = { "/data", "/var/lib/x", "/work", "/tmp", NULL };

/* Everything a sandbox can have. */
static const struct docker_spec full = {
	.id = "abcdefgh27",
	.uid = 60701,
	.gid = 60702,
	.pause_image = "awf-pause:1",
	.cli_proxy_image = "awf-cli-proxy:1",
	.agent_image = "registry.example/job@sha256:00",
	.cgroup_parent = "/awf",
	.command = command,
	.environment = environment,
	.workdir = "/work dir",
	.tty = true,
	.open_stdin = true,
	.memory_bytes = UINT64_C(6) << 30,
	.pids = 1000,
	.nano_cpus = 1500000000,
	.home = "/home/alice",
	.difc = true,
	.difc_port = 18443,
	.cli_proxy_directory = "/run/awfd/sandboxes/abcdefgh27/cli-proxy",
	.agent_directory = "/run/awfd/sandboxes/abcdefgh27/agent",
	.gh_path = "/usr/libexec/awfd/awf-gh",
	.github_repository = "octo/repo",
	.ipv6 = true,
	.squid_image = "awf-squid:1",
	.squid_directory = "/run/awfd/sandboxes/abcdefgh27/squid",
	.squid_log = "/run/awfd/sandboxes/abcdefgh27/squid.log",
	.cli_proxy_log = "/run/awfd/sandboxes/abcdefgh27/cli-proxy.log",
	.cli_proxy_limits = &many_calls,
	.redirect_proxy = "http://172.30.0.10:3128",
	.volumes = volumes,
	.mounts = mounts,
	.mount_count = ARRAY_SIZE(mounts),
};

/* As little as a sandbox can have. */
static const struct docker_spec least = {
	.id = "abcdefgh27",
	.pause_image = "p",
	.cli_proxy_image = "c",
	.agent_image = "a",
	.command = command,
	.memory_bytes = 1 << 20,
	.pids = 1,
	.difc_port = 1,
	.cli_proxy_directory = "/ca",
	.agent_directory = "/agent",
	.squid_image = "q",
	.squid_directory = "/squid",
	.squid_log = "/log",
	.cli_proxy_log = "/gh-log",
	.cli_proxy_limits = &one_call,
};

/* The host's programs in place of an image. */
static struct docker_spec with_host_view(void)
{
	struct docker_spec s = full;

	s.agent_image = "awf/host:1";
	s.host_view = true;
	return s;
}

/* Made before anybody asks for it: squid and cli-proxy wait, and nobody is named. */
static struct docker_spec ahead(void)
{
	struct docker_spec s = full;

	s.hold_path = "/usr/libexec/awfd/awf-hold";
	return s;
}

static void assert_spec(const struct docker_spec *s, enum docker_role role, const char *name)
{
	struct json_object *o = docker_spec_container(s, role);
	_cleanup_free_ char *file = xasprintf("container-%s-%s.json", docker_role_name(role), name);
	_cleanup_free_ char *text =
		xasprintf("%s\n", json_object_to_json_string_ext(
					  o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						     JSON_C_TO_STRING_PRETTY_TAB |
						     JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(o);
	golden_assert(file, text);
}

static void makes_all_there_is(_unused_ void **state)
{
	for (int role = 0; role < DOCKER_ROLE_COUNT; role++)
		assert_spec(&full, role, "full");
}

static void makes_one_for_the_hosts_programs(_unused_ void **state)
{
	const struct docker_spec s = with_host_view();

	assert_spec(&s, DOCKER_ROLE_AGENT, "host");
}

/* It waits for its network, and is somebody's. */
static void makes_a_squid_that_waits(_unused_ void **state)
{
	struct docker_spec s = full;

	s.squid_hold_path = "/usr/libexec/awfd/awf-hold";
	assert_spec(&s, DOCKER_ROLE_SQUID, "waits");
}

static void makes_what_waits(_unused_ void **state)
{
	const struct docker_spec s = ahead();

	for (int role = 0; role < DOCKER_ROLE_AGENT; role++)
		assert_spec(&s, role, "ahead");
}

/* Nothing of what a job brings along is in there, whatever the golden files say. */
static void tells_nothing_of_a_job_that_is_to_come(_unused_ void **state)
{
	static const char *const of_job[] = { "60701",     "60702", "alice",
					      "octo/repo", "18443", "host.docker.internal",
					      "job@sha256" };
	const struct docker_spec s = ahead();
	_cleanup_strv_ char **variables = docker_spec_job_variables(&full);

	for (int role = 0; role < DOCKER_ROLE_AGENT; role++) {
		struct json_object *o = docker_spec_container(&s, role);
		const char *text =
			json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE);

		for (size_t i = 0; i < ARRAY_SIZE(of_job); i++)
			if (strstr(text, of_job[i]))
				fail_msg("%s: '%s'", docker_role_name(role), of_job[i]);
		json_object_put(o);
	}
	assert_int_equal(strv_length(variables), 2);
	assert_string_equal(variables[0], "AWF_DIFC_PORT=18443");
	assert_string_equal(variables[1], "GITHUB_REPOSITORY=octo/repo");
}

static void makes_the_least(_unused_ void **state)
{
	for (int role = 0; role < DOCKER_ROLE_COUNT; role++)
		assert_spec(&least, role, "least");
}

static struct json_object *at(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(o, key, &value));
	return value;
}

/* no_new_privs, and our seccomp profile: one that refuses what it doesn't name, but lets cli-proxy
 * confine its gh. */
static void assert_security_options(struct json_object *options)
{
	static const char refuses[] = "seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\",";
	static const char *const of_confinement[] = { "\"landlock_create_ruleset\"",
						      "\"landlock_add_rule\"",
						      "\"landlock_restrict_self\"", "\"seccomp\"",
						      "\"execveat\"" };
	const char *profile = json_object_get_string(json_object_array_get_idx(options, 1));

	assert_int_equal(json_object_array_length(options), 2);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(options, 0)),
			    "no-new-privileges");
	assert_memory_equal(profile, refuses, strlen(refuses));
	assert_null(strstr(profile, "\"socket\",\""));
	assert_null(strstr(profile, "io_uring"));
	assert_null(strstr(profile, "socketcall"));
	for (size_t i = 0; i < ARRAY_SIZE(of_confinement); i++)
		assert_non_null(strstr(profile, of_confinement[i]));
}

/* What no container may lack, whatever the golden files say. */
static void confines_every_container(_unused_ void **state)
{
	for (int role = 0; role < DOCKER_ROLE_COUNT; role++) {
		struct json_object *o = docker_spec_container(&full, role);
		struct json_object *host = at(o, "HostConfig");

		assert_string_equal(json_object_to_json_string_ext(at(host, "CapDrop"), 0),
				    "[\"ALL\"]");
		assert_security_options(at(host, "SecurityOpt"));
		assert_true(json_object_get_boolean(at(host, "ReadonlyRootfs")));
		assert_true(json_object_get_int64(at(host, "Memory")) > 0);
		assert_int_equal(json_object_get_int64(at(host, "MemorySwap")),
				 json_object_get_int64(at(host, "Memory")));
		assert_true(json_object_get_int64(at(host, "PidsLimit")) > 0);
		assert_string_equal(json_object_to_json_string_ext(
					    json_object_array_get_idx(at(host, "Ulimits"), 0), 0),
				    "{\"Name\":\"core\",\"Soft\":0,\"Hard\":0}");
		assert_false(json_object_object_get_ex(host, "CapAdd", NULL));
		assert_false(json_object_object_get_ex(host, "Privileged", NULL));
		assert_false(json_object_object_get_ex(host, "PortBindings", NULL));
		json_object_put(o);
	}
}

/* The agent alone is in another's network namespace, and nobody is on an engine's network. */
static void keeps_out_of_networks(_unused_ void **state)
{
	static const char *const modes[] = { "none", "none", "none",
					     "container:awf-abcdefgh27-pause" };

	for (int role = 0; role < DOCKER_ROLE_COUNT; role++) {
		struct json_object *o = docker_spec_container(&full, role);

		assert_string_equal(json_object_get_string(at(at(o, "HostConfig"), "NetworkMode")),
				    modes[role]);
		assert_false(json_object_object_get_ex(o, "NetworkingConfig", NULL));
		assert_int_equal(json_object_object_get_ex(o, "NetworkDisabled", NULL),
				 strcmp(modes[role], "none") == 0);
		json_object_put(o);
	}
}

static void names_containers(_unused_ void **state)
{
	static const char *const names[] = { "awf-x-pause", "awf-x-squid", "awf-x-cli-proxy",
					     "awf-x-agent" };

	for (int role = 0; role < DOCKER_ROLE_COUNT; role++) {
		_cleanup_free_ char *name = docker_container_name("x", role);

		assert_string_equal(name, names[role]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_all_there_is),
		cmocka_unit_test(makes_one_for_the_hosts_programs),
		cmocka_unit_test(makes_what_waits),
		cmocka_unit_test(makes_a_squid_that_waits),
		cmocka_unit_test(tells_nothing_of_a_job_that_is_to_come),
		cmocka_unit_test(makes_the_least),
		cmocka_unit_test(confines_every_container),
		cmocka_unit_test(keeps_out_of_networks),
		cmocka_unit_test(names_containers),
	};

	return cmocka_run_group_tests_name("docker-spec", tests, NULL, NULL);
}
