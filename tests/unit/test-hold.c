/* awf-hold as it is run in a sidecar: it waits for a file, and then is another program, which has
 * the variables of that file. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/fd.h"

#include "tests/unit/check.h"
#include "tests/unit/program.h"

#define PATIENCE_MS 10000

struct world {
	char *directory;
	char *awaited;
	pid_t pid;
	int output; /* its stdout and stderr */
};

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->directory = scratch_new();
	w->awaited = xasprintf("%s/environment", w->directory);
	w->pid = -1;
	w->output = -EBADF;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->pid > 0) {
		(void)kill(w->pid, SIGKILL);
		(void)waitpid(w->pid, NULL, 0);
	}
	fd_close(w->output);
	free(w->awaited);
	scratch_freep(&w->directory);
	free(w);
	return 0;
}

static void exec_hold(char *path, char *awaited, int output)
{
	char *argv[] = { path, awaited, (char *)"/usr/bin/env", NULL };
	char *environment[] = { (char *)"A=was", (char *)"B=kept", NULL };

	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	execve(path, argv, environment);
	_exit(99);
}

/* In front of env(1), which shows what it was given. */
static void start(struct world *w)
{
	_cleanup_free_ char *path = program_path("awf-hold");
	int ends[2];

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	w->pid = fork();
	assert_return_code(w->pid, errno);
	if (w->pid == 0)
		exec_hold(path, w->awaited, ends[1]);
	close(ends[1]);
	w->output = ends[0];
}

static void put(struct world *w, const char *text, size_t length)
{
	assert_int_equal(file_write_atomic(w->awaited, 0444, text, length, NULL), 0);
}

/* Its exit code, and all that it said. */
static int end(struct world *w, char *said, size_t size)
{
	size_t n = 0;
	ssize_t r;
	int status;

	while ((r = read(w->output, said + n, size - 1 - n)) > 0)
		n += (size_t)r;
	said[n] = '\0';
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	w->pid = -1;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define PUT(w, text) put((w), (text), sizeof(text) - 1)

static void test_there_already(void **state)
{
	struct world *w = *state;
	char said[4096];

	PUT(w, "A=is\0C=x\ny=z\0");
	start(w);
	assert_int_equal(end(w, said, sizeof(said)), 0);
	assert_text_contains(said, "A=is\n");
	assert_text_contains(said, "B=kept\n");
	assert_text_contains(said, "C=x\ny=z\n"); /* one variable: no newline ends it */
	assert_null(strstr(said, "A=was"));
}

static bool is_waiting(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/syscall", pid);
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *name = xasprintf("%d ", SYS_read);

	return file_read(path, 4096, &text, NULL, NULL) == 0 &&
	       strncmp(text, name, strlen(name)) == 0;
}

/* Until it sleeps in a read: that of the directory's news, because it reads nothing else without an
 * end. */
static void await_waiting(const struct world *w)
{
	for (int i = 0; i < PATIENCE_MS && !is_waiting(w->pid); i++)
		usleep(1000);
	assert_true(is_waiting(w->pid));
}

static void test_waits(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *other = xasprintf("%s/other", w->directory);
	struct pollfd output;
	char said[4096];

	start(w);
	await_waiting(w);
	assert_int_equal(file_write_atomic(other, 0444, "A=no", 5, NULL), 0);
	await_waiting(w);
	output = (struct pollfd){ .fd = w->output, .events = POLLIN };
	assert_int_equal(poll(&output, 1, 0), 0);
	PUT(w, "");
	assert_int_equal(end(w, said, sizeof(said)), 0);
	assert_string_equal(said, "A=was\nB=kept\n");
}

static void test_refused(void **state)
{
	static char large[70000];
	struct world *w = *state;
	char said[4096];

	PUT(w, "A=1\0B=2"); /* which may be half of it */
	start(w);
	assert_int_equal(end(w, said, sizeof(said)), 125);
	assert_text_contains(said, "awf-hold: cannot take the variables of ");
	fd_close(w->output);
	put(w, large, sizeof(large));
	start(w);
	assert_int_equal(end(w, said, sizeof(said)), 125);
	assert_text_contains(said, "awf-hold: cannot take the variables of ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_already, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return RUN_TESTS("hold", tests);
}
