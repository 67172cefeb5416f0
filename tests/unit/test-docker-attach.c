/* Attach streams of an engine that misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>

#include "awfd/docker-attach.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "tests/unit/fake-engine.h"

#define ATTACH   "POST /v1.41/containers/"
#define SWITCHED "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define ERROR(s) "HTTP/1.1 " s "\r\nContent-Length: *\r\n\r\n"
#define QUEUE    4

struct fixture {
	struct event_base *base;
	struct fake_engine *engine;
	struct docker *docker;
};

struct outcome {
	unsigned done;
	int fd;
	struct err e;
	bool inside_start;
};

static void outcome_clear(struct outcome *o)
{
	if (o->done)
		(void)fd_close(o->fd);
	err_clear(&o->e);
}

#define _outcome_ _cleanup_(outcome_clear) struct outcome

static void on_attached(int fd, const struct err *e, void *userdata)
{
	struct outcome *o = userdata;

	assert_false(o->inside_start);
	o->done++;
	o->fd = fd;
	if (e)
		err_copy(&o->e, e);
}

static struct docker_attach *start(struct fixture *f, int timeout_ms, struct outcome *o)
{
	struct docker_attach *a;

	o->inside_start = true;
	a = docker_attach_start(f->docker, "a/b", true, timeout_ms, on_attached, o);
	o->inside_start = false;
	assert_non_null(a);
	return a;
}

static void attach(struct fixture *f, int timeout_ms, struct outcome *o)
{
	(void)start(f, timeout_ms, o);
	assert_true(fake_engine_run(f->engine, &o->done, 1));
}

static void assert_attached(const struct outcome *o)
{
	if (o->e.error)
		fail_msg("%s", o->e.message);
	assert_true(o->fd >= 0);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->base = event_base_new();
	f->engine = fake_engine_new(f->base, QUEUE);
	*state = f;
	return docker_new(f->base, fake_engine_path(f->engine), &f->docker, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	docker_free(f->docker);
	fake_engine_free(f->engine);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* Reads what is there, up to size - 1 bytes. */
static void read_all(struct fixture *f, int fd, char *text, size_t size)
{
	size_t have = 0;
	ssize_t n;

	for (int i = 0; i < 100 && have < size - 1; i++) {
		fake_engine_run_for(f->engine, 1);
		n = recv(fd, text + have, size - 1 - have, MSG_DONTWAIT);
		have += n > 0 ? (size_t)n : 0;
	}
	text[have] = '\0';
}

/* Bytes of the stream right behind the head, in one piece with it or one by one, stay in the
 * socket. */
static void leaves_the_stream(void **state)
{
	static const char stream[] = "\1ream \r\n\r\n more";
	struct fixture *f = *state;

	for (int byte_ms = 0; byte_ms < 2; byte_ms++) {
		const struct fake_line script[] = {
			{ .request = ATTACH,
			  .answer = SWITCHED "\1ream \r\n\r\n more",
			  .byte_ms = byte_ms },
			{ 0 },
		};
		_outcome_ o = { 0 };
		char text[64];

		fake_engine_script(f->engine, script);
		attach(f, 30000, &o);
		assert_attached(&o);
		assert_true(fcntl(o.fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(o.fd, F_GETFL) & O_NONBLOCK);
		read_all(f, o.fd, text, sizeof(stream));
		assert_string_equal(text, stream);
	}
}

/* More stream than fits into one look, behind the head. */
static void leaves_a_long_stream(void **state)
{
	const struct fake_line script[] = {
		{ .request = ATTACH, .answer = SWITCHED, .filler = 100000 },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };
	_cleanup_free_ char *text = xcalloc(1, 100002);

	fake_engine_script(f->engine, script);
	attach(f, 30000, &o);
	assert_attached(&o);
	read_all(f, o.fd, text, 100002);
	assert_int_equal(strspn(text, "x"), 100000);
	assert_int_equal(strlen(text), 100000);
}

static void asks_as_told(void **state)
{
	static const struct fake_line script[] = {
		{ .request = ATTACH, .answer = SWITCHED },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	attach(f, 0, &o);
	assert_attached(&o);
	assert_int_equal(
		fake_engine_count(f->engine,
				  "POST /v1.41/containers/a%2Fb/attach?stream=1&stdin=1&stdout=1"
				  "&stderr=1&detachKeys=%FE,%FF,%FE,%FF,%FE,%FF,%FE,%FF HTTP/1.1"),
		1);
	assert_non_null(strstr(fake_engine_last(f->engine), "\r\nUpgrade: tcp\r\n"));
	assert_int_equal(fd_write_all(o.fd, "input", 5), 0);
	fake_engine_run_for(f->engine, 10);
	assert_string_equal(fake_engine_stream(f->engine), "input");
}

static void reports_faults(void **state)
{
	static const struct {
		struct fake_line line;
		int error;
		int status;
		const char *message;
	} cases[] = {
		{ { .answer = ERROR("404 No") "{\"message\":\"No such container: a/b\"}\n" },
		  -ENOENT,
		  404,
		  "No such container: a/b" },
		{ { .answer = ERROR("409 No") "{\"message\":\"paused\"}", .byte_ms = 1 },
		  -EBUSY,
		  409,
		  "paused" },
		{ { .answer = ERROR("404 No") "No such container: a/b\r\n" },
		  -ENOENT,
		  404,
		  "No such container: a/b" },
		{ { .answer = "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n"
			      "8\r\n{\"messag\r\na\r\ne\":\"boom\"}\r\n0\r\n\r\n" },
		  -EIO,
		  500,
		  "boom" },
		{ { .answer = "HTTP/1.1 500 No\r\n\r\n{\"message\":\"end\"}", .then = FAKE_CLOSE },
		  -EIO,
		  500,
		  "end" },
		{ { .answer = "HTTP/1.1 500 No\r\nContent-Length: 90\r\n\r\nhalf",
		    .then = FAKE_CLOSE },
		  -EIO,
		  500,
		  "half" },
		{ { .answer = "HTTP/1.1 500 No\r\n\r\n", .then = FAKE_CLOSE },
		  -EIO,
		  500,
		  "the engine gives no reason" },
		{ { .answer = "HTTP/1.1 500 No\r\n\r\n", .filler = 1 << 20 }, -EIO, 500, "xxxx" },
		{ { .answer = "HTTP/1.1 200 OK\r\n\r\nstream" },
		  -EPROTO,
		  200,
		  "the engine did not switch protocols" },
		{ { .answer = "SSH-2.0-OpenSSH_9.2\r\n" }, -EBADMSG, 0, "the answer is not HTTP" },
		{ { .answer = "HTTP/1.1 abc\r\n\r\n" }, -EBADMSG, 0, "the answer is not HTTP" },
		{ { .answer = "HTTP/1.1 101 UPGRADED\r\nX: ", .filler = 1 << 20 },
		  -EMSGSIZE,
		  0,
		  "the head of the answer is too long" },
		{ { .then = FAKE_CLOSE }, -ECONNRESET, 0, "broke before the engine's answer" },
		{ { .answer = "HTTP/1.1 101 UPGR", .then = FAKE_CLOSE },
		  -ECONNRESET,
		  0,
		  "broke before the engine's answer" },
		{ { .answer = "HTTP/1.1 101 UPGRADED\r\n" },
		  -ETIMEDOUT,
		  0,
		  "no answer within 100 ms" },
		{ { .answer = SWITCHED, .byte_ms = 20 }, -ETIMEDOUT, 0, "no answer within 100 ms" },
		{ { .answer = NULL }, -ETIMEDOUT, 0, "no answer within 100 ms" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_line script[] = { cases[i].line, { 0 } };
		_outcome_ o = { 0 };

		script[0].request = ATTACH;
		fake_engine_script(f->engine, script);
		attach(f, cases[i].error == -ETIMEDOUT ? 100 : 30000, &o);
		assert_int_equal(o.e.kind, ERR_ENGINE);
		if (!strstr(o.e.message, cases[i].message))
			fail_msg("'%s' not in '%s'", cases[i].message, o.e.message);
		assert_int_equal(o.e.error, cases[i].error);
		assert_int_equal(o.e.status, cases[i].status);
		assert_string_equal(o.e.subject, "attach to container a/b");
		assert_int_equal(o.fd, -EBADF);
		fake_engine_run_for(f->engine, 5);
		assert_true(fake_engine_run_connections(f->engine, 0));
	}
}

static void says_that_no_engine_is_there(void **state)
{
	struct fixture *f = *state;

	fake_engine_stop(f->engine);
	for (int i = 0; i < 2; i++) {
		_outcome_ o = { 0 };

		attach(f, 30000, &o);
		assert_int_equal(o.e.error, -ECONNREFUSED);
		assert_non_null(strstr(o.e.message, "systemctl status docker"));
		assert_string_equal(o.e.subject, "attach to container a/b");
	}
}

/* The engine went away between its version and the attach: it is asked for the version again. */
static void forgets_the_version(void **state)
{
	static const struct fake_line script[] = {
		{ .request = ATTACH, .then = FAKE_CLOSE },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	attach(f, 30000, &o);
	assert_int_equal(o.e.error, -ECONNRESET);
	assert_null(docker_api_version(f->docker));
}

static void limits_time_of_negotiation(void **state)
{
	static const struct fake_line script[] = { { .request = "GET /version " }, { 0 } };
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	attach(f, 50, &o);
	assert_int_equal(o.e.error, -ETIMEDOUT);
	assert_non_null(strstr(o.e.message, "no answer within 50 ms"));
}

/* Given up after so many milliseconds, at whatever stage that is. */
static void cancels_at_any_stage(void **state)
{
	static const struct fake_line script[] = {
		{ .request = ATTACH, .answer = SWITCHED, .byte_ms = 2 },
		{ 0 },
	};
	struct fixture *f = *state;
	struct docker_attach *a;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	for (int ms = 0; ms < 1000 && o.done == 0; ms += 5 + ms / 4) {
		a = start(f, 5000, &o);
		if (ms > 0)
			fake_engine_run_for(f->engine, ms);
		if (o.done > 0)
			break;
		docker_attach_cancel(a);
		fake_engine_run_for(f->engine, 2);
		assert_true(fake_engine_run_connections(f->engine, 0));
	}
	assert_int_equal(o.done, 1);
	assert_attached(&o);
	docker_attach_cancel(NULL);
}

static void outlasts_a_full_queue(void **state)
{
	static const struct fake_line script[] = { { .request = ATTACH, .answer = SWITCHED },
						   { 0 } };
	struct fixture *f = *state;
	struct outcome o[4 * QUEUE] = { 0 };

	fake_engine_script(f->engine, script);
	attach(f, 30000, &o[0]);
	outcome_clear(&o[0]);
	fake_engine_accept(f->engine, false);
	for (size_t i = 1; i < ARRAY_SIZE(o); i++)
		(void)start(f, 30000, &o[i]);
	fake_engine_run_for(f->engine, 50);
	fake_engine_accept(f->engine, true);
	for (size_t i = 1; i < ARRAY_SIZE(o); i++) {
		assert_true(fake_engine_run(f->engine, &o[i].done, 1));
		assert_attached(&o[i]);
		outcome_clear(&o[i]);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(leaves_the_stream),
		TEST(leaves_a_long_stream),
		TEST(asks_as_told),
		TEST(reports_faults),
		TEST(says_that_no_engine_is_there),
		TEST(forgets_the_version),
		TEST(limits_time_of_negotiation),
		TEST(cancels_at_any_stage),
		TEST(outlasts_a_full_queue),
	};

	return cmocka_run_group_tests_name("docker-attach", tests, NULL, NULL);
}
