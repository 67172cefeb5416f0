#include "awfd/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/check.h"

/* A child that lives until it is killed. */
static pid_t start_child(const char *name)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_NAME, name);
	for (;;)
		(void)pause();
}

static void end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_identifies_and_opens(void **state _unused_)
{
	_cleanup_close_ int own = (int)syscall(SYS_pidfd_open, getpid(), 0), opened = -EBADF;
	struct process_id id = { 0 };

	assert_int_equal(process_identify(own, getpid(), &id), 0);
	assert_int_equal(id.pid, getpid());
	assert_true(id.started > 0);
	opened = process_open(&id);
	assert_true(opened >= 0);
	assert_false(process_has_ended(opened));
}

/* The same number, but started at another time: somebody else. */
static void test_another_with_the_same_pid(void **state _unused_)
{
	_cleanup_close_ int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct process_id id = { 0 };

	assert_int_equal(process_identify(own, getpid(), &id), 0);
	id.started++;
	assert_int_equal(process_open(&id), -ESRCH);
	id.started -= 2;
	assert_int_equal(process_open(&id), -ESRCH);
}

static void test_no_process(void **state _unused_)
{
	assert_int_equal(process_open(&(struct process_id){ 0 }), -ESRCH);
	assert_int_equal(process_open(&(struct process_id){ .pid = -1 }), -ESRCH);
	assert_int_equal(process_open(&(struct process_id){ .pid = INT32_MAX }), -ESRCH);
}

/* A zombie is an ended process, however long its parent takes to look. */
static void test_ended(void **state _unused_)
{
	pid_t pid = start_child("child");
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct process_id id = { 0 };

	assert_int_equal(process_identify(fd, pid, &id), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_true(process_has_ended(fd));
	assert_int_equal(process_identify(fd, pid, &id), -ESRCH);
	assert_int_equal(process_open(&id), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(process_open(&id), -ESRCH);
}

/* The fields of /proc/PID/stat are counted from behind a name that looks like some. */
static void test_names_that_look_like_fields(void **state _unused_)
{
	static const char *const names[] = { "a) R 1 2 3", ") ) )", "1 2 3 4 5", "" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		pid_t pid = start_child(names[i]);
		_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0), opened = -EBADF;
		struct process_id id = { 0 }, own = { 0 };
		_cleanup_close_ int me = (int)syscall(SYS_pidfd_open, getpid(), 0);

		assert_int_equal(process_identify(fd, pid, &id), 0);
		assert_int_equal(process_identify(me, getpid(), &own), 0);
		assert_row(names[i], id.started >= own.started && id.started < own.started + 60000);
		opened = process_open(&id);
		assert_row(names[i], opened >= 0);
		end_child(pid);
	}
}

static void test_boot_id(void **state _unused_)
{
	_cleanup_free_ char *first = process_boot_id(), *second = process_boot_id();

	assert_non_null(first);
	assert_int_equal(strlen(first), 36);
	assert_string_equal(first, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identifies_and_opens),
		cmocka_unit_test(test_another_with_the_same_pid),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_names_that_look_like_fields),
		cmocka_unit_test(test_boot_id),
	};

	return RUN_TESTS("process", tests);
}
