/* awfctl run and attach, the real program, against a scripted awfd: requests, refusals and exit
 * codes. */
#include <poll.h>
#include <signal.h>

#include "tests/unit/awfctl-run.h"
#include "tests/unit/check.h"

#define WITHOUT_WORKSPACE "{\"parameters\":{\"id\":\"" ID "\",\"noWorkspace\":\"/x is \\u0007no\"}}"

static void test_exit_codes(void **state)
{
	static const struct {
		const char *answer;
		int code;
		const char *complaint;
		bool asked; /* what was refused */
	} cases[] = {
		{ ENDED(0), 0, "", false },
		{ ENDED(1), 1, "", true },
		{ ENDED(42), 42, "", true },
		{ ENDED(127), 127, "", true },
		{ ENDED(139), 139, "", true },
		{ "{\"parameters\":{\"exitCode\":137,\"oomKilled\":true,\"memoryLimit\":67108864}}",
		  137, "than it may: 64M; give it more with --memory-limit", true },
		{ "{\"parameters\":{\"exitCode\":137,\"oomKilled\":true}}", 137, "more memory",
		  true },
		{ "{\"parameters\":{\"exitCode\":0,\"oomKilled\":false,\"reason\":\"no\\u001b\"}}",
		  125, "ended: no\\x1b", true },
		{ "{\"parameters\":{\"exitCode\":\"0\",\"oomKilled\":false}}", 125, "understood",
		  true },
		{ "nonsense", 125, "understood", false },
		{ FAILED("SystemError", "{\"message\":\"disk full\"}"), 125, "disk full", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_begin(*state, &(struct fake_stdio){ 0 });
		if (cases[i].asked)
			run_finish_failed(*state, cases[i].answer, NO_DENIALS);
		else
			run_finish(*state, cases[i].answer);
		assert_int_equal(fake_wait(&((struct run *)*state)->fake), cases[i].code);
		run_assert_complained(*state, cases[i].complaint);
		run_next(state);
	}
}

#define DENIAL(host, port, rest)                                                                   \
	"{\"time\":\"2026-01-02T03:04:05.006Z\",\"source\":\"squid\",\"from\":\"agent\","          \
	"\"protocol\":\"CONNECT\",\"host\":\"" host "\",\"port\":" port ","                        \
	"\"reason\":\"not allowed\"," rest "}"

/* What was refused is told with what would grant it; no byte of it on standard output. */
static void test_refusals(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_send_text(r, "out");
	run_finish_failed(
		r, ENDED(1),
		"{\"parameters\":{\"denials\":[" DENIAL(
			"github.com", "443",
			"\"count\":2,\"grant\":\"--allow-domains github.com\"") "," DENIAL("x\\u001b",
											   "0",
											   "\"count\":1") "]}}");
	assert_int_equal(fake_wait(&r->fake), 1);
	run_assert_output(r->fake.out, "out");
	run_assert_output(r->fake.err,
			  "awfctl: sandbox " ID " was refused:\n"
			  "awfctl:   github.com:443 (CONNECT), 2 times: not allowed; to grant it: "
			  "--allow-domains github.com\n"
			  "awfctl:   x\\x1b (CONNECT), 1 time: not allowed\n");
}

/* Of many only so much; after the run there is nobody to ask any more. */
static void test_many_refusals(void **state)
{
	struct run *r = *state;
	_cleanup_strbuf_ struct strbuf answer = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t lines = 0;

	strbuf_puts(&answer, "{\"parameters\":{\"denials\":[");
	for (size_t i = 0; i < 23; i++)
		strbuf_appendf(&answer, "%s" DENIAL("h%zu", "443", "\"count\":1"), i > 0 ? "," : "",
			       i);
	strbuf_puts(&answer, "]}}");
	run_begin(r, &(struct fake_stdio){ 0 });
	run_finish_failed(r, ENDED(1), answer.data);
	assert_int_equal(fake_wait(&r->fake), 1);
	text = fake_read_all(r->fake.err, NULL);
	for (const char *s = text; (s = strchr(s, '\n')); s++)
		lines++;
	assert_int_equal(lines, 22);
	assert_text_contains(text, "  h19:443 ");
	assert_null(strstr(text, "h20"));
	assert_text_contains(text, "awfctl:   … and 3 more: see awfctl logs " ID "\n");
}

/* The command's exit code is known: what fails after it, or takes for ever, changes nothing. */
static void test_refusals_unknown(void **state)
{
	static const char *const answers[] = {
		FAILED("NotFound", "{\"id\":\"" ID "\"}"), "{\"parameters\":{\"denials\":7}}",
		"nonsense", NULL, /* none */
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct run *r = *state;

		run_begin(r, &(struct fake_stdio){ 0 });
		run_finish(r, ENDED(3));
		run_expect(&r->conn, "io.awf.Sandbox.Denials");
		if (answers[i])
			fake_send(&r->conn, answers[i], -EBADF);
		assert_int_equal(fake_wait(&r->fake), 3);
		run_assert_output(r->fake.err, "");
		run_next(state);
	}
}

/* Nobody has to wait for it either. */
static void test_refusals_signal(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_finish(r, ENDED(3));
	run_expect(&r->conn, "io.awf.Sandbox.Denials");
	kill(r->fake.pid, SIGTERM);
	assert_true(run_ends_within(r, SOON_MSEC));
	assert_int_equal(fake_wait(&r->fake), 3);
	run_assert_output(r->fake.err, "");
}

/* awfd goes away at that moment. */
static void test_refusals_vanish(void **state)
{
	struct run *r = *state;

	run_begin(r, &(struct fake_stdio){ 0 });
	run_finish(r, ENDED(3));
	run_expect(&r->conn, "io.awf.Sandbox.Denials");
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 3);
	run_assert_output(r->fake.err, "");
}

/* What awfd is asked for. */
static void test_request(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *ca = xasprintf("%s/ca.crt", r->fake.directory);
	FILE *f = fopen(ca, "w");
	struct json_object *call;

	assert_non_null(f);
	fputs("-----BEGIN", f);
	fclose(f);
	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "--log-level=debug", "run", "-e", "A=b c",
		 "--container-workdir", "/w", "--agent-image=img", "--difc-proxy-host", "",
		 "--difc-proxy-ca-cert", ca, "--difc-wait=0", "--memory-limit=512M", "--pids-limit",
		 "20", "--cpus=0.5", "--agent-timeout", "2", "--tty", "--", "a", "", "$b c", "--",
		 "\xc3\xbc");
	call = fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start");
	assert_string_equal(
		json_object_to_json_string_ext(call, JSON_C_TO_STRING_NOSLASHESCAPE),
		"{\"command\":[\"a\",\"\",\"$b c\",\"--\",\"\xc3\xbc\"],"
		"\"image\":\"img\",\"environment\":{\"A\":\"b c\"},"
		"\"workdir\":\"/w\",\"difcProxyHost\":\"\","
		"\"difcProxyCaCert\":\"-----BEGIN\",\"difcWait\":0,\"tty\":true,\"openStdin\":true,"
		"\"attach\":true,\"lease\":true,\"keep\":false,\"enableHostAccess\":false,"
		"\"memoryLimit\":536870912,\"pidsLimit\":20,\"nanoCpus\":500000000,"
		"\"agentTimeout\":120}");
	json_object_put(call);
	unlink(ca);
	fake_send(
		&r->conn,
		"{\"continues\":true,\"parameters\":{\"phase\":\"start pause\",\"elapsedUs\":1500}}",
		-EBADF);
	fake_send(&r->conn,
		  "{\"continues\":true,\"parameters\":{\"waitingFor\":\"DIFC proxy h:1: n\\u0007 "
		  "(refused)\"}}",
		  -EBADF);
	fake_send(&r->conn,
		  "{\"parameters\":{\"id\":\"" ID "\",\"droppedEnvironment\":[\"GH_TOKEN\","
		  "\"GITHUB_TOKEN\"]}}",
		  -EBADF);
	run_answer_attach(r, ATTACHED);
	run_finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	run_assert_output(r->fake.out, "");
	run_assert_output(r->fake.err, "awfctl: debug: start pause: 1.5 ms\n"
				       "awfctl: waiting for DIFC proxy h:1: n\\x07 (refused)\n"
				       "awfctl: warning: not passed on to the command: GH_TOKEN, "
				       "GITHUB_TOKEN\n"
				       "awfctl: debug: sandbox " ID " is there\n");
}

static const char *text_at(struct json_object *o, const char *key)
{
	return json_object_get_string(json_object_object_get(o, key));
}

/* The tag is for a name that has none, and for no other. */
static void test_image_tag(void **state)
{
	static const char *const rows[][2] = {
		{ "--agent-image=a/b", "a/b:t" }, { "--agent-image=h:5000/a", "h:5000/a:t" },
		{ "--agent-image=a:x", "a:x" },   { "--agent-image=a@sha256:1", "a@sha256:1" },
		{ "--agent-image=host", "host" }, { "--tty", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run *r = *state;
		struct json_object *call;

		FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--image-tag", "t", rows[i][0],
			 "--", "x");
		call = fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start");
		assert_same_text(text_at(call, "image"), rows[i][1]);
		json_object_put(call);
		run_next(state);
	}
}

/* It says so, unless the sandbox ended for another reason than its command or its time. */
static void test_keep(void **state)
{
	static const char kept[] =
		"awfctl: sandbox " ID " is kept: awfctl stop " ID " removes it\n";
	static const struct {
		const char *end;
		int code;
		bool kept;
	} rows[] = {
		{ ENDED(7), 7, true },
		{ "{\"parameters\":{\"exitCode\":124,\"oomKilled\":false,\"reason\":\"late\"}}",
		  124, true },
		{ "{\"parameters\":{\"exitCode\":3,\"oomKilled\":false,\"reason\":\"bad\"}}", 3,
		  false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run *r = *state;
		_cleanup_free_ char *err = NULL;
		struct json_object *call;

		FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "-k", "--", "x");
		call = fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start");
		assert_true(json_object_get_boolean(json_object_object_get(call, "keep")));
		json_object_put(call);
		fake_send(&r->conn, STARTED, -EBADF);
		run_answer_attach(r, ATTACHED);
		run_finish_failed(r, rows[i].end, "{\"parameters\":{\"denials\":[]}}");
		assert_int_equal(fake_wait(&r->fake), rows[i].code);
		err = fake_read_all(r->fake.err, NULL);
		assert_int_equal(strstr(err, kept) != NULL, rows[i].kept);
		run_next(state);
	}
}

/* What is named, else what a runner says, is the workspace; where the caller is goes along. */
static void test_workspace(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *here = realpath(".", NULL);
	const struct {
		const char *option, *of_runner, *home;
		const char *workspace, *current;
	} rows[] = {
		{ "--workspace=/x/y", "/of/runner", "/nowhere", "/x/y", here },
		{ "--workspace=.", "", "/nowhere", here, here },
		{ "--tty", "/of/runner", "/nowhere", "/of/runner", here },
		{ "--tty", "", "/nowhere", NULL, here },
		{ "--tty", "\xff", "/", NULL, here },
		{ "--tty", "", here, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *call;

		setenv("GITHUB_WORKSPACE", rows[i].of_runner, 1);
		setenv("HOME", rows[i].home, 1);
		FAKE_RUN(&r->fake, &(struct fake_stdio){ .in_project = true }, "run",
			 rows[i].option, "--", "x");
		call = fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start");
		assert_same_text(text_at(call, "workspace"), rows[i].workspace);
		assert_same_text(text_at(call, "currentDirectory"), rows[i].current);
		json_object_put(call);
		fake_send(&r->conn, WITHOUT_WORKSPACE, -EBADF);
		run_answer_attach(r, ATTACHED);
		run_finish(r, ENDED(0));
		assert_int_equal(fake_wait(&r->fake), 0);
		run_assert_output(
			r->fake.err,
			"awfctl: warning: the command has no workspace: /x is \\x07no; go to "
			"a project's directory, or give --workspace DIR\n");
		run_next(state);
		r = *state;
	}
}

static void test_shell_string(void **state)
{
	struct run *r = *state;
	struct json_object *call;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "echo \"$HOME\" | wc");
	call = fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start");
	assert_string_equal(json_object_to_json_string_ext(json_object_object_get(call, "command"),
							   JSON_C_TO_STRING_NOSLASHESCAPE),
			    "[\"/bin/sh\",\"-c\",\"echo \\\"$HOME\\\" | wc\"]");
	json_object_put(call);
}

static void test_no_stream(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	run_accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	fake_send(&r->conn, ATTACHED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 125);
	run_assert_complained(r, "awfd passed no stream");
}

/* A sandbox that dies between its start and the coming for its stream: why is Wait's to tell, and
 * the code is not the one for a wrong command line. Any other refusal is the end. */
static void test_ended_before_attach(void **state)
{
	static const char *const refusals[] = {
		FAILED("InvalidArgument", "{\"field\":\"id\",\"value\":\"" ID "\","
					  "\"reason\":\"the sandbox is not running\"}"),
		FAILED("Cancelled", "{\"message\":\"the sandbox ended\"}"),
	};
	static const struct {
		const char *answer;
		int code;
		const char *complaint;
	} ends[] = {
		{ "{\"parameters\":{\"exitCode\":137,\"oomKilled\":false,\"reason\":\"squid "
		  "ended\"}}",
		  137, "the sandbox was ended: squid ended\n" },
		{ "{\"parameters\":{\"exitCode\":-1,\"oomKilled\":false,\"reason\":\"squid "
		  "ended\"}}",
		  125, "the sandbox was ended: squid ended\n" },
		{ ENDED(0), 125, "awfctl: what the command wrote is lost: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refusals) * ARRAY_SIZE(ends); i++) {
		struct run *r = *state;

		FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
		run_accept_start(r);
		fake_send(&r->conn, STARTED, -EBADF);
		run_expect(&r->conn, "io.awf.Sandbox.Attach");
		fake_send(&r->conn, refusals[i % ARRAY_SIZE(refusals)], -EBADF);
		run_expect(&r->conn, "io.awf.Sandbox.Wait");
		run_finish_failed(r, ends[i / ARRAY_SIZE(refusals)].answer, NO_DENIALS);
		assert_int_equal(fake_wait(&r->fake), ends[i / ARRAY_SIZE(refusals)].code);
		run_assert_complained(r, ends[i / ARRAY_SIZE(refusals)].complaint);
		run_next(state);
	}
}

static void test_attach_refused(void **state)
{
	static const struct {
		const char *command, *answer;
		int code;
	} cases[] = {
		{ "run",
		  FAILED("QuotaExceeded", "{\"quota\":\"attached clients\",\"message\":\"4\"}"),
		  125 },
		{ "run", FAILED("SystemError", "{\"message\":\"no\"}"), 125 },
		{ "attach",
		  FAILED("InvalidArgument", "{\"field\":\"id\",\"value\":\"" ID "\","
					    "\"reason\":\"the sandbox is not running\"}"),
		  2 },
		{ "attach", FAILED("Cancelled", "{\"message\":\"the sandbox ended\"}"), 125 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;

		if (strcmp(cases[i].command, "run") == 0) {
			FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
			run_accept_start(r);
			fake_send(&r->conn, STARTED, -EBADF);
		} else {
			FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "attach", ID);
			fake_accept(&r->fake, &r->conn);
		}
		run_expect(&r->conn, "io.awf.Sandbox.Attach");
		fake_send(&r->conn, cases[i].answer, -EBADF);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		run_next(state);
	}
}

static void test_start_errors(void **state)
{
	static const struct {
		const char *answer;
		int code;
		const char *complaint;
	} cases[] = {
		{ FAILED("InvalidArgument", "{\"field\":\"difcProxyHost\",\"value\":\"h:0\","
					    "\"reason\":\"port 0\"}"),
		  2, "awfctl: --difc-proxy-host 'h:0': port 0\n" },
		{ FAILED("InvalidArgument", "{\"field\":\"allowDomains\",\"value\":\"*.com\","
					    "\"reason\":\"too wide\"}"),
		  2, "awfctl: --allow-domains '*.com': too wide\n" },
		{ FAILED("InvalidArgument", "{\"field\":\"allowHostPorts\","
					    "\"reason\":\"needs --enable-host-access\"}"),
		  2, "awfctl: --allow-host-ports: needs --enable-host-access\n" },
		{ FAILED("PermissionDenied", "{\"message\":\"not you\"}"), 125,
		  "awfctl: permission denied: not you\n" },
		{ FAILED("NotFound", "{\"id\":\"zz\"}"), 125,
		  "awfctl: no sandbox of yours is named 'zz'" },
		{ FAILED("QuotaExceeded", "{\"quota\":\"sandboxes\",\"message\":\"32 run\"}"), 125,
		  "awfctl: limit reached: sandboxes: 32 run\n" },
		{ FAILED("DifcUnreachable",
			 "{\"address\":\"127.0.0.1:1\",\"diagnosis\":\"refused\","
			 "\"message\":\"connect\"}"),
		  125, "awfctl: DIFC proxy 127.0.0.1:1: connect (refused); is the DIFC proxy" },
		{ FAILED("EngineError", "{\"operation\":\"create agent\",\"status\":404,"
					"\"message\":\"No such image: x\"}"),
		  125, "awfctl: engine: create agent: No such image: x (status 404)\n" },
		{ FAILED("EngineError",
			 "{\"operation\":\"start agent\",\"status\":400,\"message\":\"runc: exec: "
			 "\\\"x\\\": executable file not found in $PATH\"}"),
		  127,
		  "awfctl: nosuch: command not found in the sandbox's image (engine: start agent" },
		{ FAILED("EngineError", "{\"operation\":\"start agent\",\"status\":400,\"message\":"
					"\"runc: exec: \\\"x\\\": permission denied\"}"),
		  126, "awfctl: nosuch: command cannot be executed in the sandbox" },
		{ FAILED("EngineError", "{\"operation\":\"start agent\",\"status\":400,\"message\":"
					"\"chdir to cwd (/root): permission denied\"}"),
		  126,
		  "awfctl: the working directory cannot be entered by your user: choose another, as "
		  "in --container-workdir /tmp (engine: start agent: chdir" },
		{ FAILED("SystemError", "{\"message\":\"nft: no\\u0007\"}"), 125,
		  "awfctl: nft: no\\x07\n" },
		{ FAILED("Cancelled", "{\"message\":\"awfd is stopping\"}"), 125,
		  "awfctl: awfd is stopping\n" },
		{ "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"x\"}}",
		  125, "org.varlink.service.MethodNotFound" },
		{ "{\"error\":7}", 125, "awfctl: 7" },
		{ "{\"parameters\":7}", 125, "awfctl: awfd's answer" },
		{ "{\"parameters\":{}}", 125, "awfctl: awfd did not tell the sandbox's id" },
		{ "{\"parameters\":{\"surprise\":1}}", 125, "awfctl: awfd's answer" },
		{ "[]", 125, "awfctl: awfd's answer" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;

		FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "nosuch", "arg");
		run_accept_start(r);
		fake_send(&r->conn, cases[i].answer, -EBADF);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		run_assert_complained(r, cases[i].complaint);
		run_assert_output(r->fake.out, "");
		run_next(state);
	}
}

/* attach to a sandbox that lives on: signals are awfctl's own. */
static void test_attach(void **state)
{
	struct run *r = *state;
	struct pollfd p = { .events = POLLIN };
	char shown = 0;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "attach", ID);
	fake_accept(&r->fake, &r->conn);
	run_answer_attach(r, ATTACHED);
	run_send_text(r, "x");
	assert_int_equal(read(r->fake.out, &shown, 1), 1);
	assert_int_equal(shown, 'x');
	kill(r->fake.pid, SIGTERM);
	assert_int_equal(fake_wait(&r->fake), 143);
	p.fd = r->fake.listener;
	assert_int_equal(poll(&p, 1, 0), 0); /* no Stop */
}

static void test_attach_exit_code(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "attach", ID);
	fake_accept(&r->fake, &r->conn);
	run_answer_attach(r, ATTACHED);
	run_finish(r, ENDED(7));
	assert_int_equal(fake_wait(&r->fake), 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exit_codes),
		TEST(test_refusals),
		TEST(test_many_refusals),
		TEST(test_refusals_unknown),
		TEST(test_refusals_signal),
		TEST(test_refusals_vanish),
		TEST(test_request),
		TEST(test_image_tag),
		TEST(test_keep),
		TEST(test_workspace),
		TEST(test_shell_string),
		TEST(test_no_stream),
		TEST(test_ended_before_attach),
		TEST(test_attach_refused),
		TEST(test_start_errors),
		TEST(test_attach),
		TEST(test_attach_exit_code),
	};

	return RUN_TESTS("awfctl-run", tests);
}
