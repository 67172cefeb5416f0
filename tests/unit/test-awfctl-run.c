/* awfctl run and attach, the real program, against a scripted awfd and a scripted command. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/stdcopy.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#define ID           "abcdefghij"
#define BULK         (16 * 1024 * 1024)
#define FRAME_MAX    (128 * 1024)
#define SOON_MSEC    1500 /* before awfctl would give up waiting by itself */
#define NOT_YET_MSEC 150  /* how long to look whether something happens that must not */

#define STARTED           "{\"parameters\":{\"id\":\"" ID "\"}}"
#define ATTACHED          "{\"parameters\":{\"stream\":0,\"tty\":false}}"
#define ATTACHED_TTY      "{\"parameters\":{\"stream\":0,\"tty\":true}}"
#define ENDED(code)       "{\"parameters\":{\"exitCode\":" #code ",\"oomKilled\":false}}"
#define WITHOUT_WORKSPACE "{\"parameters\":{\"id\":\"" ID "\",\"noWorkspace\":\"/x is \\u0007no\"}}"
#define NO_DENIALS        "{\"parameters\":{\"denials\":[]}}"
#define STOPPED           "{\"parameters\":{}}"
#define FAILED(error, parameters)                                                                  \
	"{\"error\":\"io.awf.Sandbox." error "\",\"parameters\":" parameters "}"

/* A run that is under way: awfctl, its connection, and the command's end of the stream. */
struct run {
	struct fake fake;
	struct fake_conn conn;
	int engine;
};

static int setup(void **state)
{
	struct run *r = xnew(struct run);

	fake_setup(&r->fake);
	r->conn.fd = r->engine = -EBADF;
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct run *r = *state;

	fake_close(&r->conn);
	r->engine = fd_close(r->engine);
	fake_teardown(&r->fake);
	free(r);
	return 0;
}

static void expect(struct fake_conn *c, const char *method)
{
	json_object_put(fake_expect(c, method));
}

static void accept_start(struct run *r)
{
	json_object_put(fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Start"));
}

static void answer_attach(struct run *r, const char *answer)
{
	int pair[2];

	expect(&r->conn, "io.awf.Sandbox.Attach");
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
	fake_send(&r->conn, answer, pair[1]);
	close(pair[1]);
	r->engine = pair[0];
	expect(&r->conn, "io.awf.Sandbox.Wait");
}

/* From Start to the moment in which the command runs and awfctl is attached. */
static void begin(struct run *r, const struct fake_stdio *stdio)
{
	FAKE_RUN(&r->fake, stdio, "run", "--", "x");
	accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	answer_attach(r, ATTACHED);
}

static void finish(struct run *r, const char *answer)
{
	r->engine = fd_close(r->engine);
	fake_send(&r->conn, answer, -EBADF);
}

/* A command that failed: what was refused is asked on the same connection. */
static void finish_failed(struct run *r, const char *answer, const char *denials)
{
	struct json_object *call;

	finish(r, answer);
	call = fake_expect(&r->conn, "io.awf.Sandbox.Denials");
	assert_string_equal(fake_text(call, "id"), ID);
	json_object_put(call);
	fake_send(&r->conn, denials, -EBADF);
}

static void send_frame(int engine, enum stdcopy_type type, const void *data, size_t length)
{
	unsigned char header[STDCOPY_HEADER_SIZE];

	stdcopy_header(header, type, (uint32_t)length);
	assert_return_code(fd_write_all(engine, header, sizeof(header)), 0);
	assert_return_code(fd_write_all(engine, data, length), 0);
}

static void send_text(struct run *r, const char *text)
{
	send_frame(r->engine, STDCOPY_STDOUT, text, strlen(text));
}

static char *random_bytes(size_t length)
{
	char *data = xcalloc(length, 1);

	for (size_t have = 0; have < length;)
		have += (size_t)getrandom(data + have, length - have, 0);
	return data;
}

static void assert_output(int fd, const char *expected)
{
	_cleanup_free_ char *text = fake_read_all(fd, NULL);

	assert_string_equal(text, expected);
}

static void assert_complained(struct run *r, const char *part)
{
	_cleanup_free_ char *text = fake_read_all(r->fake.err, NULL);

	assert_text_contains(text, part);
}

/* The Stop call that awfctl makes on another connection. */
static void expect_stop(struct run *r, struct fake_conn *c, const char *signal_name,
			int64_t grace_ms)
{
	struct json_object *call = fake_accept_call(&r->fake, c, "io.awf.Sandbox.Stop");

	assert_string_equal(fake_text(call, "id"), ID);
	assert_string_equal(fake_text(call, "signal"), signal_name);
	assert_int_equal(json_object_get_int64(json_object_object_get(call, "graceMs")), grace_ms);
	json_object_put(call);
}

static bool ends_within(struct run *r, int msec)
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
		begin(*state, &(struct fake_stdio){ 0 });
		if (cases[i].asked)
			finish_failed(*state, cases[i].answer, NO_DENIALS);
		else
			finish(*state, cases[i].answer);
		assert_int_equal(fake_wait(&((struct run *)*state)->fake), cases[i].code);
		assert_complained(*state, cases[i].complaint);
		teardown(state);
		setup(state);
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

	begin(r, &(struct fake_stdio){ 0 });
	send_text(r, "out");
	finish_failed(
		r, ENDED(1),
		"{\"parameters\":{\"denials\":[" DENIAL(
			"github.com", "443",
			"\"count\":2,\"grant\":\"--allow-domains github.com\"") "," DENIAL("x\\u001b",
											   "0",
											   "\"count\":1") "]}}");
	assert_int_equal(fake_wait(&r->fake), 1);
	assert_output(r->fake.out, "out");
	assert_output(r->fake.err,
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
	begin(r, &(struct fake_stdio){ 0 });
	finish_failed(r, ENDED(1), answer.data);
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

		begin(r, &(struct fake_stdio){ 0 });
		finish(r, ENDED(3));
		expect(&r->conn, "io.awf.Sandbox.Denials");
		if (answers[i])
			fake_send(&r->conn, answers[i], -EBADF);
		assert_int_equal(fake_wait(&r->fake), 3);
		assert_output(r->fake.err, "");
		teardown(state);
		setup(state);
	}
}

/* Nobody has to wait for it either. */
static void test_refusals_signal(void **state)
{
	struct run *r = *state;

	begin(r, &(struct fake_stdio){ 0 });
	finish(r, ENDED(3));
	expect(&r->conn, "io.awf.Sandbox.Denials");
	kill(r->fake.pid, SIGTERM);
	assert_true(ends_within(r, SOON_MSEC));
	assert_int_equal(fake_wait(&r->fake), 3);
	assert_output(r->fake.err, "");
}

/* awfd goes away at that moment. */
static void test_refusals_vanish(void **state)
{
	struct run *r = *state;

	begin(r, &(struct fake_stdio){ 0 });
	finish(r, ENDED(3));
	expect(&r->conn, "io.awf.Sandbox.Denials");
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 3);
	assert_output(r->fake.err, "");
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
	answer_attach(r, ATTACHED);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.out, "");
	assert_output(r->fake.err, "awfctl: debug: start pause: 1.5 ms\n"
				   "awfctl: waiting for DIFC proxy h:1: n\\x07 (refused)\n"
				   "awfctl: warning: not passed on to the command: GH_TOKEN, "
				   "GITHUB_TOKEN\n"
				   "awfctl: debug: sandbox " ID " is there\n");
}

static const char *text_at(struct json_object *o, const char *key)
{
	return json_object_get_string(json_object_object_get(o, key));
}

static void next_run(void **state)
{
	teardown(state);
	setup(state);
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
		next_run(state);
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
		answer_attach(r, ATTACHED);
		finish_failed(r, rows[i].end, "{\"parameters\":{\"denials\":[]}}");
		assert_int_equal(fake_wait(&r->fake), rows[i].code);
		err = fake_read_all(r->fake.err, NULL);
		assert_int_equal(strstr(err, kept) != NULL, rows[i].kept);
		next_run(state);
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
		answer_attach(r, ATTACHED);
		finish(r, ENDED(0));
		assert_int_equal(fake_wait(&r->fake), 0);
		assert_output(r->fake.err,
			      "awfctl: warning: the command has no workspace: /x is \\x07no; go to "
			      "a project's directory, or give --workspace DIR\n");
		next_run(state);
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

/* All answers at once, in pieces of one byte, and a command that ended before awfctl was attached.
 */
static void test_pieces(void **state)
{
	struct run *r = *state;
	int pair[2];
	static const char started[] = STARTED;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	accept_start(r);
	for (size_t i = 0; i < sizeof(started); i++)
		assert_int_equal(fd_send(r->conn.fd, &started[i], 1, -EBADF), 1);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
	send_frame(pair[0], STDCOPY_STDOUT, "early", 5);
	send_frame(pair[0], STDCOPY_STDERR, "", 0);
	close(pair[0]);
	assert_true(fd_send(r->conn.fd, ATTACHED "\0" ENDED(3), sizeof(ATTACHED) + sizeof(ENDED(3)),
			    pair[1]) > 0);
	close(pair[1]);
	expect(&r->conn, "io.awf.Sandbox.Attach");
	expect(&r->conn, "io.awf.Sandbox.Wait");
	expect(&r->conn, "io.awf.Sandbox.Denials");
	fake_send(&r->conn, NO_DENIALS, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 3);
	assert_output(r->fake.out, "early");
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

	begin(r, &stdio);
	for (int to = 0; sent[0] < BULK || sent[1] < BULK; to = !to) {
		size_t n = (size_t)random() % FRAME_MAX + 1;

		n = MIN(n, BULK - sent[to]);
		send_frame(r->engine, to ? STDCOPY_STDERR : STDCOPY_STDOUT,
			   data + (size_t)to * BULK + sent[to], n);
		sent[to] += n;
	}
	finish(r, ENDED(0));
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

	begin(r, &stdio);
	arrived = fake_read_all(r->engine, &length);
	assert_int_equal(length, BULK);
	assert_memory_equal(arrived, data, BULK);
	send_text(r, "got it");
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.out, "got it");
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
	begin(r, &stdio);
	assert_true(fcntl(in[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	close(out[1]);
	echo = echo_process(out[0], in[1], BULK);
	close(in[1]);
	close(out[0]);
	feeder = fake_fork();
	if (feeder == 0) {
		for (size_t sent = 0; sent < BULK; sent += 32768)
			send_frame(r->engine, STDCOPY_STDOUT, data + sent, 32768);
		_exit(0);
	}
	back = fake_read_all(r->engine, &length);
	assert_int_equal(length, BULK);
	assert_memory_equal(back, data, BULK);
	finish(r, ENDED(0));
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

	begin(r, &(struct fake_stdio){ 0 });
	send_text(r, "x");
	assert_int_equal(fcntl(r->fake.in, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(r->fake.out, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(r->engine, F_GETFL) & O_NONBLOCK, 0);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
}

/* Nobody ever writes to or closes standard input: the end of the command is the end. */
static void test_idle_input(void **state)
{
	struct run *r = *state;

	begin(r, &(struct fake_stdio){ 0 });
	finish_failed(r, ENDED(5), NO_DENIALS);
	assert_int_equal(fake_wait(&r->fake), 5);
}

static void test_closed_input(void **state)
{
	struct run *r = *state;
	char byte;

	begin(r, &(struct fake_stdio){ .close_in = true });
	assert_int_equal(read(r->engine, &byte, 1), 0);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.err, "");
}

/* A directory as standard input: reported, an empty input for the command. */
static void test_unreadable_input(void **state)
{
	struct run *r = *state;
	struct fake_stdio stdio = { .in = open("/", O_RDONLY | O_CLOEXEC) };
	char byte;

	begin(r, &stdio);
	assert_int_equal(read(r->engine, &byte, 1), 0);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_complained(r, "cannot read standard input: Is a directory");
	close(stdio.in);
}

/* The command ends without having read its input, which the stream then answers with a reset. */
static void test_unread_input(void **state)
{
	struct run *r = *state;
	struct fake_stdio stdio = { .in = open("/dev/zero", O_RDONLY | O_CLOEXEC) };
	struct pollfd p;

	begin(r, &stdio);
	p = (struct pollfd){ .fd = r->engine, .events = POLLIN };
	assert_int_equal(poll(&p, 1, -1), 1);
	send_text(r, "enough");
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.out, "enough");
	assert_output(r->fake.err, "");
	close(stdio.in);
}

/* Fills the stream until it takes nothing more: what a command sees whose output nobody reads. */
static size_t fill(int engine)
{
	static char block[32768];
	unsigned char header[STDCOPY_HEADER_SIZE];
	struct pollfd p = { .fd = engine, .events = POLLOUT };
	size_t total = 0;

	stdcopy_header(header, STDCOPY_STDOUT, 64 * 1024 * 1024);
	assert_return_code(fd_write_all(engine, header, sizeof(header)), 0);
	while (poll(&p, 1, 2 * NOT_YET_MSEC) > 0) {
		ssize_t n = send(engine, block, sizeof(block), MSG_DONTWAIT);

		total += n > 0 ? (size_t)n : 0;
		assert_true(total < BULK); /* nothing may buffer without limit */
	}
	return total;
}

/* With its output stuck, awfctl still hears signals: the first is passed on and waits for the rest
 * of the output, which is then complete. */
static void test_signal_slow_reader(void **state)
{
	struct run *r = *state;
	_cleanup_free_ char *output = NULL;
	struct fake_conn stop;
	size_t sent, length;

	begin(r, &(struct fake_stdio){ 0 });
	sent = fill(r->engine);
	kill(r->fake.pid, SIGINT);
	expect_stop(r, &stop, "SIGINT", 2000);
	fake_send(&stop, STOPPED, -EBADF);
	finish(r, ENDED(130));
	assert_false(ends_within(r, NOT_YET_MSEC));
	output = fake_read_all(r->fake.out, &length);
	assert_int_equal(length, sent);
	assert_int_equal(fake_wait(&r->fake), 130);
	fake_close(&stop);
}

/* The second signal kills, and nobody waits for the output any more. */
static void test_second_signal(void **state)
{
	struct run *r = *state;
	struct fake_conn first, second;

	begin(r, &(struct fake_stdio){ 0 });
	(void)fill(r->engine);
	kill(r->fake.pid, SIGTERM);
	expect_stop(r, &first, "SIGTERM", 2000);
	kill(r->fake.pid, SIGTERM);
	expect_stop(r, &second, "SIGKILL", 0);
	assert_false(ends_within(r, NOT_YET_MSEC));
	fake_send(&second, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 143);
	fake_close(&first);
	fake_close(&second);
}

/* The third one needs no answer from awfd. */
static void test_third_signal(void **state)
{
	struct run *r = *state;
	struct fake_conn first, second;

	begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGHUP);
	expect_stop(r, &first, "SIGHUP", 2000);
	kill(r->fake.pid, SIGINT);
	expect_stop(r, &second, "SIGKILL", 0);
	kill(r->fake.pid, SIGINT);
	assert_int_equal(fake_wait(&r->fake), 130);
	assert_true(fake_is_closed(&r->conn));
	fake_close(&first);
	fake_close(&second);
}

/* The usual course: the command ends by the signal, which either call is told first, and what it
 * said last is shown. */
static void test_signals(void **state)
{
	static const struct {
		int number;
		const char *name;
		int code;
		bool by_stop;
		const char *answer;
	} cases[] = {
		{ SIGINT, "SIGINT", 130, false, ENDED(0) },
		{ SIGTERM, "SIGTERM", 143, true, FAILED("NotFound", "{\"id\":\"" ID "\"}") },
		{ SIGHUP, "SIGHUP", 129, false, ENDED(3) },
		{ SIGQUIT, "SIGQUIT", 131, true, STOPPED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run *r = *state;
		struct fake_conn stop;

		begin(r, &(struct fake_stdio){ 0 });
		kill(r->fake.pid, cases[i].number);
		expect_stop(r, &stop, cases[i].name, 2000);
		send_text(r, "bye");
		assert_false(ends_within(r, NOT_YET_MSEC));
		r->engine = fd_close(r->engine);
		fake_send(cases[i].by_stop ? &stop : &r->conn, cases[i].answer, -EBADF);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		assert_output(r->fake.out, "bye");
		assert_output(r->fake.err, "");
		fake_close(&stop);
		teardown(state);
		setup(state);
	}
}

/* The sandbox can't be stopped: said, and the end all the same. */
static void test_stop_fails(void **state)
{
	struct run *r = *state;
	struct fake_conn stop;

	begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGTERM);
	expect_stop(r, &stop, "SIGTERM", 2000);
	fake_send(&stop,
		  FAILED("EngineError", "{\"operation\":\"kill\",\"status\":500,"
					"\"message\":\"broken\"}"),
		  -EBADF);
	assert_int_equal(fake_wait(&r->fake), 143);
	assert_complained(r, "sandbox " ID " was not stopped: broken");
	fake_close(&stop);
}

/* Before awfd told the id there is nothing to stop: closing the connection gives the start up. */
static void test_signal_in_start(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	accept_start(r);
	fake_send(&r->conn, "{\"continues\":true,\"parameters\":{\"phase\":\"x\",\"elapsedUs\":1}}",
		  -EBADF);
	assert_false(ends_within(r, NOT_YET_MSEC));
	kill(r->fake.pid, SIGINT);
	assert_int_equal(fake_wait(&r->fake), 130);
	assert_true(fake_is_closed(&r->conn));
	assert_output(r->fake.err, "");
}

/* After the command's end there is nothing to stop either. */
static void test_signal_after_end(void **state)
{
	struct run *r = *state;

	begin(r, &(struct fake_stdio){ 0 });
	(void)fill(r->engine);
	finish(r, ENDED(0));
	assert_false(ends_within(r, NOT_YET_MSEC));
	kill(r->fake.pid, SIGTERM);
	assert_int_equal(fake_wait(&r->fake), 143);
}

/* nohup: what was ignored from the start does nothing. */
static void test_ignored_signal(void **state)
{
	struct run *r = *state;

	(void)signal(SIGHUP, SIG_IGN);
	begin(r, &(struct fake_stdio){ 0 });
	(void)signal(SIGHUP, SIG_DFL);
	kill(r->fake.pid, SIGHUP);
	assert_false(ends_within(r, NOT_YET_MSEC));
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
}

/* awfctl run -- yes | head */
static void test_broken_pipe(void **state)
{
	struct run *r = *state;
	struct fake_conn stop;

	begin(r, &(struct fake_stdio){ 0 });
	send_text(r, "y\n");
	r->fake.out = fd_close(r->fake.out);
	send_text(r, "y\n");
	expect_stop(r, &stop, "SIGKILL", 0);
	fake_send(&stop, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 141);
	assert_output(r->fake.err, "");
	fake_close(&stop);
}

/* Output that can't be kept is not silently lost. */
static void test_full_device(void **state)
{
	struct run *r = *state;
	struct fake_stdio stdio = { .out = open("/dev/full", O_WRONLY | O_CLOEXEC) };
	struct fake_conn stop;

	begin(r, &stdio);
	send_text(r, "x");
	expect_stop(r, &stop, "SIGKILL", 0);
	fake_send(&stop, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 125);
	assert_complained(r, "cannot write to standard output: No space left on device");
	fake_close(&stop);
	close(stdio.out);
}

/* A stream that is damaged is an error, and the end. */
static void test_damaged_stream(void **state)
{
	struct run *r = *state;
	struct fake_conn stop;

	begin(r, &(struct fake_stdio){ 0 });
	assert_return_code(fd_write_all(r->engine, "\x07xxxxxxx", 8), 0);
	expect_stop(r, &stop, "SIGKILL", 0);
	fake_send(&stop, STOPPED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 125);
	assert_complained(r, "the command's output is damaged");
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

		begin(r, &(struct fake_stdio){ 0 });
		assert_return_code(fd_write_all(r->engine, cases[i].bytes, cases[i].length), 0);
		finish_failed(r, cases[i].answer, NO_DENIALS);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		assert_complained(r, "the command's output ended in the middle");
		teardown(state);
		setup(state);
	}
}

static void test_awfd_vanishes_in_start(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	accept_start(r);
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 125);
	assert_complained(r, "awfctl: awfd closed the connection");
}

/* Before the command's stream is there, there is nothing to come back to. */
static void test_awfd_vanishes_in_attach(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	expect(&r->conn, "io.awf.Sandbox.Attach");
	fake_close(&r->conn);
	assert_int_equal(fake_wait(&r->fake), 125);
	assert_complained(r, "awfctl: awfd closed the connection");
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
	assert_complained(r, "awfctl: awfd closed the connection");
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

	begin(r, &(struct fake_stdio){ 0 });
	send_text(r, "before ");
	fake_close(&r->conn);
	send_text(r, "meanwhile ");
	for (int i = 0; i < 3; i++)
		expect_comeback(r, true);
	send_text(r, "after");
	finish_failed(r, ENDED(42), NO_DENIALS);
	assert_int_equal(fake_wait(&r->fake), 42);
	assert_output(r->fake.out, "before meanwhile after");
	assert_output(r->fake.err, "");
}

static void test_attached_comes_back(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "attach", ID);
	fake_accept(&r->fake, &r->conn);
	answer_attach(r, ATTACHED);
	expect_comeback(r, false);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.err, "");
}

static void test_waiter_comes_back(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "wait", ID);
	json_object_put(fake_accept_call(&r->fake, &r->conn, "io.awf.Sandbox.Wait"));
	expect_comeback(r, false);
	fake_send(&r->conn, ENDED(7), -EBADF);
	assert_int_equal(fake_wait(&r->fake), 7);
	assert_output(r->fake.err, "");
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

	begin(r, &(struct fake_stdio){ 0 });
	hide_socket(r, true);
	fake_close(&r->conn);
	assert_false(ends_within(r, NOT_YET_MSEC));
	hide_socket(r, false);
	expect_comeback(r, true);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.err, "");
}

/* Many come back at once: whoever finds no room tries again. */
static void test_comes_back_to_a_crowd(void **state)
{
	struct run *r = *state;

	begin(r, &(struct fake_stdio){ 0 });
	for (int i = 0; i < 3; i++) {
		expect_comeback(r, true);
		fake_send(&r->conn,
			  FAILED("QuotaExceeded", "{\"resource\":\"connections\",\"message\":"
						  "\"128 of 128 in use\"}"),
			  -EBADF);
	}
	expect_comeback(r, true);
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.err, "");
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
			answer_attach(r, ATTACHED);
		fake_close(&r->conn);
		n = count_attempts(r, 1000);
		assert_in_range(n, 2, 12);
		kill(r->fake.pid, SIGTERM);
		assert_int_equal(fake_wait(&r->fake), i == 0 ? 143 : 1000 + SIGTERM);
		teardown(state);
		setup(state);
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

		begin(r, &(struct fake_stdio){ 0 });
		expect_comeback(r, true);
		fake_send(&r->conn, answers[i], -EBADF);
		assert_false(ends_within(r, NOT_YET_MSEC));
		send_text(r, "after");
		r->engine = fd_close(r->engine);
		assert_int_equal(fake_wait(&r->fake), 125);
		assert_output(r->fake.out, "after");
		said = fake_read_all(r->fake.err, NULL);
		assert_text_contains(said, "sandbox " ID " ended while awfd was restarted");
		assert_text_contains(said, "the exit code of sandbox " ID " is lost");
		teardown(state);
		setup(state);
	}
}

/* A signal then ends awfctl, which can't stop anything; the next awfd ends what has no client. */
static void test_signal_without_awfd(void **state)
{
	struct run *r = *state;

	begin(r, &(struct fake_stdio){ 0 });
	hide_socket(r, true);
	fake_close(&r->conn);
	assert_false(ends_within(r, NOT_YET_MSEC));
	kill(r->fake.pid, SIGINT);
	assert_int_equal(fake_wait(&r->fake), 130);
	assert_output(r->fake.err, "");
	hide_socket(r, false);
}

/* awfd goes while it stops the command: that ends with its client. */
static void test_awfd_vanishes_in_stop(void **state)
{
	struct run *r = *state;
	struct fake_conn stopper;

	begin(r, &(struct fake_stdio){ 0 });
	kill(r->fake.pid, SIGTERM);
	expect_stop(r, &stopper, "SIGTERM", 2000);
	fake_close(&r->conn);
	fake_close(&stopper);
	assert_true(ends_within(r, SOON_MSEC));
	assert_int_equal(fake_wait(&r->fake), 143);
	assert_output(r->fake.err, "");
}

/* A signal to one that came back is passed on, as before. */
static void test_signal_after_comeback(void **state)
{
	struct run *r = *state;
	struct fake_conn stopper;

	begin(r, &(struct fake_stdio){ 0 });
	expect_comeback(r, true);
	kill(r->fake.pid, SIGTERM);
	expect_stop(r, &stopper, "SIGTERM", 2000);
	finish(r, ENDED(0)); /* it does not wait for the rest of the stop */
	assert_int_equal(fake_wait(&r->fake), 143);
	fake_close(&stopper);
}

static void test_no_stream(void **state)
{
	struct run *r = *state;

	FAKE_RUN(&r->fake, &(struct fake_stdio){ 0 }, "run", "--", "x");
	accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	fake_send(&r->conn, ATTACHED, -EBADF);
	assert_int_equal(fake_wait(&r->fake), 125);
	assert_complained(r, "awfd passed no stream");
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
		accept_start(r);
		fake_send(&r->conn, cases[i].answer, -EBADF);
		assert_int_equal(fake_wait(&r->fake), cases[i].code);
		assert_complained(r, cases[i].complaint);
		assert_output(r->fake.out, "");
		teardown(state);
		setup(state);
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
	answer_attach(r, ATTACHED);
	send_text(r, "x");
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
	answer_attach(r, ATTACHED);
	finish(r, ENDED(7));
	assert_int_equal(fake_wait(&r->fake), 7);
}

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
	accept_start(r);
	fake_send(&r->conn, STARTED, -EBADF);
	answer_attach(r, ATTACHED_TTY);
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
	finish_failed(r, ENDED(4), NO_DENIALS);
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
		teardown(state);
		setup(state);
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
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_output(r->fake.err, "");
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
	answer_attach(r, ATTACHED_TTY);
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
		assert_output(r->fake.err, "awfctl: detached from sandbox " ID ": awfctl attach " ID
					   " comes back to it\n");
		assert_restored(&pty);
		teardown(state);
		setup(state);
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
	finish(r, ENDED(7));
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
		assert_false(ends_within(r, 5));
	finish(r, ENDED(0));
	assert_int_equal(fake_wait(&r->fake), 0);
	assert_restored(&pty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_pieces),
		TEST(test_output_exact),
		TEST(test_input_exact),
		TEST(test_both_directions),
		TEST(test_flags_untouched),
		TEST(test_idle_input),
		TEST(test_closed_input),
		TEST(test_unreadable_input),
		TEST(test_unread_input),
		TEST(test_signal_slow_reader),
		TEST(test_second_signal),
		TEST(test_third_signal),
		TEST(test_signals),
		TEST(test_stop_fails),
		TEST(test_signal_in_start),
		TEST(test_signal_after_end),
		TEST(test_ignored_signal),
		TEST(test_broken_pipe),
		TEST(test_full_device),
		TEST(test_damaged_stream),
		TEST(test_cut_streams),
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
		TEST(test_no_stream),
		TEST(test_start_errors),
		TEST(test_attach),
		TEST(test_attach_exit_code),
		TEST(test_tty),
		TEST(test_tty_restored),
		TEST(test_tty_suspended),
		TEST(test_tty_resized),
		TEST(test_detach),
		TEST(test_no_detach_keys),
	};

	return RUN_TESTS("awfctl-run", tests);
}
