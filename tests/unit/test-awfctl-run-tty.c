/* awfctl run --tty on a real pseudo-terminal: raw mode, sizes, detaching, and the terminal as it
 * was. */
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "common/fd.h"
#include "tests/unit/awfctl-run.h"
#include "tests/unit/check.h"

#define ATTACHED_TTY "{\"parameters\":{\"stream\":0,\"tty\":true}}"

/* A pseudo-terminal as standard input and output. */
struct pty {
	int master;
	int slave;
	struct termios mode; /* before */
};

static void begin_tty(struct run *r, struct pty *pty)
{
	struct fake_stdio stdio = { 0 };

	assert_return_code(openpty(&pty->master, &pty->slave, NULL, NULL, NULL), errno);
	memset(&pty->mode, 0, sizeof(pty->mode));
	assert_return_code(tcgetattr(pty->slave, &pty->mode), errno);
	stdio.in = stdio.out = pty->slave;
	FAKE_RUN(&r->fake, &stdio, "run", "-t", "--", "x");
	run_accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	run_answer_attach(r, ATTACHED_TTY);
}

static bool is_raw(const struct pty *pty)
{
	struct termios now;

	assert_return_code(tcgetattr(pty->slave, &now), errno);
	return !(now.c_lflag & (ICANON | ECHO | ISIG)) && !(now.c_oflag & OPOST);
}

static void assert_restored(struct pty *pty)
{
	struct termios now;

	memset(&now, 0, sizeof(now)); /* there is padding */
	assert_return_code(tcgetattr(pty->slave, &now), errno);
	assert_memory_equal(&now, &pty->mode, sizeof(now));
	close(pty->master);
	close(pty->slave);
}

/* Waits until what the command said comes out of the terminal: then it is raw. */
static void assert_terminal_shows(struct run *r, struct pty *pty, const char *text)
{
	char buffer[64];
	size_t length = strlen(text);

	assert_return_code(fd_write_all(r->engine, text, length), 0);
	assert_int_equal(read(pty->master, buffer, sizeof(buffer)), length);
	assert_memory_equal(buffer, text, length);
	assert_true(is_raw(pty));
}

static void test_tty(void **state)
{
	struct run *r = *state;
	struct pty pty;
	char key;

	begin_tty(r, &pty);
	assert_terminal_shows(r, &pty, "\x01\0\0raw\r\n$ ");
	assert_int_equal(write(pty.master, "\x03", 1), 1);
	assert_int_equal(read(r->engine, &key, 1), 1);
	assert_int_equal(key, 3);
	run_finish_failed(r, ENDED(4), NO_DENIALS);
	assert_int_equal(fake_wait(&r->fake), 4);
	assert_restored(&pty);
}

/* Whatever ends awfctl, but for SIGKILL, the terminal is as before. */
static void test_tty_restored(void **state)
{
	static const struct {
		int signal;
		int code;
	} cases[] = {
		{ SIGTERM, 143 },
		{ SIGHUP, 129 },
		{ SIGQUIT, 131 },
		{ SIGINT, 130 },
		{ SIGSEGV, 1000 + SIGSEGV },
		{ SIGABRT, 1000 + SIGABRT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;
		struct pty pty;

		begin_tty(r, &pty);
		assert_terminal_shows(r, &pty, "$ ");
		r->fake.listener = fd_close(r->fake.listener);
		kill(r->fake.pid, cases[i].signal);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		assert_restored(&pty);
		run_next(state);
	}
}

static void set_size(struct pty *pty, unsigned short width, unsigned short height)
{
	struct winsize size = { .ws_col = width, .ws_row = height };

	assert_return_code(ioctl(pty->master, TIOCSWINSZ, &size), errno);
}

/* Has the size told, which is refused: that is no news, and changes nothing. */
static void expect_size(struct run *r, const char *size)
{
	struct fake_conn c;
	struct json_object *call = fake_accept_call(&r->fake, &c, "io.awf.Sandbox.Resize");

	assert_string_equal(json_object_to_json_string_ext(call, JSON_C_TO_STRING_PLAIN), size);
	json_object_put(call);
	fake_send(&c, FAILED("SystemError", "{\"message\":\"no\"}"), -EBADF);
	fake_close(&c);
}

#define SIZE(width, height) "{\"id\":\"" ID "\",\"width\":" #width ",\"height\":" #height "}"

/* The size follows that of the terminal: the last one is told, though many come while one is. */
static void test_tty_resized(void **state)
{
	struct run *r = *state;
	struct pty pty;

	begin_tty(r, &pty);
	assert_terminal_shows(r, &pty, "$ ");
	set_size(&pty, 100, 30); /* not awfctl's controlling terminal: it is told by hand */
	kill(r->fake.pid, SIGWINCH);
	expect_size(r, SIZE(100, 30));
	set_size(&pty, 101, 31);
	kill(r->fake.pid, SIGWINCH);
	expect_size(r, SIZE(101, 31));
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.err, "");
	assert_restored(&pty);
}

/* awfctl attach with these options, to a command with a terminal of a size. */
static void attach_tty(struct run *r, struct pty *pty, const char *option)
{
	struct winsize size = { .ws_col = 90, .ws_row = 20 };
	struct fake_stdio stdio = { 0 };

	assert_return_code(openpty(&pty->master, &pty->slave, NULL, NULL, &size), errno);
	memset(&pty->mode, 0, sizeof(pty->mode));
	assert_return_code(tcgetattr(pty->slave, &pty->mode), errno);
	stdio.in = stdio.out = pty->slave;
	FAKE_RUN(&r->fake, &stdio, "attach", ID, option);
	fake_accept(&r->fake, &r->conn);
	run_answer_attach(r, ATTACHED_TTY);
	expect_size(r, SIZE(90, 21)); /* so that the command draws all again */
	expect_size(r, SIZE(90, 20));
}

/* The keys leave the command alone, of which nothing is told; what was typed before reaches it. */
static void test_detach(void **state)
{
	static const struct {
		const char *option, *typed, *passed;
	} cases[] = {
		{ NULL,
		  "ab\x10\x10\x11"
		  "c",
		  "ab\x10" },
		{ "--detach-keys=~,.", "\x10\x11~.", "\x10\x11" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;
		struct pty pty;
		_cleanup_free_ char *passed = NULL;

		attach_tty(r, &pty, cases[i].option);
		assert_terminal_shows(r, &pty, "$ ");
		assert_return_code(fd_write_all(pty.master, cases[i].typed, strlen(cases[i].typed)),
				   0);
		assert_int_equal(fake_wait(&r->fake), 0);
		passed = fake_read_all(r->engine, NULL);
		assert_string_equal(passed, cases[i].passed);
		run_assert_output(r->fake.err, "awfctl: detached from sandbox " ID
					       ": awfctl attach " ID " comes back to it\n");
		assert_restored(&pty);
		run_next(state);
	}
}

/* With no such keys all is for the command; and keys that are none are refused. */
static void test_no_detach_keys(void **state)
{
	struct run *r = *state;
	struct pty pty;
	char typed[2];

	attach_tty(r, &pty, "--detach-keys=");
	assert_terminal_shows(r, &pty, "$ ");
	assert_int_equal(write(pty.master, "\x10\x11", 2), 2);
	assert_int_equal(recv(r->engine, typed, 2, MSG_WAITALL), 2);
	assert_memory_equal(typed, "\x10\x11", 2);
	run_finish(r, ENDED(7));
	assert_int_equal(fake_wait(&r->fake), 7);
	assert_restored(&pty);
}

/* Stopped and continued: the terminal is the shell's in between. */
static void test_tty_suspended(void **state)
{
	struct run *r = *state;
	struct pty pty;
	siginfo_t info;

	begin_tty(r, &pty);
	assert_terminal_shows(r, &pty, "$ ");
	kill(r->fake.pid, SIGTSTP);
	assert_return_code(waitid(P_PID, (id_t)r->fake.pid, &info, WSTOPPED), errno);
	assert_false(is_raw(&pty));
	kill(r->fake.pid, SIGCONT);
	while (!is_raw(&pty))
		assert_false(run_ends_within(r, 5));
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_restored(&pty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tty),         TEST(test_tty_restored), TEST(test_tty_suspended),
		TEST(test_tty_resized), TEST(test_detach),       TEST(test_no_detach_keys),
	};

	return RUN_TESTS("awfctl-run-tty", tests);
}
