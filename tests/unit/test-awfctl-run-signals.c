/* Signals to awfctl run: what is passed on, and what a second and a third one do. */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/stdcopy.h"
#include "tests/unit/awfctl-run.h"
#include "tests/unit/check.h"

/* Fills the stream until it takes nothing more: what a command sees whose output nobody reads. */
static size_t fill(int engine)
{
	static char block[32768];
	unsigned char header[STDCOPY_HEADER_SIZE];
	struct pollfd p = { .fd = engine, .events = POLLOUT };
	size_t total = 0;

	stdcopy_header(header, STDCOPY_STDOUT, 64 * 1024 * 1024);
	assert_return_code(fd_write_all(engine, header, sizeof(header)), 0);
	while (poll(&p, 1, 2 * NOT_YET_MSEC) > 0) {
		ssize_t n = send(engine, block, sizeof(block), MSG_DONTWAIT);

		total += n > 0 ? (size_t)n : 0;
		assert_true(total < BULK); /* nothing may buffer without limit */
	}
	return total;
}

/* With its output stuck, awfctl still hears signals: the first is passed on and waits for the rest
 * of the output, which is then complete. */
static void test_signal_slow_reader(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *output = NULL;
	struct fake_conn stop;
	size_t sent, length;

	run_begin(r, &(struct fake_stdio){ 0 });
	sent = fill(r->engine);
	kill(r->fake.pid, SIGINT);
	run_expect_stop(r, &stop, "SIGINT", 2000);
	fake_send(&stop, STOPPED, -EBADF);
	run_finish(r, ENDED(130));
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	output = fake_read_all(r->fake.out, &length);
	assert_int_equal(length, sent);
	assert_int_equal(fake_wait(&r->fake), 130);
	fake_close(&stop);
}

/* A signal of a process that is not the test. */
static void signal_from_another(pid_t pid, int n)
{
	pid_t sender = fake_fork();
	int status;

	if (sender == 0)
		_exit(kill(pid, n) < 0);
	assert_return_code(waitpid(sender, &status, 0), errno);
	assert_int_equal(status, 0);
}

/* The second signal kills, and nobody waits for the output any more. */
static void test_second_signal(void **state)
{
	struct run *r = *state;
	struct fake_conn first, second;

	run_begin(r, &(struct fake_stdio){ 0 });
	(void)fill(r->engine);
	kill(r->fake.pid, SIGTERM);
	run_expect_stop(r, &first, "SIGTERM", 2000);
	signal_from_another(r->fake.pid, SIGTERM);
	run_expect_stop(r, &second, "SIGKILL", 0);
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	fake_send(&second, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 143);
	fake_close(&first);
	fake_close(&second);
}

/* Whether awfctl comes to say something more. */
static bool calls_again(struct run *r)
{
	struct pollfd p = { .fd = r->fake.listener, .events = POLLIN };

	return poll(&p, 1, NOT_YET_MSEC) > 0;
}

/* timeout(1) signals its child, and then its group: the command has its time to tidy up. Who goes
 * on and on wants it killed. */
static void test_echo(void **state)
{
	struct run *r = *state;
	struct fake_conn first, second;

	run_begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGTERM);
	run_expect_stop(r, &first, "SIGTERM", 2000);
	kill(r->fake.pid, SIGTERM);
	kill(r->fake.pid, SIGHUP);
	assert_false(calls_again(r));
	do {
		kill(r->fake.pid, SIGTERM);
	} while (!calls_again(r));
	run_expect_stop(r, &second, "SIGKILL", 0);
	fake_send(&second, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 143);
	fake_close(&first);
	fake_close(&second);
}

/* The third one needs no answer from awfd. */
static void test_third_signal(void **state)
{
	struct run *r = *state;
	struct fake_conn first, second;

	run_begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGHUP);
	run_expect_stop(r, &first, "SIGHUP", 2000);
	signal_from_another(r->fake.pid, SIGINT);
	run_expect_stop(r, &second, "SIGKILL", 0);
	kill(r->fake.pid, SIGINT);
	assert_int_equal(fake_wait(&r->fake), 130);
	assert_true(fake_is_closed(&r->conn));
	fake_close(&first);
	fake_close(&second);
}

/* The usual course: the command ends by the signal, which either call is told first, and what it
 * said last is shown. */
static void test_signals(void **state)
{
	static const struct {
		int number;
		const char *name;
		int code;
		bool by_stop;
		const char *answer;
	} cases[] = {
		{ SIGINT, "SIGINT", 130, false, ENDED(0) },
		{ SIGTERM, "SIGTERM", 143, true, FAILED("NotFound", "{\"id\":\"" ID "\"}") },
		{ SIGHUP, "SIGHUP", 129, false, ENDED(3) },
		{ SIGQUIT, "SIGQUIT", 131, true, STOPPED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;
		struct fake_conn stop;

		run_begin(r, &(struct fake_stdio){ 0 });
		kill(r->fake.pid, cases[i].number);
		run_expect_stop(r, &stop, cases[i].name, 2000);
		run_send_text(r, "bye");
		assert_false(run_ends_within(r, NOT_YET_MSEC));
		r->engine = fd_close(r->engine);
		fake_send(cases[i].by_stop ? &stop : &r->conn, cases[i].answer, -EBADF);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		run_assert_output(r->fake.out, "bye");
		run_assert_output(r->fake.err, "");
		fake_close(&stop);
		run_next(state);
	}
}

/* The sandbox can't be stopped: said, and the end all the same. */
static void test_stop_fails(void **state)
{
	struct run *r = *state;
	struct fake_conn stop;

	run_begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGTERM);
	run_expect_stop(r, &stop, "SIGTERM", 2000);
	fake_send(&stop,
		  FAILED("EngineError", "{\"operation\":\"kill\",\"status\":500,"
					"\"message\":\"broken\"}"),
		  -EBADF);
	assert_int_equal(fake_wait(&r->fake), 143);
	run_assert_complained(r, "sandbox " ID " was not stopped: broken");
	fake_close(&stop);
}

/* Before awfd told the id there is nothing to stop: closing the connection gives the start up. */
static void test_signal_in_start(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	run_accept_start(r);
	fake_send(&r->conn, "{\"continues\":true,\"parameters\":{\"phase\":\"x\",\"elapsedUs\":1}}",
		  -EBADF);
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	kill(r->fake.pid, SIGINT);
	assert_int_equal(fake_wait(&r->fake), 130);
	assert_true(fake_is_closed(&r->conn));
	run_assert_output(r->fake.err, "");
}

/* After the command's end there is nothing to stop either. */
static void test_signal_after_end(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	(void)fill(r->engine);
	run_finish(r, ENDED(0));
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	kill(r->fake.pid, SIGTERM);
	assert_int_equal(fake_wait(&r->fake), 143);
}

/* nohup: what was ignored from the start does nothing. */
static void test_ignored_signal(void **state)
{
	struct run *r = *state;

	(void)signal(SIGHUP, SIG_IGN);
	run_begin(r, &(struct fake_stdio){ 0 });
	(void)signal(SIGHUP, SIG_DFL);
	kill(r->fake.pid, SIGHUP);
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_signal_slow_reader),
		TEST(test_second_signal),
		TEST(test_echo),
		TEST(test_third_signal),
		TEST(test_signals),
		TEST(test_stop_fails),
		TEST(test_signal_in_start),
		TEST(test_signal_after_end),
		TEST(test_ignored_signal),
	};

	return RUN_TESTS("awfctl-run-signals", tests);
}
