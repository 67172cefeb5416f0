#include "awfctl/exit-code.h"

#include <signal.h>

#include "tests/unit/check.h"

static void test_of_wait(void **state _unused_)
{
	static const struct {
		struct wait_reply reply;
		int code;
	} cases[] = {
		{ { .exit_code = 0 }, 0 },
		{ { .exit_code = 1 }, 1 },
		{ { .exit_code = 255 }, 255 },
		{ { .exit_code = 137, .oom_killed = true }, 137 },
		{ { .exit_code = 143, .reason = (char *)"stopped" }, 143 },
		{ { .exit_code = 0, .reason = (char *)"relay died" }, EXIT_CODE_FAILED },
		{ { .exit_code = -1 }, EXIT_CODE_FAILED },
		{ { .exit_code = 256 }, EXIT_CODE_FAILED },
		{ { .exit_code = INT64_MIN }, EXIT_CODE_FAILED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(exit_code_of_wait(&cases[i].reply), cases[i].code);
}

/* The messages are those of engines with runc 1.1 and crun 1.8. */
static void test_of_engine_errors(void **state _unused_)
{
	static const struct {
		const char *message;
		int code;
	} cases[] = {
		{ "OCI runtime create failed: runc create failed: unable to start container process: "
		  "exec: \"nosuch\": executable file not found in $PATH: unknown",
		  127 },
		{ "failed to create shim: OCI runtime create failed: container_linux.go:380: starting "
		  "container process caused: exec: \"/nosuch\": stat /nosuch: no such file or "
		  "directory: unknown",
		  127 },
		{ "OCI runtime create failed: unable to start container process: exec: "
		  "\"/etc/passwd\": permission denied: unknown",
		  126 },
		{ "OCI runtime create failed: unable to start container process: exec: \"/etc\": is a "
		  "directory: unknown",
		  126 },
		{ "crun: executable file `nosuch` not found in $PATH: No such file or directory: OCI "
		  "runtime attempted to invoke a command that was not found",
		  127 },
		{ "crun: open executable: Permission denied: OCI permission denied", 126 },
		{ "OCI runtime create failed: runc create failed: unable to start container process: "
		  "chdir to cwd (\"/root\") set in config.json failed: permission denied: unknown",
		  126 },
		{ "crun: chdir `/root`: Permission denied: OCI permission denied", 126 },
		{ "dial unix /run/containerd.sock: permission denied", 125 },
		{ "error mounting \"/x\" to rootfs: no such file or directory", 125 },
		{ "no such image: x", 125 },
		{ "", 125 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };

		(void)err_engine(&e, -EREMOTEIO, "start agent", 400, cases[i].message);
		assert_int_equal(exit_code_of_error(&e), cases[i].code);
	}
}

static void test_of_other_errors(void **state _unused_)
{
	for (int kind = 0; kind < ERR_KIND_COUNT; kind++) {
		struct err e = { .error = -EIO, .kind = (enum err_kind)kind };
		int expected = kind == ERR_INVALID_ARGUMENT ? EXIT_CODE_USAGE : EXIT_CODE_FAILED;

		assert_int_equal(exit_code_of_error(&e), expected);
	}
}

static void test_of_signals(void **state _unused_)
{
	assert_int_equal(exit_code_of_signal(SIGINT), 130);
	assert_int_equal(exit_code_of_signal(SIGTERM), 143);
	assert_int_equal(exit_code_of_signal(SIGPIPE), 141);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_wait),
		cmocka_unit_test(test_of_engine_errors),
		cmocka_unit_test(test_of_other_errors),
		cmocka_unit_test(test_of_signals),
	};

	return RUN_TESTS("awfctl-exit-code", tests);
}
