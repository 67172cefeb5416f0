/* What a launch leaves of its child when it works, and what it says when it doesn't. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "containers/cli-proxy/gh-launch.h"

/* A launch of a program whose stdout is a pipe. */
struct fixture {
	char *directory;
	struct gh_confinement *confinement;
	struct gh_launch launch;
	int descriptors[3];
	int output;
};

static char *const cat[] = { "cat", "/etc/passwd", NULL };
static char *const no_env[] = { NULL };

static void set_up(struct fixture *f, const char *path)
{
	struct gh_confinement_spec spec = { path, "/no/ca", { 10, 1 << 28, 1 << 20 } };
	_cleanup_err_ struct err e = { 0 };
	int ends[2];

	f->directory = scratch_new();
	assert_int_equal(gh_confinement_new(&spec, &f->confinement, &e), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	f->output = ends[0];
	f->descriptors[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	f->descriptors[1] = f->descriptors[2] = ends[1];
	f->launch = (struct gh_launch){ .confinement = f->confinement,
					.path = path,
					.argv = cat,
					.env = no_env,
					.directory = f->directory,
					.descriptors = f->descriptors };
}

static void tear_down(struct fixture *f)
{
	close(f->output);
	close(f->descriptors[0]);
	gh_confinement_free(f->confinement);
	scratch_freep(&f->directory);
}

static void test_runs(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	struct fixture f;
	char line[8] = "";
	pid_t pid = -1;
	int status;

	set_up(&f, "/bin/cat");
	assert_int_equal(gh_launch(&f.launch, &pid, &e), 0);
	close(f.descriptors[1]);
	assert_int_equal(read(f.output, line, 5), 5);
	assert_string_equal(line, "root:");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tear_down(&f);
}

/* Expects a failure that says this, of a child that is no more. */
static void assert_failure(struct fixture *f, const char *text)
{
	_cleanup_err_ struct err e = { 0 };
	pid_t pid = -1;

	assert_true(gh_launch(&f->launch, &pid, &e) < 0);
	assert_string_equal(e.message, text);
	assert_int_equal(pid, -1);
	while (wait(NULL) > 0)
		;
}

static void test_failures(void **state _unused_)
{
	struct fixture f;
	sigset_t blocked;

	set_up(&f, "/no/gh");
	assert_failure(&f, "cannot run /no/gh: cannot execute it: No such file or directory");
	f.descriptors[0] = -1;
	assert_failure(&f, "cannot run /no/gh: cannot take its descriptors (close_range): "
			   "Bad file descriptor");
	f.launch.directory = "/no/directory";
	assert_failure(&f, "cannot run /no/gh: cannot enter its directory: "
			   "No such file or directory");
	close(f.descriptors[1]);
	tear_down(&f);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	assert_int_equal(sigismember(&blocked, SIGTERM), 0);
}

/* The processors of a program that runs, waiting for its input, and its scheduling policy. */
static int processors_of_launch(enum gh_company company, cpu_set_t *ret)
{
	static char *const reads[] = { "cat", NULL };
	_cleanup_err_ struct err e = { 0 };
	struct fixture f;
	int ends[2];
	pid_t pid = -1;
	int policy;

	set_up(&f, "/bin/cat");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(f.descriptors[0]);
	f.descriptors[0] = ends[0];
	f.launch.argv = reads;
	f.launch.company = company;
	assert_int_equal(gh_launch(&f.launch, &pid, &e), 0);
	close(f.descriptors[1]);
	assert_int_equal(sched_getaffinity(pid, sizeof(*ret), ret), 0);
	policy = sched_getscheduler(pid);
	close(ends[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	tear_down(&f);
	return policy;
}

/* Half of the processors, the upper ones, and never none, are a crowd's; beside others a call
 * yields all of them. */
static void test_company(void **state _unused_)
{
	cpu_set_t own, all, few;
	int first = 0, last = CPU_SETSIZE - 1;

	assert_int_equal(sched_getaffinity(0, sizeof(own), &own), 0);
	assert_int_equal(processors_of_launch(GH_ALONE, &all), SCHED_OTHER);
	assert_true(CPU_EQUAL(&all, &own));
	assert_int_equal(processors_of_launch(GH_BESIDE_OTHERS, &all), SCHED_IDLE);
	assert_true(CPU_EQUAL(&all, &own));
	assert_int_equal(processors_of_launch(GH_IN_CROWD, &few), SCHED_IDLE);
	assert_int_equal(CPU_COUNT(&few), CPU_COUNT(&own) - CPU_COUNT(&own) / 2);
	while (!CPU_ISSET(first, &own))
		first++;
	while (!CPU_ISSET(last, &own))
		last--;
	assert_true(CPU_ISSET(last, &few));
	assert_int_equal(CPU_ISSET(first, &few), first == last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_company),
	};

	return RUN_TESTS("gh-launch", tests);
}
