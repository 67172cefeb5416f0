/* What goes through awfctl run: the command's input and output, to the byte, and what is wrong with
 * them. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/stdcopy.h"
#include "tests/unit/awfctl-run.h"
#include "tests/unit/check.h"

#define FRAME_MAX (128 * 1024)

static char *random_bytes(size_t length)
{
	char *data = xcalloc(length, 1);

	for (size_t have = 0; have < length;)
		have += (size_t)getrandom(data + have, length - have, 0);
	return data;
}

/* All answers at once, in pieces of one byte, and a command that ended before awfctl was attached.
 */
static void test_pieces(void **state)
{
	struct run *r = *state;
	int pair[2];
	static const char started[] = STARTED;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	run_accept_start(r);
	for (size_t i = 0; i < sizeof(started); i++)
		assert_int_equal(fd_send(r->conn.fd, &started[i], 1, -EBADF), 1);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
	run_send_frame(pair[0], STDCOPY_STDOUT, "early", 5);
	run_send_frame(pair[0], STDCOPY_STDERR, "", 0);
	close(pair[0]);
	assert_true(fd_send(r->conn.fd, ATTACHED "\0" ENDED(3), sizeof(ATTACHED) + sizeof(ENDED(3)),
			    pair[1]) > 0);
	close(pair[1]);
	run_expect(&r->conn, "io.awf.Sandbox.Attach");
	run_expect(&r->conn, "io.awf.Sandbox.Wait");
	run_expect(&r->conn, "io.awf.Sandbox.Denials");
	fake_send(&r->conn, NO_DENIALS, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 3);
	run_assert_output(r->fake.out, "early");
}

static int memory_file(const void *data, size_t length)
{
	int fd = memfd_create("stdio", MFD_CLOEXEC);

	assert_return_code(fd, errno);
	assert_return_code(fd_write_all(fd, data, length), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void assert_file_holds(int fd, const char *data, size_t length)
{
	char *map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);

	assert_int_equal(lseek(fd, 0, SEEK_END), length);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_memory_equal(map, data, length);
	munmap(map, length);
	close(fd);
}

/* Random bytes as frames of random sizes, alternately on stdout and stderr, from both of which
 * nothing may be lost, changed or mixed. */
static void test_output_exact(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *data = random_bytes(2 * BULK);
	struct fake_stdio stdio = { .out = memory_file("", 0), .err = memory_file("", 0) };
	size_t sent[2] = { 0, 0 };

	run_begin(r, &stdio);
	for (int to = 0; sent[0] < BULK || sent[1] < BULK; to = !to) {
		size_t n = (size_t)random() % FRAME_MAX + 1;

		n = MIN(n, BULK - sent[to]);
		run_send_frame(r->engine, to ? STDCOPY_STDERR : STDCOPY_STDOUT,
			       data + (size_t)to * BULK + sent[to], n);
		sent[to] += n;
	}
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_file_holds(stdio.out, data, BULK);
	assert_file_holds(stdio.err, data + BULK, BULK);
}

/* The whole input arrives, then the end of it, after which the command still can answer. */
static void test_input_exact(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *data = random_bytes(BULK), *arrived = NULL;
	struct fake_stdio stdio = { .in = memory_file(data, BULK) };
	size_t length;

	run_begin(r, &stdio);
	arrived = fake_read_all(r->engine, &length);
	assert_int_equal(length, BULK);
	assert_memory_equal(arrived, data, BULK);
	run_send_text(r, "got it");
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.out, "got it");
	close(stdio.in);
}

/* Copies this much from awfctl's output to its input, in a process of its own. */
static pid_t echo_process(int from, int to, size_t length)
{
	pid_t pid = fake_fork();
	char buffer[4096];
	ssize_t n = 1;

	if (pid > 0)
		return pid;
	for (; length > 0 && n > 0; length -= (size_t)n) {
		n = read(from, buffer, sizeof(buffer));
		if (n < 0 || fd_write_all(to, buffer, (size_t)n) < 0)
			_exit(1);
	}
	_exit(length > 0);
}

/* Both directions at once through pipes that somebody made non-blocking and that are slow: what the
 * engine sends comes back to it. The flags of the pipes are left alone. */
static void test_both_directions(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *data = random_bytes(BULK), *back = NULL;
	struct fake_stdio stdio = { 0 };
	int in[2], out[2], status;
	size_t length;
	pid_t echo, feeder;

	assert_return_code(pipe2(in, O_CLOEXEC), errno);
	assert_return_code(pipe2(out, O_CLOEXEC), errno);
	assert_return_code(fd_set_nonblock(in[0], true), 0);
	assert_return_code(fd_set_nonblock(out[1], true), 0);
	stdio.in = in[0];
	stdio.out = out[1];
	run_begin(r, &stdio);
	assert_true(fcntl(in[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	close(out[1]);
	echo = echo_process(out[0], in[1], BULK);
	close(in[1]);
	close(out[0]);
	feeder = fake_fork();
	if (feeder == 0) {
		for (size_t sent = 0; sent < BULK; sent += 32768)
			run_send_frame(r->engine, STDCOPY_STDOUT, data + sent, 32768);
		_exit(0);
	}
	back = fake_read_all(r->engine, &length);
	assert_int_equal(length, BULK);
	assert_memory_equal(back, data, BULK);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_int_equal(waitpid(feeder, &status, 0), feeder);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(echo, &status, 0), echo);
	assert_int_equal(status, 0);
	close(in[0]);
}

/* Descriptors that block stay so, for whoever shares them. */
static void test_flags_untouched(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_send_text(r, "x");
	assert_int_equal(fcntl(r->fake.in, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(r->fake.out, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(r->engine, F_GETFL) & O_NONBLOCK, 0);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
}

/* Nobody ever writes to or closes standard input: the end of the command is the end. */
static void test_idle_input(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_finish_failed(r, ENDED(5), NO_DENIALS);
	assert_int_equal(fake_wait(&r->fake), 5);
}

static void test_closed_input(void **state)
{
	struct run *r = *state;
	char byte;

	run_begin(r, &(struct fake_stdio){ .close_in = true });
	assert_int_equal(read(r->engine, &byte, 1), 0);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.err, "");
}

/* A directory as standard input: reported, an empty input for the command. */
static void test_unreadable_input(void **state)
{
	struct run *r = *state;
	struct fake_stdio stdio = { .in = open("/", O_RDONLY | O_CLOEXEC) };
	char byte;

	run_begin(r, &stdio);
	assert_int_equal(read(r->engine, &byte, 1), 0);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_complained(r, "cannot read standard input: Is a directory");
	close(stdio.in);
}

/* The command ends without having read its input, which the stream then answers with a reset. */
static void test_unread_input(void **state)
{
	struct run *r = *state;
	struct fake_stdio stdio = { .in = open("/dev/zero", O_RDONLY | O_CLOEXEC) };
	struct pollfd p;

	run_begin(r, &stdio);
	p = (struct pollfd){ .fd = r->engine, .events = POLLIN };
	assert_int_equal(poll(&p, 1, -1), 1);
	run_send_text(r, "enough");
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.out, "enough");
	run_assert_output(r->fake.err, "");
	close(stdio.in);
}

/* awfctl run -- yes | head */
static void test_broken_pipe(void **state)
{
	struct run *r = *state;
	struct fake_conn stop;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_send_text(r, "y\n");
	fake_assert_printed(&r->fake, "y\n");
	r->fake.out = fd_close(r->fake.out);
	run_send_text(r, "y\n");
	run_expect_stop(r, &stop, "SIGKILL", 0);
	fake_send(&stop, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 141);
	run_assert_output(r->fake.err, "");
	fake_close(&stop);
}

/* Output that can't be kept is not silently lost. */
static void test_full_device(void **state)
{
	struct run *r = *state;
	struct fake_stdio stdio = { .out = open("/dev/full", O_WRONLY | O_CLOEXEC) };
	struct fake_conn stop;

	run_begin(r, &stdio);
	run_send_text(r, "x");
	run_expect_stop(r, &stop, "SIGKILL", 0);
	fake_send(&stop, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 125);
	run_assert_complained(r, "cannot write to standard output: No space left on device");
	fake_close(&stop);
	close(stdio.out);
}

/* A stream that is damaged is an error, and the end. */
static void test_damaged_stream(void **state)
{
	struct run *r = *state;
	struct fake_conn stop;

	run_begin(r, &(struct fake_stdio){ 0 });
	assert_return_code(fd_write_all(r->engine, "\x07xxxxxxx", 8), 0);
	run_expect_stop(r, &stop, "SIGKILL", 0);
	fake_send(&stop, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 125);
	run_assert_complained(r, "the command's output is damaged");
	fake_close(&stop);
}

/* Of a stream that ends in the middle, too, nobody believes that all went well. */
static void test_cut_streams(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *answer;
		int code;
	} cases[] = {
		{ "\x01\0\0\0\0\0\0\x05"
		  "abc",
		  11, ENDED(0), 125 },
		{ "\x01\0\0", 3, ENDED(0), 125 },
		{ "\x01\0\0", 3, ENDED(143), 143 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;

		run_begin(r, &(struct fake_stdio){ 0 });
		assert_return_code(fd_write_all(r->engine, cases[i].bytes, cases[i].length), 0);
		run_finish_failed(r, cases[i].answer, NO_DENIALS);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		run_assert_complained(r, "the command's output ended in the middle");
		run_next(state);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pieces),          TEST(test_output_exact),     TEST(test_input_exact),
		TEST(test_both_directions), TEST(test_flags_untouched),  TEST(test_idle_input),
		TEST(test_closed_input),    TEST(test_unreadable_input), TEST(test_unread_input),
		TEST(test_broken_pipe),     TEST(test_full_device),      TEST(test_damaged_stream),
		TEST(test_cut_streams),
	};

	return RUN_TESTS("awfctl-run-streams", tests);
}
