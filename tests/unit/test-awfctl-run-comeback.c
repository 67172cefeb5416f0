/* An awfd that goes away under awfctl run, and one that comes back. */
#include <poll.h>
#include <signal.h>

#include "common/clock.h"
#include "common/fd.h"
#include "tests/unit/awfctl-run.h"
#include "tests/unit/check.h"

static void test_awfd_vanishes_in_start(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	run_accept_start(r);
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 125);
	run_assert_complained(r, "awfctl: awfd closed the connection");
}

/* Before the command's stream is there, there is nothing to come back to. */
static void test_awfd_vanishes_in_attach(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	run_accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	run_expect(&r->conn, "io.awf.Sandbox.Attach");
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 125);
	run_assert_complained(r, "awfctl: awfd closed the connection");
}

/* The connection is reset then, which is the same to the user. */
static void test_awfd_vanishes_with_a_call_unread(void **state)
{
	struct run *r = *state;
	struct pollfd p = { .events = POLLIN };

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	fake_accept(&r->fake, &r->conn);
	p.fd = r->conn.fd;
	assert_int_equal(poll(&p, 1, -1), 1);
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 125);
	run_assert_complained(r, "awfctl: awfd closed the connection");
}

/* The next awfd is asked how the command ends, and for the lease if it was ours. */
static void expect_comeback(struct run *r, bool lease)
{
	struct json_object *call;

	fake_close(&r->conn);
	call = fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Wait");
	assert_string_equal(fake_text(call, "id"), ID);
	assert_int_equal(json_object_get_boolean(json_object_object_get(call, "lease")), lease);
	json_object_put(call);
}

/* Nothing of the command's output is lost, nor how it ended, however often awfd is restarted. */
static void test_comes_back(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_send_text(r, "before ");
	fake_close(&r->conn);
	run_send_text(r, "meanwhile ");
	for (int i = 0; i < 3; i++)
		expect_comeback(r, true);
	run_send_text(r, "after");
	run_finish_failed(r, ENDED(42), NO_DENIALS);
	assert_int_equal(fake_wait(&r->fake), 42);
	run_assert_output(r->fake.out, "before meanwhile after");
	run_assert_output(r->fake.err, "");
}

static void test_attached_comes_back(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "attach", ID);
	fake_accept(&r->fake, &r->conn);
	run_answer_attach(r, ATTACHED);
	expect_comeback(r, false);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.err, "");
}

static void test_waiter_comes_back(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "wait", ID);
	json_object_put(fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Wait"));
	expect_comeback(r, false);
	fake_send(&r->conn, ENDED(7), -EBADF);
	assert_int_equal(fake_wait(&r->fake), 7);
	run_assert_output(r->fake.err, "");
}

static void hide_socket(struct run *r, bool hide)
{
	_cleanup_free_ char *hidden = xasprintf("%s.hidden", r->fake.socket);

	assert_return_code(hide ? rename(r->fake.socket, hidden) : rename(hidden, r->fake.socket),
			   errno);
}

static void test_comes_back_late(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	hide_socket(r, true);
	fake_close(&r->conn);
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	hide_socket(r, false);
	expect_comeback(r, true);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.err, "");
}

/* Many come back at once: whoever finds no room tries again. */
static void test_comes_back_to_a_crowd(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	for (int i = 0; i < 3; i++) {
		expect_comeback(r, true);
		fake_send(&r->conn,
			  FAILED("QuotaExceeded", "{\"resource\":\"connections\",\"message\":"
						  "\"128 of 128 in use\"}"),
			  -EBADF);
	}
	expect_comeback(r, true);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.err, "");
}

/* How many connections are made, and closed at once, within that time. */
static unsigned count_attempts(struct run *r, int msec)
{
	uint64_t end = clock_ms() + (uint64_t)msec;
	struct pollfd p = { .fd = r->fake.listener, .events = POLLIN };
	unsigned n = 0;

	for (uint64_t now; (now = clock_ms()) < end;) {
		if (poll(&p, 1, (int)(end - now)) <= 0)
			break;
		fake_accept(&r->fake, &r->conn);
		fake_close(&r->conn);
		n++;
	}
	return n;
}

/* What takes connections and closes them is asked ten times a second, not as often as it can be,
 * also by one whose command writes. */
static void test_comes_back_in_vain(void **state)
{
	static const char *const commands[] = { "attach", "wait" };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct run *r = *state;
		unsigned n;

		FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, commands[i], ID);
		fake_accept(&r->fake, &r->conn);
		if (i == 0)
			run_answer_attach(r, ATTACHED);
		fake_close(&r->conn);
		n = count_attempts(r, 2000);
		assert_in_range(n, 2, 22);
		kill(r->fake.pid, SIGTERM);
		assert_int_equal(fake_wait(&r->fake), i == 0 ? 143 : 1000 + SIGTERM);
		run_next(state);
	}
}

/* The next awfd does not go on with it: what the command writes is still shown to its end. */
static void test_comes_back_to_nothing(void **state)
{
	static const char *const answers[] = {
		FAILED("NotFound", "{\"id\":\"" ID "\"}"),
		FAILED("InvalidArgument",
		       "{\"field\":\"lease\",\"value\":\"true\",\"reason\":\"it is over\"}"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct run *r = *state;
		_cleanup_free_ char *said = NULL;

		run_begin(r, &(struct fake_stdio){ 0 });
		expect_comeback(r, true);
		fake_send(&r->conn, answers[i], -EBADF);
		assert_false(run_ends_within(r, NOT_YET_MSEC));
		run_send_text(r, "after");
		r->engine = fd_close(r->engine);
		assert_int_equal(fake_wait(&r->fake), 125);
		run_assert_output(r->fake.out, "after");
		said = fake_read_all(r->fake.err, NULL);
		assert_text_contains(said, "sandbox " ID " ended while awfd was restarted");
		assert_text_contains(said, "the exit code of sandbox " ID " is lost");
		run_next(state);
	}
}

/* A signal then ends awfctl, which can't stop anything; the next awfd ends what has no client. */
static void test_signal_without_awfd(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	hide_socket(r, true);
	fake_close(&r->conn);
	assert_false(run_ends_within(r, NOT_YET_MSEC));
	kill(r->fake.pid, SIGINT);
	assert_int_equal(fake_wait(&r->fake), 130);
	run_assert_output(r->fake.err, "");
	hide_socket(r, false);
}

/* awfd goes while it stops the command: that ends with its client. */
static void test_awfd_vanishes_in_stop(void **state)
{
	struct run *r = *state;
	struct fake_conn stopper;

	run_begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGTERM);
	run_expect_stop(r, &stopper, "SIGTERM", 2000);
	fake_close(&r->conn);
	fake_close(&stopper);
	assert_true(run_ends_within(r, SOON_MSEC));
	assert_int_equal(fake_wait(&r->fake), 143);
	run_assert_output(r->fake.err, "");
}

/* A signal to one that came back is passed on, as before. */
static void test_signal_after_comeback(void **state)
{
	struct run *r = *state;
	struct fake_conn stopper;

	run_begin(r, &(struct fake_stdio){ 0 });
	expect_comeback(r, true);
	kill(r->fake.pid, SIGTERM);
	run_expect_stop(r, &stopper, "SIGTERM", 2000);
	run_finish(r, ENDED(0)); /* it does not wait for the rest of the stop */
	assert_int_equal(fake_wait(&r->fake), 143);
	fake_close(&stopper);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_awfd_vanishes_in_start),
		TEST(test_awfd_vanishes_in_attach),
		TEST(test_comes_back),
		TEST(test_attached_comes_back),
		TEST(test_waiter_comes_back),
		TEST(test_comes_back_late),
		TEST(test_comes_back_to_a_crowd),
		TEST(test_comes_back_in_vain),
		TEST(test_comes_back_to_nothing),
		TEST(test_awfd_vanishes_with_a_call_unread),
		TEST(test_signal_without_awfd),
		TEST(test_awfd_vanishes_in_stop),
		TEST(test_signal_after_comeback),
	};

	return RUN_TESTS("awfctl-run-comeback", tests);
}
