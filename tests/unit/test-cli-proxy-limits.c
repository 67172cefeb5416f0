#include "awfd/cli-proxy-limits.h"

#include "awfd/config.h"
#include "common/strv.h"
#include "containers/cli-proxy/settings.h"

#include "tests/unit/check.h"

#define MIB (UINT64_C(1) << 20)

static struct config *load_text(const char *text)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/awfd.conf", d);
	_cleanup_err_ struct err e = { 0 };
	struct config *c = NULL;

	if (file_write_atomic(path, 0644, text, strlen(text), &e) < 0 ||
	    config_load(path, &c, &e) < 0)
		fail_msg("%s", e.message);
	return c;
}

/* What cli-proxy makes of the variables that it is given. */
static struct settings told(const struct cli_proxy_limits *l)
{
	_cleanup_strv_ char **environment = NULL;
	_cleanup_err_ struct err e = { 0 };
	struct settings s = { 0 };

	cli_proxy_limits_environment(l, &environment);
	for (size_t i = 0; environment[i]; i++)
		assert_int_equal(putenv(environment[i]), 0);
	if (settings_load(&s, &e) < 0)
		fail_msg("%s", e.message);
	clearenv();
	return s;
}

static void assert_told(const char *text)
{
	_cleanup_(config_freep) struct config *c = load_text(text);
	const struct cli_proxy_limits *l = &c->gh;
	struct settings s = told(l);

	assert_int_equal(s.running_limit, l->running_calls);
	assert_int_equal(s.waiting_limit, l->waiting_calls);
	assert_int_equal(s.wait_seconds, l->wait_seconds);
	assert_int_equal(s.seconds, l->timeout_seconds);
	assert_int_equal(s.stream_seconds, l->stream_timeout_seconds);
	assert_int_equal(s.idle_seconds, l->idle_seconds);
	assert_int_equal(s.output_limit, l->output_max);
	assert_int_equal(s.input_limit, l->input_max);
	assert_int_equal(s.files_limit, l->files_max);
	assert_int_equal(s.cpu_seconds, l->cpu_seconds);
	assert_int_equal(s.gh_memory, l->memory_max);
}

/* Whatever awfd.conf takes, cli-proxy takes too. */
static void test_cli_proxy_is_told(void **state _unused_)
{
	assert_told("");
	assert_told("[Gh]\nRunningCalls=1\nWaitingCalls=0\nWaitSeconds=1\nTimeoutSeconds=1\n"
		    "StreamTimeoutSeconds=1\nIdleSeconds=1\nOutputMax=1K\nInputMax=0\nFilesMax=1M\n"
		    "CpuSeconds=1\nGhMemoryMax=128M\n");
	assert_told("[Gh]\nRunningCalls=64\nWaitingCalls=1000\nWaitSeconds=86400\n"
		    "TimeoutSeconds=86399\nStreamTimeoutSeconds=86398\nIdleSeconds=86397\n"
		    "OutputMax=32M\nInputMax=64G\nFilesMax=64G\nCpuSeconds=86396\n"
		    "GhMemoryMax=64G\n");
}

/* Without a variable cli-proxy has the same defaults as awfd.conf. */
static void test_defaults_are_the_same(void **state _unused_)
{
	_cleanup_(config_freep) struct config *c = load_text("");
	_cleanup_err_ struct err e = { 0 };
	struct settings with = told(&c->gh), without = { 0 };

	assert_int_equal(settings_load(&without, &e), 0);
	assert_memory_equal(&with, &without, sizeof(with));
}

static void test_container(void **state _unused_)
{
	const struct cli_proxy_limits l = { .running_calls = 2,
					    .waiting_calls = 10,
					    .files_max = 100 * MIB,
					    .memory_max = 200 * MIB };

	assert_int_equal(cli_proxy_limits_tmp_size(&l), 116 * MIB);
	assert_int_equal(cli_proxy_limits_memory(&l), (2 * 200 + 116 + 12 * 3 + 96) * MIB);
	assert_int_equal(cli_proxy_limits_pids(&l), 26);
	assert_int_equal(cli_proxy_limits_descriptors(&l), 554);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cli_proxy_is_told),
		cmocka_unit_test(test_defaults_are_the_same),
		cmocka_unit_test(test_container),
	};

	clearenv();
	return RUN_TESTS("cli-proxy-limits", tests);
}
