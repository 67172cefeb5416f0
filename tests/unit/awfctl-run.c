#include "tests/unit/awfctl-run.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/fd.h"
#include "tests/unit/check.h"

int run_setup(void **state)
{
	struct run *r = xnew(struct run);

	fake_setup(&r->fake);
	r->conn.fd = r->engine = -EBADF;
	*state = r;
	return 0;
}

int run_teardown(void **state)
{
	struct run *r = *state;

	fake_close(&r->conn);
	r->engine = fd_close(r->engine);
	fake_teardown(&r->fake);
	free(r);
	return 0;
}

void run_expect(struct fake_conn *c, const char *method)
{
	json_object_put(fake_expect(c, method));
}

void run_accept_start(struct run *r)
{
	json_object_put(fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start"));
}

void run_answer_attach(struct run *r, const char *answer)
{
	int pair[2];

	run_expect(&r->conn, "io.awf.Sandbox.Attach");
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
	fake_send(&r->conn, answer, pair[1]);
	close(pair[1]);
	r->engine = pair[0];
	run_expect(&r->conn, "io.awf.Sandbox.Wait");
}

void run_begin(struct run *r, const struct fake_stdio *stdio)
{
	FAKE_RUN(&r->fake, stdio, "run", "--", "x");
	run_accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	run_answer_attach(r, ATTACHED);
}

void run_finish(struct run *r, const char *answer)
{
	r->engine = fd_close(r->engine);
	fake_send(&r->conn, answer, -EBADF);
}

void run_finish_failed(struct run *r, const char *answer, const char *denials)
{
	struct json_object *call;

	run_finish(r, answer);
	call = fake_expect(&r->conn, "io.awf.Sandbox.Denials");
	assert_string_equal(fake_text(call, "id"), ID);
	json_object_put(call);
	fake_send(&r->conn, denials, -EBADF);
}

void run_send_frame(int engine, enum stdcopy_type type, const void *data, size_t length)
{
	unsigned char header[STDCOPY_HEADER_SIZE];

	stdcopy_header(header, type, (uint32_t)length);
	assert_return_code(fd_write_all(engine, header, sizeof(header)), 0);
	assert_return_code(fd_write_all(engine, data, length), 0);
}

void run_send_text(struct run *r, const char *text)
{
	run_send_frame(r->engine, STDCOPY_STDOUT, text, strlen(text));
}

void run_assert_output(int fd, const char *expected)
{
	_cleanup_free_ char *text = fake_read_all(fd, NULL);

	assert_string_equal(text, expected);
}

void run_assert_complained(struct run *r, const char *part)
{
	_cleanup_free_ char *text = fake_read_all(r->fake.err, NULL);

	assert_text_contains(text, part);
}

void run_expect_stop(struct run *r, struct fake_conn *c, const char *signal_name, int64_t grace_ms)
{
	struct json_object *call = fake_accept_call(&r->fake, c, "io.awf.Sandbox.Stop");

	assert_string_equal(fake_text(call, "id"), ID);
	assert_string_equal(fake_text(call, "signal"), signal_name);
	assert_int_equal(json_object_get_int64(json_object_object_get(call, "graceMs")), grace_ms);
	json_object_put(call);
}

bool run_ends_within(struct run *r, int msec)
{
	struct timespec step = { .tv_nsec = 5 * 1000 * 1000 };
	siginfo_t info = { 0 };

	for (int waited = 0; waited < msec; waited += 5) {
		if (waitid(P_PID, (id_t)r->fake.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == r->fake.pid)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

void run_next(void **state)
{
	run_teardown(state);
	run_setup(state);
}
