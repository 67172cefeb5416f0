/* The engine client against an engine that misbehaves; what a real one does is for the system
 * tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "awfd/docker-container.h"
#include "awfd/docker-http.h"
#include "awfd/docker.h"
#include "common/alloc.h"
#include "common/timestamp.h"
#include "tests/unit/fake-engine.h"

#define HEAD(status) "HTTP/1.1 " status "\r\n"
#define JSON(status) HEAD(status) "Content-Type: application/json\r\nContent-Length: *\r\n\r\n"
#define SIZED(n)     HEAD("200 OK") "Content-Type: application/json\r\nContent-Length: " n "\r\n\r\n"
#define VERSION(text)                                                                              \
	{                                                                                          \
		.request = "GET /version ", .answer = JSON("200 OK") text                          \
	}
#define QUEUE 128

struct fixture {
	struct event_base *base;
	struct fake_engine *engine;
	struct docker *docker;
};

/* What became of calls; `done` counts them. */
struct outcome {
	unsigned done;
	int status;
	char *body;
	struct err e;
	bool inside_start;
	struct docker_call *cancel; /* in the callback */
	struct fixture *again;      /* start another call in the callback */
};

static void outcome_clear(struct outcome *o)
{
	free(o->body);
	err_clear(&o->e);
}

#define _outcome_ _cleanup_(outcome_clear) struct outcome

static struct docker_call *start(struct fixture *f, const char *path, int timeout_ms,
				 struct outcome *o);

static void on_reply(int status, struct json_object *body, const struct err *e, void *userdata)
{
	struct outcome *o = userdata;
	struct fixture *again = TAKE_PTR(o->again);

	assert_false(o->inside_start);
	o->done++;
	o->status = status;
	free(o->body);
	o->body = body ? xstrdup(json_object_to_json_string_ext(body, 0)) : NULL;
	err_clear(&o->e);
	if (e)
		err_copy(&o->e, e);
	docker_call_cancel(TAKE_PTR(o->cancel));
	if (again)
		assert_non_null(start(again, "/again", 0, o));
}

static struct docker_call *start_request(struct fixture *f, const struct docker_request *request,
					 struct outcome *o)
{
	struct docker_call *c;

	o->inside_start = true;
	c = docker_call_start(f->docker, request, on_reply, o);
	o->inside_start = false;
	return c;
}

static struct docker_call *start(struct fixture *f, const char *path, int timeout_ms,
				 struct outcome *o)
{
	return start_request(f,
			     &(struct docker_request){ .operation = "try",
						       .method = "GET",
						       .path = path,
						       .timeout_ms = timeout_ms },
			     o);
}

/* Makes one call and waits for it. */
static void call(struct fixture *f, const char *path, int timeout_ms, struct outcome *o)
{
	unsigned before = o->done;

	assert_non_null(start(f, path, timeout_ms, o));
	assert_true(fake_engine_run(f->engine, &o->done, before + 1));
}

static void assert_error(const struct outcome *o, int error, int status, const char *message)
{
	assert_int_equal(o->e.kind, ERR_ENGINE);
	if (!strstr(o->e.message, message))
		fail_msg("'%s' not in '%s'", message, o->e.message);
	assert_int_equal(o->e.error, error);
	assert_int_equal(o->e.status, status);
	assert_null(o->body);
}

static void assert_success(const struct outcome *o, int status, const char *body)
{
	if (o->e.error)
		fail_msg("%s", o->e.message);
	assert_int_equal(o->status, status);
	if (body)
		assert_string_equal(o->body, body);
	else
		assert_null(o->body);
}

static int setup(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	struct fixture *f = xnew(struct fixture);

	f->base = event_base_new();
	f->engine = fake_engine_new(f->base, QUEUE);
	*state = f;
	return docker_new(f->base, fake_engine_path(f->engine), &f->docker, &e);
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

/* --- The API version --- */

static void negotiates_once(void **state)
{
	static const struct fake_line script[] = {
		VERSION("{\"ApiVersion\":\"1.47\"}"),
		{ .request = "GET /v1.47/x ", .answer = JSON("200 OK") "{}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	assert_null(docker_api_version(f->docker));
	for (int i = 0; i < 3; i++)
		assert_non_null(start(f, "/x", 30000, &o));
	assert_true(fake_engine_run(f->engine, &o.done, 3));
	assert_success(&o, 200, "{}");
	assert_string_equal(docker_api_version(f->docker), "1.47");
	assert_int_equal(fake_engine_count(f->engine, "GET /version "), 1);
	assert_int_equal(fake_engine_count(f->engine, "GET /v1.47/x "), 3);
}

static void refuses_versions(void **state)
{
	static const struct {
		struct fake_line line;
		int error;
		int status;
		const char *message;
	} cases[] = {
		{ VERSION("{\"ApiVersion\":\"1.40\"}"), -EPROTONOSUPPORT, 0,
		  "the engine speaks API version 1.40; 1.41 or newer is needed" },
		{ VERSION("{\"ApiVersion\":\"0.99\"}"), -EPROTONOSUPPORT, 0, "0.99" },
		{ VERSION("{\"ApiVersion\":\"../x\"}"), -EPROTONOSUPPORT, 0, "../x" },
		{ VERSION("{\"ApiVersion\":\"1.4x\"}"), -EPROTONOSUPPORT, 0, "1.4x" },
		{ VERSION("{\"ApiVersion\":\"1.45/\"}"), -EPROTONOSUPPORT, 0, "1.45/" },
		{ VERSION("{\"ApiVersion\":141}"), -EBADMSG, 0, "not a Docker Engine's" },
		{ VERSION("[]"), -EBADMSG, 0, "not a Docker Engine's" },
		{ VERSION("<html>"), -EBADMSG, 200, "not JSON" },
		{ { .request = "", .answer = HEAD("204 No Content") "\r\n" },
		  -EBADMSG,
		  0,
		  "not a Docker Engine's" },
		{ { .request = "", .answer = JSON("503 No") "{\"message\":\"busy\"}" },
		  -EIO,
		  503,
		  "busy" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_line script[] = { cases[i].line, { 0 } };
		_outcome_ o = { 0 };

		fake_engine_script(f->engine, script);
		assert_non_null(start(f, "/x", 30000, &o));
		call(f, "/x", 30000, &o);
		assert_int_equal(o.done, 2);
		assert_error(&o, cases[i].error, cases[i].status, cases[i].message);
		assert_string_equal(o.e.subject, "try");
		assert_null(docker_api_version(f->docker));
		assert_int_equal(fake_engine_count(f->engine, "GET /version "), i + 1);
	}
}

/* Without an engine every call says so; once there is one, it is asked for its version. */
static void says_that_no_engine_is_there(void **state)
{
	struct fixture *f = *state;
	const char *path = fake_engine_path(f->engine);
	_cleanup_free_ char *away = xasprintf("%s.away", path), *since = NULL, *text = NULL;
	_outcome_ o = { 0 };

	call(f, "/x", 30000, &o);
	assert_string_equal(docker_api_version(f->docker), "1.41");
	assert_int_equal(docker_away_since(f->docker), 0);
	assert_int_equal(rename(path, away), 0);
	call(f, "/x", 30000, &o);
	since = timestamp_of_seconds(docker_away_since(f->docker));
	text = xasprintf("Docker Engine unavailable since %s: no connection to %s: ", since, path);
	assert_error(&o, -ENOENT, 0, text);
	assert_error(&o, -ENOENT, 0, "No such file or directory; is the engine running?");
	assert_error(&o, -ENOENT, 0, "systemctl status docker");
	assert_null(docker_api_version(f->docker));
	call(f, "/x", 30000, &o);
	assert_error(&o, -ENOENT, 0, text); /* still since then */
	assert_int_equal(rename(away, path), 0);
	call(f, "/x", 30000, &o);
	assert_error(&o, -EIO, 500, "no script");
	assert_int_equal(docker_away_since(f->docker), 0);
	assert_int_equal(fake_engine_count(f->engine, "GET /version "), 2);
}

static void says_that_nobody_listens(void **state)
{
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_stop(f->engine);
	call(f, "/x", 30000, &o);
	assert_error(&o, -ECONNREFUSED, 0, "Connection refused; is the engine running?");
}

/* An engine of another version took the place of the one that was asked: nothing was done yet, so
 * the call is made again, once. */
static void asks_again_when_the_version_is_refused(void **state)
{
	static const struct fake_line newer[] = {
		VERSION("{\"ApiVersion\":\"1.60\"}"),
		{ .request = "GET /v1.60/x ", .answer = JSON("200 OK") "{}" },
		{ .request = "GET /v",
		  .answer = JSON(
			  "400 Bad Request") "{\"message\":\"client version 1.41 is too old\"}" },
		{ 0 },
	};
	static const struct fake_line stubborn[] = {
		VERSION("{\"ApiVersion\":\"1.60\"}"),
		{ .request = "GET /v",
		  .answer = JSON("400 No") "{\"message\":\"client version 1.60 is too old\"}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	call(f, "/x", 30000, &o);
	assert_string_equal(docker_api_version(f->docker), "1.41");
	fake_engine_script(f->engine, newer);
	call(f, "/x", 30000, &o);
	assert_success(&o, 200, "{}");
	assert_string_equal(docker_api_version(f->docker), "1.60");
	fake_engine_script(f->engine, stubborn);
	call(f, "/x", 30000, &o);
	assert_error(&o, -EINVAL, 400, "client version 1.60 is too old");
	assert_int_equal(fake_engine_count(f->engine, "GET /v1.41/x "), 2);
	assert_int_equal(fake_engine_count(f->engine, "GET /v1.60/x "), 3);
}

/* --- Answers --- */

static void reads_answers(void **state)
{
	static const struct {
		struct fake_line line;
		int status;
		const char *body;
	} cases[] = {
		{ { .answer = HEAD("204 No Content") "\r\n" }, 204, NULL },
		{ { .answer = JSON("200 OK") }, 200, NULL },
		{ { .answer = JSON("201 Created") "{\"a\":1}\n" }, 201, "{\"a\":1}" },
		/* the long poll: the head at once, the body in chunks, later */
		{ { .answer = HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n"
					     "6\r\n{\"a\":1\r\n1\r\n}\r\n0\r\n\r\n",
		    .byte_ms = 1 },
		  200,
		  "{\"a\":1}" },
		{ { .answer = HEAD("200 OK") "\r\n[1]", .then = FAKE_CLOSE }, 200, "[1]" },
		{ { .answer = HEAD("100 Continue") "\r\n" JSON("200 OK") "{}" }, 200, "{}" },
		{ { .answer = HEAD("304 Not Modified") "\r\n" }, 304, NULL },
		{ { .answer = HEAD("404 Not Found") "Content-Length: 4\r\n\r\nnone" }, 404, NULL },
		{ { .answer = JSON("409 Conflict") "{}" }, 409, "{}" },
	};
	static const int accept[] = { 304, 404, 409, 0 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_line script[] = { cases[i].line, { 0 } };
		_outcome_ o = { 0 };

		script[0].request = "GET /v1.41/x ";
		fake_engine_script(f->engine, script);
		assert_non_null(start_request(f,
					      &(struct docker_request){ .operation = "try",
									.method = "GET",
									.path = "/x",
									.accept = accept },
					      &o));
		assert_true(fake_engine_run(f->engine, &o.done, 1));
		assert_success(&o, cases[i].status, cases[i].body);
	}
}

/* Everything an answer can have wrong. After a broken connection the version is asked for again. */
static void reports_faults(void **state)
{
	static const struct {
		struct fake_line line;
		int error;
		int status;
		const char *message;
	} cases[] = {
		{ { .answer = JSON("500 No") "{\"message\":\"boom\"}\n" }, -EIO, 500, "boom" },
		{ { .answer = JSON("404 No") "{\"message\":\"none\"}" }, -ENOENT, 404, "none" },
		{ { .answer = JSON("404 No") "{\"message\":\"No such image: x:1\"}" },
		  -ENOENT,
		  404,
		  "No such image: x:1" },
		{ { .answer = JSON(
			    "404 No") "{\"message\":\"no such image: x:1: No such image: x:1\"}" },
		  -ENOENT,
		  404,
		  "No such image: x:1" },
		{ { .answer =
			    JSON("404 No") "{\"message\":\"no such image: awf/a:1: No such image: "
					   "awf/a:1\"}" },
		  -ENOENT,
		  404,
		  "No such image: awf/a:1; 'awfctl predownload --difc-proxy' or 'systemctl start awfd-images' gives the engine the images that "
		  "awfd came with" },
		{ { .answer = JSON("403 No") "{\"message\":\"nope\"}" }, -EPERM, 403, "nope" },
		{ { .answer = JSON("409 No") "{\"message\":\"used\"}" }, -EBUSY, 409, "used" },
		{ { .answer = HEAD("404 No") "Content-Length: 13\r\n\r\nno\tsuch page\n" },
		  -ENOENT,
		  404,
		  "no\\x09such page" },
		{ { .answer = HEAD("500 No") "Content-Length: 0\r\n\r\n" },
		  -EIO,
		  500,
		  "the engine gives no reason" },
		{ { .answer = HEAD("301 Moved") "Location: http://example.net/\r\n"
						"Content-Length: 0\r\n\r\n" },
		  -EIO,
		  301,
		  "the engine gives no reason" },
		{ { .answer = HEAD("200 OK") "Content-Length: 4\r\n\r\n<a/>" },
		  -EBADMSG,
		  200,
		  "the answer is not JSON" },
		{ { .answer = JSON("200 OK") "{} {" }, -EBADMSG, 200, "not JSON" },
		{ { .answer = JSON("200 OK") "{\"a\":\"\xff\"" }, -EBADMSG, 200, "not JSON" },
		{ { .answer = "SSH-2.0-OpenSSH_9.2\r\n\r\n", .then = FAKE_CLOSE },
		  -EBADMSG,
		  0,
		  "the answer is not HTTP" },
		{ { .answer = "\x01\x02\x03", .then = FAKE_CLOSE }, -EBADMSG, 0, "not HTTP" },
		{ { .then = FAKE_CLOSE }, -ECONNRESET, 0, "without an answer" },
		{ { .answer = "HTTP/1.1 200 OK\r\nConte", .then = FAKE_CLOSE },
		  -ECONNRESET,
		  0,
		  "" },
		{ { .answer = SIZED("100") "{\"a\":", .then = FAKE_CLOSE },
		  -ECONNRESET,
		  0,
		  "the engine's answer breaks off" },
		{ { .answer = HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n6\r\n{\"a\"",
		    .then = FAKE_CLOSE },
		  -ECONNRESET,
		  0,
		  "the engine's answer breaks off" },
		{ { .answer = HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}" },
		  -EIO,
		  0,
		  "chunked-encoding" },
		{ { .answer = HEAD("200 OK") "\r\n", .filler = DOCKER_HTTP_ANSWER_MAX },
		  -EMSGSIZE,
		  0,
		  "the answer is larger than 8 MiB" },
		{ { .answer = SIZED("9000000"), .filler = 9000000 },
		  -EMSGSIZE,
		  0,
		  "the answer is larger than 8 MiB" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_line script[] = { cases[i].line, { 0 } };
		_outcome_ o = { 0 };

		script[0].request = "GET /v1.41/x ";
		fake_engine_script(f->engine, script);
		call(f, "/x", 30000, &o);
		assert_error(&o, cases[i].error, cases[i].status, cases[i].message);
		assert_string_equal(o.e.subject, "try");
		assert_int_equal(docker_api_version(f->docker) == NULL, cases[i].status == 0);
	}
}

/* Of a long message the beginning is enough, and no character is cut in two. */
static void bounds_messages(void **state)
{
	struct fixture *f = *state;
	char answer[8192];
	int n = snprintf(answer, sizeof(answer), JSON("500 No") "{\"message\":\"a");
	struct fake_line script[] = { { .request = "GET /v1.41/x ", .answer = answer }, { 0 } };
	_outcome_ o = { 0 };

	for (int i = 0; i < 3000; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, "ä");
	snprintf(answer + n, sizeof(answer) - (size_t)n, "\"}");
	fake_engine_script(f->engine, script);
	call(f, "/x", 30000, &o);
	assert_error(&o, -EIO, 500, "aää");
	assert_int_equal(strlen(o.e.message), 2047 + strlen("…"));
	assert_string_equal(o.e.message + 2045, "ä…");
}

/* --- Time limits --- */

static void limits_time(void **state)
{
	static const struct {
		struct fake_line line;
		const char *why;
	} cases[] = {
		{ { .request = "GET /version " }, "version is not told" },
		{ { .request = "GET /v1.41/x " }, "no byte" },
		{ { .request = "GET /v1.41/x ", .answer = SIZED("9") "{" }, "half a body" },
		{ { .request = "GET /v1.41/x ", .answer = JSON("200 OK") "{}", .byte_ms = 20 },
		  "slow" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_line script[] = { cases[i].line, { 0 } };
		_outcome_ o = { 0 };

		fake_engine_script(f->engine, script);
		call(f, "/x", 60, &o);
		assert_error(&o, -ETIMEDOUT, 0, "no answer within 60 ms");
		fake_engine_run_for(f->engine, 5);
		if (docker_api_version(f->docker))
			assert_true(fake_engine_run_connections(f->engine, 0));
		docker_free(f->docker);
		assert_int_equal(docker_new(f->base, fake_engine_path(f->engine), &f->docker, NULL),
				 0);
	}
}

/* --- Cancelling --- */

/* A call is given up after so many milliseconds: while it waits for the version, is connecting,
 * asked, or half answered. Its callback never comes and its connection goes. */
static void cancels_at_any_stage(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "GET /version ",
		  .answer = JSON("200 OK") "{\"ApiVersion\":\"1.41\"}",
		  .byte_ms = 1 },
		{ .request = "GET /v1.41/x ", .answer = JSON("200 OK") "{}", .byte_ms = 1 },
		{ 0 },
	};
	struct fixture *f = *state;
	struct docker_call *c;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	for (int ms = 0; ms < 1000; ms += 5 + ms / 4) {
		c = start(f, "/x", 30000, &o);
		if (ms > 0)
			fake_engine_run_for(f->engine, ms);
		if (o.done > 0)
			break;
		docker_call_cancel(c);
		fake_engine_run_for(f->engine, 2);
		assert_int_equal(o.done, 0);
		if (docker_api_version(f->docker))
			assert_true(fake_engine_run_connections(f->engine, 0));
	}
	assert_int_equal(o.done, 1);
	assert_success(&o, 200, "{}");
	docker_call_cancel(NULL);
}

static void cancels_from_callbacks(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "GET /v1.41/x ", .answer = JSON("200 OK") "{}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ first = { 0 };
	_outcome_ second = { 0 };

	fake_engine_script(f->engine, script);
	assert_non_null(start(f, "/x", 30000, &first));
	first.cancel = start(f, "/x", 30000, &second);
	assert_true(fake_engine_run(f->engine, &first.done, 1));
	fake_engine_run_for(f->engine, 20);
	assert_int_equal(second.done, 0);
	/* also when both fail for the same reason, at the same time */
	fake_engine_stop(f->engine);
	assert_non_null(start(f, "/x", 30000, &first));
	first.cancel = start(f, "/x", 30000, &second);
	assert_true(fake_engine_run(f->engine, &first.done, 2));
	assert_error(&first, -ECONNREFUSED, 0, "no connection");
	fake_engine_run_for(f->engine, 20);
	assert_int_equal(second.done, 0);
}

static void starts_from_callbacks(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "GET /v1.41/again ",
		  .answer = JSON("200 OK") "7"
					   "\n" },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { .again = f };

	fake_engine_script(f->engine, script);
	call(f, "/x", 30000, &o);
	assert_error(&o, -EIO, 500, "no script");
	assert_true(fake_engine_run(f->engine, &o.done, 2));
	/* also from one that failed */
	o.again = f;
	fake_engine_stop(f->engine);
	call(f, "/x", 30000, &o);
	assert_true(fake_engine_run(f->engine, &o.done, 4));
	assert_error(&o, -ECONNREFUSED, 0, "no connection");
}

/* Freeing the client gives up what waits, is asked, and is half answered. */
static void frees_with_calls_under_way(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "GET /v1.41/x " },
		{ .request = "GET /v1.41/y ", .answer = SIZED("9") "{" },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	assert_non_null(start(f, "/x", 0, &o));
	assert_non_null(start(f, "/y", 30000, &o));
	fake_engine_run_for(f->engine, 20);
	assert_non_null(start(f, "/z", 30000, &o));
	docker_free(TAKE_PTR(f->docker));
	fake_engine_run_for(f->engine, 20);
	assert_int_equal(o.done, 0);
	assert_true(fake_engine_run_connections(f->engine, 0));
}

/* --- Many at once --- */

#define MANY 600

static void keeps_many_long_polls(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "GET /v1.41/wait ",
		  .answer = HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n" },
		{ .request = "GET /v1.41/x ", .answer = JSON("200 OK") "{}" },
		{ 0 },
	};
	struct rlimit limit = { 0 };
	struct fixture *f = *state;
	_outcome_ waits = { 0 };
	_outcome_ o = { 0 };

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 2 * MANY + 100) /* both ends are in this process */
		skip();
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fake_engine_script(f->engine, script);
	for (int i = 0; i < MANY; i++)
		assert_non_null(start(f, "/wait", 0, &waits));
	assert_true(fake_engine_run_connections(f->engine, MANY));
	for (int i = 0; i < 20; i++) {
		call(f, "/x", 30000, &o);
		assert_success(&o, 200, "{}");
	}
	assert_int_equal(waits.done, 0);
	assert_true(fake_engine_run_connections(f->engine, MANY));
}

/* The queue of connections is full for a while: calls go through late, not twice, and without an
 * error. */
static void outlasts_a_full_queue(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "GET /v1.41/x ", .answer = JSON("200 OK") "{}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	fake_engine_script(f->engine, script);
	call(f, "/x", 30000, &o);
	fake_engine_accept(f->engine, false);
	for (int i = 0; i < 2 * QUEUE; i++)
		assert_non_null(start(f, "/x", 30000, &o));
	fake_engine_run_for(f->engine, 50);
	assert_int_equal(o.done, 1);
	fake_engine_accept(f->engine, true);
	assert_true(fake_engine_run(f->engine, &o.done, 2 * QUEUE + 1));
	assert_success(&o, 200, "{}");
	assert_int_equal(fake_engine_count(f->engine, "GET /v1.41/x "), 2 * QUEUE + 1);
}

/* --- The request --- */

static void sends_requests(void **state)
{
	struct fixture *f = *state;
	struct json_object *body = json_object_new_object();
	_outcome_ o = { 0 };

	json_object_object_add(body, "path", json_object_new_string("/a\n"));
	assert_non_null(start_request(
		f,
		&(struct docker_request){
			.operation = "try", .method = "POST", .path = "/../x?a=%2F", .body = body },
		&o));
	json_object_put(body); /* only borrowed until the call returned */
	assert_true(fake_engine_run(f->engine, &o.done, 1));
	assert_non_null(strstr(fake_engine_last(f->engine), "POST /v1.41/../x?a=%2F HTTP/1.1\r\n"));
	assert_non_null(
		strstr(fake_engine_last(f->engine), "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(fake_engine_last(f->engine), "\r\n\r\n{\"path\":\"/a\\n\"}"));
	assert_null(strstr(fake_engine_last(f->engine), "Expect"));
}

/* Whatever the environment says about proxies, the socket is asked. */
static void ignores_proxies(void **state)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" };
	struct fixture *f = *state;
	_outcome_ o = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(setenv(names[i], "http://127.0.0.1:9", 1), 0);
	call(f, "/x", 30000, &o);
	assert_error(&o, -EIO, 500, "no script");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(unsetenv(names[i]), 0);
}

static void closes_on_exec(void **state)
{
	static const struct fake_line script[] = { { .request = "GET /v1.41/x " }, { 0 } };
	struct fixture *f = *state;
	_outcome_ o = { 0 };
	struct dirent *entry;
	unsigned seen = 0;
	DIR *dir;

	fake_engine_script(f->engine, script);
	assert_non_null(start(f, "/x", 0, &o));
	fake_engine_run_for(f->engine, 20);
	dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd < 3)
			continue;
		seen++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	closedir(dir);
	assert_true(seen > 3);
}

static void refuses_socket_paths(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	struct docker *d = NULL;
	struct fixture *f = *state;
	char path[200];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(docker_new(f->base, path, &d, &e), -ENAMETOOLONG);
	assert_non_null(strstr(e.message, "longer than 107 bytes"));
	assert_int_equal(docker_new(f->base, "docker.sock", &d, &e), -EINVAL);
	assert_non_null(strstr(e.message, "docker.sock: not an absolute path"));
	assert_null(d);
}

/* --- Containers --- */

typedef struct docker_call *(*container_fn)(struct docker *d, const char *name, docker_reply_fn fn,
					    void *userdata);

static struct docker_call *kill_it(struct docker *d, const char *name, docker_reply_fn fn,
				   void *userdata)
{
	return docker_container_kill(d, name, "SIG TERM", fn, userdata);
}

static struct docker_call *look_at_shell(struct docker *d, const char *name, docker_reply_fn fn,
					 void *userdata)
{
	return docker_container_look(d, name, "/bin/sh", fn, userdata);
}

static struct docker_call *create_it(struct docker *d, const char *name, docker_reply_fn fn,
				     void *userdata)
{
	return docker_container_create(d, name, NULL, fn, userdata);
}

static void asks_about_containers(void **state)
{
	static const struct {
		container_fn fn;
		const char *request;
		const char *operation;
		bool takes_404, takes_409;
	} cases[] = {
		{ create_it, "POST /v1.41/containers/create?name=a%2F..", "create container a/..",
		  false, false },
		{ docker_container_start, "POST /v1.41/containers/a%2F../start",
		  "start container a/..", false, false },
		{ docker_container_inspect, "GET /v1.41/containers/a%2F../json",
		  "inspect container a/..", false, false },
		{ docker_container_wait, "POST /v1.41/containers/a%2F../wait?condition=not-running",
		  "wait for container a/..", false, false },
		{ kill_it, "POST /v1.41/containers/a%2F../kill?signal=SIG%20TERM",
		  "kill container a/..", true, true },
		{ look_at_shell, "HEAD /v1.41/containers/a%2F../archive?path=%2Fbin%2Fsh",
		  "look into container a/..", true, false },
		{ docker_container_remove, "DELETE /v1.41/containers/a%2F..?force=1&v=1",
		  "remove container a/..", true, true },
		{ docker_container_list,
		  "GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%2F..%22%5D%7D",
		  "list containers", false, false },
	};
	static const struct fake_line none[] = {
		VERSION("{\"ApiVersion\":\"1.41\"}"),
		{ .request = "", .answer = JSON("404 No") "{\"message\":\"none\"}" },
		{ 0 },
	};
	static const struct fake_line conflict[] = {
		{ .request = "", .answer = JSON("409 No") "{\"message\":\"used\"}" },
		{ 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_outcome_ o = { 0 };

		fake_engine_script(f->engine, none);
		assert_non_null(cases[i].fn(f->docker, "a/..", on_reply, &o));
		assert_true(fake_engine_run(f->engine, &o.done, 1));
		assert_int_equal(o.e.error, cases[i].takes_404 ? 0 : -ENOENT);
		if (strncmp(fake_engine_last(f->engine), cases[i].request,
			    strlen(cases[i].request)) != 0)
			fail_msg("%s", fake_engine_last(f->engine));
		fake_engine_script(f->engine, conflict);
		assert_non_null(cases[i].fn(f->docker, "a/..", on_reply, &o));
		assert_true(fake_engine_run(f->engine, &o.done, 2));
		assert_int_equal(o.e.error, cases[i].takes_409 ? 0 : -EBUSY);
		if (o.e.error)
			assert_string_equal(o.e.subject, cases[i].operation);
	}
}

static void parses_inspect(_unused_ void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"Id\":\"x\"}",
		"{\"Id\":\"x\",\"State\":{\"Running\":true,\"OOMKilled\":false,\"ExitCode\":0}}",
		"{\"Id\":\"x\",\"State\":{\"Pid\":-1,\"Running\":true,\"OOMKilled\":false,\"ExitCode\":0}}",
		"{\"Id\":\"x\",\"State\":{\"Pid\":1,\"Running\":1,\"OOMKilled\":false,\"ExitCode\":0}}",
		"{\"Id\":\"x\",\"State\":{\"Pid\":99999999999,\"Running\":true,\"OOMKilled\":false,"
		"\"ExitCode\":0}}",
	};
	_cleanup_err_ struct err e = { 0 };
	struct docker_container_state s = { .pid = 7 };
	struct json_object *o;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		o = json_tokener_parse(bad[i]);
		assert_non_null(o);
		assert_int_equal(docker_container_parse(o, &s, &e), -EBADMSG);
		assert_int_equal(e.kind, ERR_ENGINE);
		json_object_put(o);
	}
	assert_int_equal(docker_container_parse(NULL, &s, &e), -EBADMSG);
	assert_int_equal(s.pid, 7);
	o = json_tokener_parse("{\"Id\":\"x\",\"State\":{\"Pid\":12,\"Running\":true,"
			       "\"OOMKilled\":true,\"ExitCode\":137}}");
	assert_int_equal(docker_container_parse(o, &s, &e), 0);
	assert_string_equal(s.id, "x");
	assert_int_equal(s.pid, 12);
	assert_int_equal(s.exit_code, 137);
	assert_true(s.running);
	assert_true(s.oom_killed);
	json_object_put(o);
}

static void parses_wait(_unused_ void **state)
{
	static const struct {
		const char *text;
		int result;
		int code;
		const char *message;
	} cases[] = {
		{ "{\"StatusCode\":42,\"Error\":null}", 0, 42, NULL },
		{ "{\"StatusCode\":0}", 0, 0, NULL },
		{ "{\"StatusCode\":1,\"Error\":{\"Message\":\"lost\"}}", -EIO, -1, "lost" },
		{ "{\"StatusCode\":1,\"Error\":{\"Message\":\"\"}}", 0, 1, NULL },
		{ "{\"Error\":null}", -EBADMSG, -1, "lacks StatusCode" },
		{ "{\"StatusCode\":\"0\"}", -EBADMSG, -1, "lacks StatusCode" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct json_object *o = json_tokener_parse(cases[i].text);
		int code = -1;

		assert_int_equal(docker_container_parse_wait(o, &code, &e), cases[i].result);
		assert_int_equal(code, cases[i].code);
		if (cases[i].message)
			assert_non_null(strstr(e.message, cases[i].message));
		json_object_put(o);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(negotiates_once),
		TEST(refuses_versions),
		TEST(says_that_no_engine_is_there),
		TEST(says_that_nobody_listens),
		TEST(asks_again_when_the_version_is_refused),
		TEST(reads_answers),
		TEST(reports_faults),
		TEST(bounds_messages),
		TEST(limits_time),
		TEST(cancels_at_any_stage),
		TEST(cancels_from_callbacks),
		TEST(starts_from_callbacks),
		TEST(frees_with_calls_under_way),
		TEST(keeps_many_long_polls),
		TEST(outlasts_a_full_queue),
		TEST(sends_requests),
		TEST(ignores_proxies),
		TEST(closes_on_exec),
		TEST(refuses_socket_paths),
		TEST(asks_about_containers),
		cmocka_unit_test(parses_inspect),
		cmocka_unit_test(parses_wait),

	};

	return cmocka_run_group_tests_name("docker", tests, NULL, NULL);
}
