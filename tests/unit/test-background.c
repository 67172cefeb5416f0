/* A call in a child process. */
#include "awfd/background.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/check.h"

struct told {
	struct event_base *base;
	struct background *background;
	int result, times;
};

static void on_done(int result, void *userdata)
{
	struct told *t = userdata;

	t->result = result;
	t->times++;
}

static int start(struct told *t, background_work_fn work, const void *data)
{
	return background_start(t->base, work, data, on_done, t, &t->background, NULL);
}

static int begin(void **state)
{
	struct told *t = xnew(struct told);

	*t = (struct told){ .base = event_base_new() };
	*state = t;
	return t->base ? 0 : -1;
}

/* Nothing of it is left, whatever became of it. */
static int finish(void **state)
{
	struct told *t = *state;

	background_free(t->background);
	event_base_free(t->base);
	free(t);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static int returns(const void *data)
{
	return *(const int *)data;
}

static void test_result(void **state)
{
	static const int results[] = { 0, -ENODEV, -EPERM };
	struct told *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		assert_int_equal(start(t, returns, &results[i]), 0);
		assert_int_equal(event_base_dispatch(t->base), 1); /* until nothing is waited for */
		assert_int_equal(t->times, i + 1);
		assert_int_equal(t->result, results[i]);
		background_free(TAKE_PTR(t->background));
	}
}

static int is_killed(const void *data _unused_)
{
	raise(SIGKILL);
	return 0;
}

static void test_killed(void **state)
{
	struct told *t = *state;

	assert_int_equal(start(t, is_killed, NULL), 0);
	assert_int_equal(event_base_dispatch(t->base), 1);
	assert_int_equal(t->result, -EIO);
}

static int is_kept_waiting(const void *data)
{
	char c;

	return read(*(const int *)data, &c, 1) < 0 ? -errno : 0;
}

static int goes_on(const void *data _unused_)
{
	pause(); /* for every signal is blocked */
	return 0;
}

/* The loop goes on meanwhile, and who does not want to know any more is not told. */
static void test_given_up(void **state)
{
	struct told *t = *state;

	assert_int_equal(start(t, goes_on, NULL), 0);
	assert_int_equal(event_base_loop(t->base, EVLOOP_NONBLOCK), 0);
	background_free(TAKE_PTR(t->background));
	assert_int_equal(event_base_dispatch(t->base), 1);
	assert_int_equal(t->times, 0);
}

/* Nobody's connection stays open for its sake. */
static void test_descriptors(void **state)
{
	struct told *t = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(start(t, is_kept_waiting, &fds[0]), 0);
	assert_int_equal(event_base_dispatch(t->base), 1);
	assert_int_equal(t->result, -EBADF);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_result, begin, finish),
		cmocka_unit_test_setup_teardown(test_killed, begin, finish),
		cmocka_unit_test_setup_teardown(test_given_up, begin, finish),
		cmocka_unit_test_setup_teardown(test_descriptors, begin, finish),
	};

	return RUN_TESTS("background", tests);
}
