/* The audit log: what its records say, how they are bounded, and where they go. */
#include "awfd/audit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "awfd/audit-record.h"
#include "common/log.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define STRV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static const struct peer alice = { .uid = 1000, .gid = 1000, .pid = 42 };

static void assert_record(struct json_object *record, const char *expected)
{
	assert_string_equal(
		json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE),
		expected);
	json_object_put(record);
}

static struct audit_request request(const char *method)
{
	return (struct audit_request){ .event = "request",
				       .time_ms = 1000,
				       .peer = &alice,
				       .user = "alice",
				       .method = method };
}

static void test_allowed(void **state _unused_)
{
	struct audit_request r = request("Wait");

	r.sandbox = "abcdefghij";
	r.omitted = 7;
	assert_record(audit_record_of_request(&r, NULL),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"request\",\"uid\":1000,"
		      "\"user\":\"alice\",\"pid\":42,\"method\":\"Wait\",\"decision\":\"allowed\","
		      "\"sandbox\":\"abcdefghij\",\"omitted\":7}");
}

/* The value that was wrong may be a secret: it is never there. */
static void test_refused(void **state _unused_)
{
	struct audit_request r = request("Start");
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "environment", "TOKEN=canary", "is too\n\x1b[31mlong");
	r.refusal = &e;
	assert_record(audit_record_of_request(&r, NULL),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"request\",\"uid\":1000,"
		      "\"user\":\"alice\",\"pid\":42,\"method\":\"Start\",\"decision\":\"refused\","
		      "\"reason\":\"invalid\",\"subject\":\"environment\","
		      "\"message\":\"is too\\\\x0a\\\\x1b[31mlong\"}");
}

/* What never became a request. */
static void test_no_request(void **state _unused_)
{
	struct audit_request r = request(NULL);
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "message", NULL, "is larger than 5 bytes");
	r.event = "message";
	r.program = "ev\x1bil";
	r.refusal = &e;
	assert_record(audit_record_of_request(&r, NULL),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"message\",\"uid\":1000,"
		      "\"user\":\"alice\",\"pid\":42,\"program\":\"ev\\\\x1bil\","
		      "\"decision\":\"refused\",\"reason\":\"invalid\",\"subject\":\"message\","
		      "\"message\":\"is larger than 5 bytes\"}");
}

static void test_reasons(void **state _unused_)
{
	for (size_t i = 0; i < ERR_KIND_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(audit_reason(i), audit_reason(j));
}

static void test_grants(void **state _unused_)
{
	const struct start_request start = {
		.command = STRV("sh", "-c", "echo \x1b"),
		.environment = STRV("A=canary", "B=", "GITHUB_TOKEN=canary"),
		.allow_domains = STRV("github.com", "=x.example"),
		.dns_servers = STRV("::1"),
		.upstream_proxy = (char *)"http://user:canary@proxy.example:3128",
		.difc_proxy_ca_cert = (char *)"canary",
		.allow_host_ports = STRV("80", "3000-3010"),
		.enable_host_access = true,
	};
	const struct job_limits limits = {
		.memory = 1 << 20, .pids = 10, .nano_cpus = 5, .timeout_s = 60
	};

	assert_record(audit_grants(&(struct audit_grants){ .request = &start,
							   .limits = &limits,
							   .image = "img",
							   .workspace = "/home/me/work",
							   .difc_proxy = "localhost:18443" }),
		      "{\"command\":[\"sh\",\"-c\",\"echo \\\\x1b\"],"
		      "\"environment\":[\"A\",\"B\",\"GITHUB_TOKEN\"],"
		      "\"allowDomains\":[\"github.com\",\"=x.example\"],\"dnsServers\":[\"::1\"],"
		      "\"allowHostPorts\":[\"80\",\"3000-3010\"],\"image\":\"img\","
		      "\"workspace\":\"/home/me/work\","
		      "\"difcProxy\":\"localhost:18443\",\"upstreamProxy\":\"proxy.example:3128\","
		      "\"enableHostAccess\":true,\"memoryLimit\":1048576,\"pidsLimit\":10,"
		      "\"nanoCpus\":5,\"agentTimeout\":60}");
}

/* What a user can make long is cut, in each text and in all. */
static void test_bounds(void **state _unused_)
{
	_cleanup_free_ char *text = xcalloc(1, 100001);
	_cleanup_strv_ char **many = NULL;
	struct start_request start = { 0 };
	const struct job_limits limits = { 0 };
	struct json_object *grants, *list;

	memset(text, 'x', 100000);
	for (int i = 0; i < 10000; i++)
		strv_appendf(&many, "d%d.example", i);
	start.command = STRV(text, text, text);
	start.allow_domains = many;
	grants = audit_grants(
		&(struct audit_grants){ .request = &start, .limits = &limits, .image = text });
	assert_true(strlen(json_object_to_json_string_ext(grants, 0)) < 16384);
	list = json_object_object_get(grants, "allowDomains");
	assert_string_equal(json_object_get_string(json_object_array_get_idx(list, 0)),
			    "d0.example");
	assert_string_equal(json_object_get_string(json_object_array_get_idx(
				    list, json_object_array_length(list) - 1)),
			    "…");
	json_object_put(grants);
}

static void test_masks(void **state _unused_)
{
	struct audit_masks masks = { .time_ms = 1000,
				     .sandbox = "abcdefghij",
				     .uid = 1000,
				     .user = "alice",
				     .masked = STRV("/home/alice/.ssh", "/home/alice/\x1b") };

	assert_record(audit_record_of_masks(&masks),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"masks\","
		      "\"sandbox\":\"abcdefghij\",\"uid\":1000,\"user\":\"alice\","
		      "\"masked\":[\"/home/alice/.ssh\",\"/home/alice/\\\\x1b\"]}");
	masks.masked = NULL;
	masks.named = STRV("/home/alice/.netrc");
	assert_record(audit_record_of_masks(&masks),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"masks\","
		      "\"sandbox\":\"abcdefghij\",\"uid\":1000,\"user\":\"alice\","
		      "\"named\":[\"/home/alice/.netrc\"]}");
}

static void test_end(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	struct audit_end end = { .time_ms = 1000,
				 .sandbox = "abcdefghij",
				 .has_owner = true,
				 .uid = 1000,
				 .user = "alice",
				 .exit_code = 137,
				 .oom_killed = true,
				 .reason = "stopped",
				 .duration_ms = 5 };

	assert_record(audit_record_of_end(&end),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"end\","
		      "\"sandbox\":\"abcdefghij\",\"uid\":1000,\"user\":\"alice\",\"durationMs\":5,"
		      "\"reason\":\"stopped\",\"exitCode\":137,\"oomKilled\":true}");
	(void)err_difc(&e, "localhost:1", "refused", "it is not there");
	end.error = &e;
	assert_record(audit_record_of_end(&end),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"end\","
		      "\"sandbox\":\"abcdefghij\",\"uid\":1000,\"user\":\"alice\",\"durationMs\":5,"
		      "\"reason\":\"difc-unreachable\",\"subject\":\"localhost:1\","
		      "\"message\":\"it is not there\"}");
	end = (struct audit_end){ .time_ms = 1000, .sandbox = "abcdefghij", .reason = "left" };
	assert_record(audit_record_of_end(&end),
		      "{\"time\":\"1970-01-01T00:00:01.000Z\",\"event\":\"end\","
		      "\"sandbox\":\"abcdefghij\",\"reason\":\"left\"}");
}

/* What was logged last. */
static char *logged;

static void take_log(enum log_level level _unused_, const struct log_fields *fields,
		     const char *text)
{
	free(logged);
	logged = xasprintf("%s %s", fields && fields->sandbox ? fields->sandbox : "-", text);
	for (char *const *more = fields ? fields->more : NULL; more && *more; more++) {
		char *longer = xasprintf("%s %s", logged, *more);

		free(logged);
		logged = longer;
	}
}

static int setup(void **state _unused_)
{
	log_set_sink(take_log);
	return 0;
}

static int teardown(void **state _unused_)
{
	free(TAKE_PTR(logged));
	return 0;
}

static void write_wait(struct audit *a)
{
	struct audit_request r = request("Wait");
	struct json_object *record;

	r.sandbox = "abcdefghij";
	record = audit_record_of_request(&r, NULL);
	audit_write(a, record);
	json_object_put(record);
}

static char *content(const char *directory, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	char *text = NULL;

	return file_read(path, 1 << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; text && *text; text++)
		n += *text == '\n';
	return n;
}

static void test_file(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/audit.jsonl", directory), *text = NULL;
	struct audit *a;
	struct stat st;

	for (int i = 0; i < 2; i++) { /* an earlier awfd's records stay */
		assert_int_equal(audit_open(directory, 1 << 20, &a, NULL), 0);
		write_wait(a);
		audit_free(a);
	}
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	text = content(directory, "audit.jsonl");
	assert_int_equal(lines_of(text), 2);
	assert_text_contains(logged, "abcdefghij audit: alice: Wait allowed MESSAGE_ID=");
	assert_text_contains(logged,
			     "AWF_UID=1000 AWF_METHOD=Wait AWF_DECISION=allowed AWF_AUDIT={");
}

/* Two files at most, of the size that is allowed; the newest record is never lost. */
static void test_rotation(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	struct audit *a;

	assert_int_equal(audit_open(directory, 1000, &a, NULL), 0);
	for (size_t i = 1; i <= 100; i++) {
		_cleanup_free_ char *now = NULL, *old = NULL;

		write_wait(a);
		now = content(directory, "audit.jsonl");
		old = content(directory, "audit.jsonl.1");
		assert_non_null(now);
		assert_true(strlen(now) <= 1000 && (!old || strlen(old) <= 1000));
		assert_true(lines_of(now) >= 1);
		assert_true(i < 10 || lines_of(old) >= 4);
	}
	audit_free(a);
}

/* Nothing that somebody else made or can read. */
static void test_bad_file(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/audit.jsonl", directory);
	_cleanup_err_ struct err e = { 0 };
	struct audit *a = NULL;

	assert_return_code(symlink("elsewhere", path), errno);
	assert_true(audit_open(directory, 1000, &a, &e) < 0);
	assert_text_contains(e.message, path);
	assert_return_code(unlink(path), errno);
	assert_return_code(mkfifo(path, 0600), errno);
	assert_true(audit_open(directory, 1000, &a, &e) < 0);
	assert_return_code(unlink(path), errno);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_return_code(chmod(path, 0644), errno);
	assert_true(audit_open(directory, 1000, &a, &e) < 0);
	assert_text_contains(e.message, "give it mode 0600");
	assert_null(a);
}

/* A disk that is full: told once, and the journal still has each. */
static void test_failing(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *old = xasprintf("%s/audit.jsonl.1", directory), *now = NULL;
	struct audit *a;

	assert_int_equal(audit_open(directory, 1, &a, NULL), 0);
	write_wait(a);
	assert_return_code(mkdir(old, 0700), errno); /* it can't be rotated */
	write_wait(a);
	assert_text_contains(logged, "Wait allowed");
	now = content(directory, "audit.jsonl");
	assert_int_equal(lines_of(now), 1);
	assert_return_code(rmdir(old), errno);
	write_wait(a);
	now = (free(now), content(directory, "audit.jsonl.1"));
	assert_int_equal(lines_of(now), 1);
	audit_free(a);
}

/* One user's flood is counted and leaves others' records alone. */
static void test_budget(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	struct audit *a;
	uint64_t omitted = 0, admitted = 0;

	assert_int_equal(audit_open(directory, 1000, &a, NULL), 0);
	for (int i = 0; i < 10000; i++)
		admitted += audit_admit(a, 1000, 5000, &omitted);
	assert_int_equal(admitted, 500);
	assert_int_equal(omitted, 0);
	assert_true(audit_admit(a, 1001, 5000, &omitted));
	assert_true(audit_admit(a, 1000, 5200, &omitted));
	assert_int_equal(omitted, 9500);
	assert_false(audit_admit(a, 1000, 5200, &omitted));
	assert_true(audit_admit(a, 1000, 5000000, &omitted));
	assert_int_equal(omitted, 1);
	audit_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_end),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test(test_bad_file),
		cmocka_unit_test_setup_teardown(test_failing, setup, teardown),
		cmocka_unit_test(test_budget),
	};

	return RUN_TESTS("audit", tests);
}
