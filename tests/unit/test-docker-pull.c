/* Pulls, imports and loads against an engine that says anything; a real one is for the system
 * tests. */
#include "awfd/docker-pull.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-engine.h"

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define JSON(status)                                                                               \
	"HTTP/1.1 " status "\r\nContent-Type: application/json\r\nContent-Length: *\r\n\r\n"
#define REFERENCE "registry.example:5000/team/tool:1"
#define PULL      "POST /v1.41/images/create?fromImage=registry.example%3A5000%2Fteam%2Ftool%3A1 "
#define LAYER(n)  "{\"status\":\"Downloading\",\"id\":\"0123456789a" n "\","
#define DETAIL(n) "\"progressDetail\":{\"current\":1,\"total\":" n "}}\n"

struct fixture {
	struct event_base *base;
	struct fake_engine *engine;
	struct docker *docker;
	unsigned done, news;
	uint64_t download;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->base = event_base_new();
	f->engine = fake_engine_new(f->base, 16);
	*state = f;
	return docker_new(f->base, fake_engine_path(f->engine), &f->docker, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	docker_free(f->docker);
	fake_engine_free(f->engine);
	event_base_free(f->base);
	err_clear(&f->e);
	free(f);
	return 0;
}

static void on_progress(const struct docker_progress *p, void *userdata)
{
	struct fixture *f = userdata;

	f->news++;
	f->download = docker_progress_download(p);
}

static void on_ended(const struct err *e, void *userdata)
{
	struct fixture *f = userdata;

	f->done++;
	err_clear(&f->e);
	if (e)
		err_copy(&f->e, e);
}

static const struct docker_pull_events events = { on_progress, on_ended };
static const struct docker_pull_spec plain = { .reference = REFERENCE,
					       .download_max = 1000,
					       .timeout_s = 100 };

static void pull(struct fixture *f, const struct docker_pull_spec *spec,
		 const struct fake_line *script)
{
	unsigned before = f->done;

	fake_engine_script(f->engine, script);
	assert_non_null(docker_pull_start(f->docker, spec, &events, f));
	assert_true(fake_engine_run(f->engine, &f->done, before + 1));
}

/* error: of the whole pull; 0: it is there. */
static const struct {
	struct fake_line line;
	int error;
	int status;
	const char *message;
} answers[] = {
	{ { .answer = STREAM, .then = FAKE_CLOSE }, 0, 0, NULL },
	{ { .answer = STREAM LAYER("a") DETAIL("1000"), .then = FAKE_CLOSE }, 0, 0, NULL },
	{ { .answer = STREAM "{\"error\":\"manifest unknown\"}\n", .then = FAKE_CLOSE },
	  -EREMOTEIO,
	  0,
	  "manifest unknown; check the name and the tag or digest" },
	/* An engine that says it and then hangs has said it. */
	{ { .answer = STREAM "{\"error\":\"odd\"}\n" }, -EREMOTEIO, 0, "odd" },
	{ { .answer = STREAM "<html>\n" }, -EREMOTEIO, 0, "is not JSON" },
	{ { .answer = STREAM "{\"status\":", .then = FAKE_CLOSE }, -EBADMSG, 0, "is not JSON" },
	{ { .answer = STREAM, .filler = 1 << 20 }, -EREMOTEIO, 0, "too long" },
	{ { .answer = STREAM LAYER("a") DETAIL("600") LAYER("b") DETAIL("401") },
	  -EFBIG,
	  0,
	  "more than 1000 would have to be downloaded, which is the limit; the operator can raise "
	  "[Images] PullSizeMax=" },
	{ { .answer = JSON("500 No") "{\"message\":\"Get \\\"https://r/v2/\\\": x509: unknown\"}" },
	  -EIO,
	  500,
	  "x509: unknown; the engine does not trust the registry's certificate" },
	{ { .answer = JSON("404 No") "{\"message\":\"pull access denied for x\"}" },
	  -ENOENT,
	  404,
	  "pull access denied for x; check the name" },
	{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}\n", .then = FAKE_CLOSE },
	  -ECONNRESET,
	  0,
	  "breaks off" },
};

static void says_what_came_of_it(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct fake_line script[] = { answers[i].line, { 0 } };

		script[0].request = PULL;
		pull(f, &plain, script);
		assert_row(answers[i].line.answer, f->e.error == answers[i].error);
		assert_int_equal(f->e.status, answers[i].status);
		if (!answers[i].message)
			continue;
		assert_int_equal(f->e.kind, ERR_ENGINE);
		assert_text_contains(f->e.message, answers[i].message);
		assert_same_text(f->e.subject, "pull image " REFERENCE);
	}
	assert_true(fake_engine_run_connections(f->engine, 0));
}

/* News come while it goes on, however slowly, and its time is over sometime. */
static void tells_news_and_ends_in_time(void **state)
{
	static const struct fake_line script[] = {
		{ .request = PULL, .answer = STREAM LAYER("a") DETAIL("600") LAYER("b") },
		{ 0 },
	};
	const struct docker_pull_spec hasty = { .reference = REFERENCE,
						.download_max = 1000,
						.timeout_s = 3 };
	struct fixture *f = *state;

	fake_engine_script(f->engine, script);
	assert_non_null(docker_pull_start(f->docker, &hasty, &events, f));
	assert_true(fake_engine_run(f->engine, &f->news, 1));
	assert_int_equal(f->download, 600);
	assert_int_equal(f->done, 0);
	assert_true(fake_engine_run(f->engine, &f->done, 1));
	assert_int_equal(f->e.error, -ETIMEDOUT);
	assert_text_contains(f->e.message, "not complete after 3 s");
	assert_text_contains(f->e.message, "[Images] PullSeconds=");
	assert_true(fake_engine_run_connections(f->engine, 0));
}

static void is_given_up(void **state)
{
	static const struct fake_line script[] = {
		{ .request = PULL, .answer = STREAM LAYER("a") DETAIL("600") },
		{ 0 },
	};
	struct fixture *f = *state;
	struct docker_pull *p;

	docker_pull_cancel(NULL);
	docker_pull_cancel(docker_pull_start(f->docker, &plain, &events, f));
	fake_engine_script(f->engine, script);
	p = docker_pull_start(f->docker, &plain, &events, f);
	assert_true(fake_engine_run(f->engine, &f->news, 1));
	assert_true(fake_engine_run_connections(f->engine, 1));
	docker_pull_cancel(p);
	assert_true(fake_engine_run_connections(f->engine, 0));
	assert_int_equal(f->done, 0);
}

static int file_of(const char *text)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	return fd;
}

static void sends_files(void **state)
{
	static const struct fake_line script[] = {
		{ .request = "POST ", .answer = STREAM, .then = FAKE_CLOSE },
		{ 0 },
	};
	_cleanup_close_ int fd = file_of("the archive");
	const struct docker_http_file file = { .fd = fd, .size = strlen("the archive") };
	const struct docker_pull_spec import = { .reference = "awf/x:latest",
						 .file = &file,
						 .label = "a=b",
						 .download_max = 1,
						 .timeout_s = 100 };
	const struct docker_pull_spec load = { .file = &file, .download_max = 1, .timeout_s = 100 };
	struct fixture *f = *state;

	pull(f, &import, script);
	assert_int_equal(f->e.error, 0);
	assert_text_contains(fake_engine_last(f->engine),
			     "POST /v1.41/images/create?fromSrc=-&repo=awf%2Fx%3Alatest&changes="
			     "LABEL%20a%3Db HTTP/1.1\r\n");
	assert_text_contains(fake_engine_last(f->engine),
			     "\r\nContent-Type: application/x-tar\r\n");
	assert_text_contains(fake_engine_last(f->engine), "\r\n\r\nthe archive");
	pull(f, &load, script);
	assert_int_equal(f->e.error, 0);
	assert_text_contains(fake_engine_last(f->engine), "POST /v1.41/images/load?quiet=0 HTTP");
	assert_text_contains(fake_engine_last(f->engine), "\r\n\r\nthe archive");
}

/* The engine has been told another length: it must not take what it got for the whole. */
static void notices_files_that_shrink(void **state)
{
	_cleanup_close_ int fd = file_of("short");
	const struct docker_http_file file = { .fd = fd, .size = 100 };
	const struct docker_pull_spec load = { .file = &file, .download_max = 1, .timeout_s = 100 };
	struct fixture *f = *state;

	pull(f, &load, NULL);
	assert_int_equal(f->e.error, -EIO);
	assert_text_contains(f->e.message, "became shorter");
	assert_int_equal(fake_engine_count(f->engine, "POST "), 0);
}

static void explains_known_reasons(void **state _unused_)
{
	static const struct {
		const char *reason, *advice;
	} rows[] = {
		{ "write /var/lib/docker/x: no space left on device", "make room" },
		{ "manifest for r/x:1 not found: manifest unknown: manifest unknown", "check" },
		{ "Error: unauthorized: authentication required", "wants a password" },
		{ "Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client",
		  "insecure-registries" },
		{ "dial tcp: lookup r.example: no such host", "name servers" },
		{ "dial tcp 127.0.0.1:1: connect: connection refused", "is the registry running" },
		{ "toomanyrequests: You have reached your pull rate limit", "try again later" },
	};
	_cleanup_free_ char *other = docker_pull_explain("something else");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = docker_pull_explain(rows[i].reason);

		assert_true(strncmp(text, rows[i].reason, strlen(rows[i].reason)) == 0);
		assert_text_contains(text + strlen(rows[i].reason), rows[i].advice);
	}
	assert_same_text(other, "something else");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_what_came_of_it),
		TEST(tells_news_and_ends_in_time),
		TEST(is_given_up),
		TEST(sends_files),
		TEST(notices_files_that_shrink),
		cmocka_unit_test(explains_known_reasons),
	};

	return RUN_TESTS("docker-pull", tests);
}
