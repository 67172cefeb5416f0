/* awfctl doctor: what it sees itself means, and what it makes of awfd's answers, the real program
 * against a scripted awfd. */
#include "awfctl/doctor-host.h"
#include "awfctl/doctor-socket.h"

#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#define INFO     "org.varlink.service.GetInfo"
#define DIAGNOSE "io.awf.Sandbox.Diagnose"
#define INFO_OF(version)                                                                           \
	"{\"parameters\":{\"vendor\":\"v\",\"product\":\"awfd\",\"version\":\"" version "\","      \
	"\"url\":\"\",\"interfaces\":[]}}"
#define FINDINGS(list)              "{\"parameters\":{\"findings\":[" list "]}}"
#define FINDING(name, status, more) "{\"name\":\"" name "\",\"status\":\"" status "\"," more "}"
#define ENGINE                      FINDING("engine", "ok", "\"message\":\"is well\"")
#define DISK                                                                                       \
	FINDING("disk", "failure", "\"message\":\"full\\u001b[2J\",\"cure\":\"sudo rm \\u0007x\"")
#define NOT_ASKED FINDING("difc-proxy", "unknown", "\"message\":\"not asked\"")

/* --- What a user can see for himself ------------------------------------------------------------
 */

static void assert_finding(const struct finding_info *found, const char *name,
			   enum finding_status status, const char *message, const char *cure)
{
	assert_string_equal(found->name, name);
	assert_same_text(found->status, finding_status_name(status));
	assert_text_contains(found->message, message);
	assert_same_text(found->cure, cure);
}

#define JOIN  "sudo usermod -aG awf alice"
#define START "sudo systemctl enable --now awfd.socket"

static void test_group(void **state _unused_)
{
	static const struct {
		struct socket_facts facts;
		enum finding_status status;
		const char *message;
		const char *cure;
	} cases[] = {
		{ { .has_group = true, .is_member = true, .has_joined = true },
		  FINDING_OK,
		  "alice may connect, as a member of awf",
		  NULL },
		{ { .has_group = true }, FINDING_OK, "alice may connect", NULL },
		{ { .is_root = true, .connect_error = -ENOENT }, FINDING_OK, "alice may", NULL },
		{ { .has_group = true, .has_joined = true, .connect_error = -ECONNREFUSED },
		  FINDING_OK,
		  "alice is a member of awf",
		  NULL },
		{ { .has_group = true, .is_member = true, .connect_error = -EACCES },
		  FINDING_FAILURE,
		  "after this session began",
		  "newgrp awf" },
		{ { .has_group = true, .connect_error = -EACCES },
		  FINDING_FAILURE,
		  "alice is no member of awf",
		  JOIN },
		{ { .connect_error = -ENOENT },
		  FINDING_FAILURE,
		  "there is no group awf",
		  "sudo systemd-sysusers" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_findings_ struct findings f = { 0 };
		struct socket_facts facts = cases[i].facts;

		facts.path = "/s";
		facts.user = (char *)"alice";
		facts.group = (char *)"awf";
		doctor_socket_judge(&f, &facts);
		assert_int_equal(f.count, 2);
		assert_finding(f.list[0], "group", cases[i].status, cases[i].message,
			       cases[i].cure);
	}
}

static void test_socket(void **state _unused_)
{
	static const struct {
		int error;
		bool is_socket;
		int connect_error;
		enum finding_status status;
		const char *message;
		const char *cure;
	} cases[] = {
		{ 0, true, 0, FINDING_OK, "/s takes connections", NULL },
		{ -ENOENT, false, -ENOENT, FINDING_FAILURE, "/s is not there", START },
		{ -ENOTDIR, false, -ENOTDIR, FINDING_FAILURE, "--socket or AWFD_SOCKET", NULL },
		{ 0, false, -ECONNREFUSED, FINDING_FAILURE, "/s is no socket: give", NULL },
		{ 0, true, -ECONNREFUSED, FINDING_FAILURE, "/s is stale: nobody listens",
		  "sudo systemctl restart awfd.socket" },
		{ 0, true, -EAGAIN, FINDING_WARNING, "too many", NULL },
		{ 0, true, -EACCES, FINDING_UNKNOWN, "/s was not tried", NULL },
		{ -EACCES, false, -EACCES, FINDING_UNKNOWN, "/s was not tried", NULL },
		{ -EIO, false, -EIO, FINDING_FAILURE, "/s: Input/output error", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_findings_ struct findings f = { 0 };
		const struct socket_facts facts = { .path = "/s",
						    .user = (char *)"alice",
						    .group = (char *)"awf",
						    .error = cases[i].error,
						    .is_socket = cases[i].is_socket,
						    .connect_error = cases[i].connect_error };

		doctor_socket_judge(&f, &facts);
		assert_int_equal(f.count, 2);
		assert_finding(f.list[1], "socket", cases[i].status, cases[i].message,
			       cases[i].cure);
	}
}

static void test_clock(void **state _unused_)
{
	static const struct {
		struct clock_facts facts;
		enum finding_status status;
		const char *message;
	} cases[] = {
		{ { 2000, 1000, 0, true }, FINDING_OK, "says 1970-01-01T00:33:20Z, and is kept" },
		{ { 1000, 1000, 0, false }, FINDING_WARNING, "nothing keeps it right" },
		{ { 2000, 1000, -EPERM, false }, FINDING_UNKNOWN, "Operation not permitted" },
		{ { 999, 1000, 0, true },
		  FINDING_FAILURE,
		  "awfctl was made at 1970-01-01T00:16:40Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_findings_ struct findings f = { 0 };
		bool mends =
			cases[i].status == FINDING_WARNING || cases[i].status == FINDING_FAILURE;

		doctor_host_judge_clock(&f, &cases[i].facts);
		assert_int_equal(f.count, 1);
		assert_finding(f.list[0], "clock", cases[i].status, cases[i].message,
			       mends ? "sudo timedatectl set-ntp true" : NULL);
	}
}

static void test_kernel(void **state _unused_)
{
	static const struct {
		struct kernel_facts facts;
		enum finding_status status;
		const char *message;
	} cases[] = {
		{ { NULL, 0 }, FINDING_OK, "it has" },
		{ { "openat2", -ENOSYS },
		  FINDING_FAILURE,
		  "it lacks openat2(2): start Linux 5.13" },
		{ { NULL, -EOPNOTSUPP }, FINDING_WARNING, "Landlock is not switched on" },
		{ { NULL, -ENOSYS }, FINDING_WARNING, "Landlock is not switched on" },
		{ { NULL, -EPERM }, FINDING_UNKNOWN, "could not be asked" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_findings_ struct findings f = { 0 };

		doctor_host_judge_kernel(&f, &cases[i].facts);
		assert_int_equal(f.count, 1);
		assert_finding(f.list[0], "kernel", cases[i].status, cases[i].message, NULL);
	}
}

/* --- The program --------------------------------------------------------------------------------
 */

/* One more call on the connection, with these parameters if it matters. */
static void answer(struct fake_conn *c, const char *method, const char *parameters,
		   const char *text)
{
	_cleanup_json_ struct json_object *call = fake_expect(c, method);

	if (parameters)
		assert_string_equal(json_object_to_json_string_ext(call, JSON_C_TO_STRING_PLAIN),
				    parameters);
	fake_send(c, text, -EBADF);
}

static void begin(struct fake *f, struct fake_conn *c, const char *info)
{
	fake_accept(f, c);
	answer(c, INFO, "{}", info);
}

/* The lines of what it saw itself depend on the host that the test runs on. */
static char *ours_of(struct fake *f)
{
	_cleanup_free_ char *all = fake_read_all(f->out, NULL);
	char *daemon = strstr(all, "daemon\t");

	assert_text_contains(all, "\nsocket\tok\t");
	assert_non_null(daemon);
	return xstrdup(daemon);
}

static void test_table(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor");
	begin(f, &c, INFO_OF(AWF_VERSION));
	answer(&c, DIAGNOSE, "{}", FINDINGS(ENGINE "," DISK "," NOT_ASKED));
	assert_int_equal(fake_wait(f), 1);
	text = ours_of(f);
	assert_string_equal(text, "daemon\tok\tawfd " AWF_VERSION " answers\t\n"
				  "engine\tok\tis well\t\n"
				  "disk\tfailure\tfull\\x1b[2J\tsudo rm \\x07x\n"
				  "difc-proxy\tunknown\tnot asked\t\n");
	fake_close(&c);
}

static void test_quiet(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor", "-q", "--format", "name,cure");
	begin(f, &c, INFO_OF("9.9"));
	answer(&c, DIAGNOSE, "{}", FINDINGS(ENGINE "," DISK "," NOT_ASKED));
	assert_int_equal(fake_wait(f), 1);
	text = fake_read_all(f->out, NULL);
	assert_text_contains(text, "daemon\tsudo systemctl restart awfd\n"
				   "disk\tsudo rm \\x07x\ndifc-proxy\t\n");
	assert_null(strstr(text, "socket\t"));
	assert_null(strstr(text, "engine\t"));
	fake_close(&c);
}

/* What is not known is no failure. */
static void test_json(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *all = NULL;
	size_t count;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor", "--json");
	begin(f, &c, INFO_OF(AWF_VERSION));
	answer(&c, DIAGNOSE, "{}", FINDINGS(ENGINE "," NOT_ASKED));
	assert_int_equal(fake_wait(f), 0);
	text = fake_read_all(f->out, NULL);
	all = json_tokener_parse(text);
	count = json_object_array_length(all);
	assert_int_equal(count, 7);
	assert_string_equal(fake_text(json_object_array_get_idx(all, count - 1), "status"),
			    "unknown");
	assert_string_equal(fake_text(json_object_array_get_idx(all, count - 2), "name"), "engine");
	fake_close(&c);
}

/* awfd's words about what it may not be asked, beside all else that it finds. */
static void test_denied(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_scratch_ char *scratch = scratch_new();
	_cleanup_free_ char *ca = xasprintf("%s/ca", scratch), *text = NULL;

	assert_int_equal(file_write_atomic(ca, 0644, "PEM", 3, NULL), 0);
	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor", "--difc-proxy-host", "h",
		 "--difc-proxy-ca-cert", ca);
	begin(f, &c, INFO_OF(AWF_VERSION));
	answer(&c, DIAGNOSE, "{\"difcProxyHost\":\"h\",\"difcProxyCaCert\":\"PEM\"}",
	       "{\"error\":\"io.awf.Sandbox.PermissionDenied\",\"parameters\":{\"field\":"
	       "\"difcProxyHost\",\"value\":\"h:18443\",\"message\":\"not h\"}}");
	answer(&c, DIAGNOSE, "{}", FINDINGS(ENGINE "," NOT_ASKED));
	assert_int_equal(fake_wait(f), 1);
	text = ours_of(f);
	assert_text_contains(text, "engine\tok\tis well\t\n"
				   "difc-proxy\tfailure\tpermission denied: h:18443 not h\t\n");
	fake_close(&c);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *args[4];
		const char *text;
	} cases[] = {
		{ { "doctor", "--difc-proxy-host", "h" },
		  "--difc-proxy-host needs --difc-proxy-ca" },
		{ { "doctor", "--format", "nam" }, "did you mean 'name'?" },
		{ { "doctor", "x" }, "unexpected argument 'x'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;
		_cleanup_free_ char *text = NULL;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		assert_int_equal(fake_wait(f), 2);
		text = fake_read_all(f->err, NULL);
		assert_text_contains(text, cases[i].text);
		fake_test_teardown(state);
		fake_test_setup(state);
	}
}

/* An awfd that is older, or goes away, leaves what it would have found unknown. */
static void test_no_findings(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor", "--format", "name,status,cure");
	begin(f, &c, INFO_OF("0"));
	answer(&c, DIAGNOSE, "{}",
	       "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":"
	       "\"io.awf.Sandbox.Diagnose\"}}");
	assert_int_equal(fake_wait(f), 0);
	text = ours_of(f);
	assert_text_contains(text, "daemon\twarning\tsudo systemctl restart awfd\n"
				   "engine\tunknown\t\n");
	assert_text_contains(text, "\ndifc-proxy\tunknown\t\n");
	fake_close(&c);
}

static void test_gone(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor");
	fake_accept(f, &c);
	json_object_put(fake_expect(&c, INFO));
	fake_close(&c);
	assert_int_equal(fake_wait(f), 1);
	text = ours_of(f);
	assert_text_contains(text, "daemon\tfailure\tawfd closed the connection");
	assert_text_contains(text, "engine\tunknown\tnot looked at: awfd does that, and does not");
}

/* Nobody listens any more where its socket is left, and then that is gone, too. */
static void test_stale(void **state)
{
	struct fake *f = *state;
	_cleanup_free_ char *text = NULL;

	close(f->listener);
	f->listener = -EBADF;
	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "doctor", "--format", "name,status,cure");
	assert_int_equal(fake_wait(f), 1);
	text = fake_read_all(f->out, NULL);
	assert_text_contains(text, "socket\tfailure\tsudo systemctl restart awfd.socket\n"
				   "daemon\tunknown\t\nengine\tunknown\t\n");
}

/* Looks at the real thing: a program that is as old as this test, and this kernel. */
static void test_looks(void **state _unused_)
{
	struct clock_facts clock;
	struct kernel_facts kernel;

	doctor_host_look(&clock, &kernel);
	assert_true(clock.built > 0 && clock.now >= clock.built);
	assert_null(kernel.lacking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_looks),
		cmocka_unit_test_setup_teardown(test_table, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_quiet, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_json, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_denied, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_wrong, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_no_findings, fake_test_setup,
						fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_gone, fake_test_setup, fake_test_teardown),
		cmocka_unit_test_setup_teardown(test_stale, fake_test_setup, fake_test_teardown),
	};

	return RUN_TESTS("awfctl-doctor", tests);
}
