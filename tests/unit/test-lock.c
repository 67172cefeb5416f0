#include "awfd/lock.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "tests/unit/check.h"

static char directory[32];
static char *path;

static int setup(void **state _unused_)
{
	strcpy(directory, "/tmp/awf-lock-XXXXXX");
	assert_non_null(mkdtemp(directory));
	path = xasprintf("%s/lock", directory);
	return 0;
}

static int teardown(void **state _unused_)
{
	(void)unlink(path);
	free(path);
	return rmdir(directory);
}

/* A process that has the lock until it is killed. */
static pid_t start_holder(void)
{
	int ready[2], fd;
	char byte;
	pid_t pid;

	assert_return_code(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (lock_take(path, &fd, NULL) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_holder(pid_t pid)
{
	assert_return_code(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_a_second_one_is_told_who_has_it(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	pid_t pid = start_holder();
	_cleanup_free_ char *who = xasprintf("process %d, and holds %s; stop it first", pid, path);
	int fd = -EBADF;

	assert_int_equal(lock_take(path, &fd, &e), -EBUSY);
	assert_non_null(strstr(e.message, who));
	assert_int_equal(fd, -EBADF);
	end_holder(pid);
	assert_int_equal(lock_take(path, &fd, NULL), 0);
	fd_close(fd);
}

/* What awfd started may outlive it. */
static void test_children_do_not_have_it(void **state _unused_)
{
	int fd = -EBADF, status;
	pid_t pid;

	assert_int_equal(lock_take(path, &fd, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(lock_take(path, &fd, NULL) == -EBUSY ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd_close(fd);
}

static void test_a_path_that_is_none_is_named(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	int fd = -EBADF;

	assert_int_equal(lock_take("/nowhere/lock", &fd, &e), -ENOENT);
	assert_non_null(strstr(e.message, "/nowhere/lock"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_second_one_is_told_who_has_it),
		TEST(test_children_do_not_have_it),
		TEST(test_a_path_that_is_none_is_named),
	};

	return RUN_TESTS("lock", tests);
}
