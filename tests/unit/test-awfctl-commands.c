/* awfctl's other commands and its failures, the real program, against a scripted awfd. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "proto/messages.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#define ID    "abcdefghij"
#define OTHER "klmnopqrst"

#define SANDBOX(id)                                                                                \
	"{\"id\":\"" id "\",\"state\":\"running\",\"ownerUid\":1000,\"owner\":\"alice\","          \
	"\"image\":\"awf-agent\",\"command\":[\"sh\",\"-c\",\"echo \\u001b[31m\"],"                \
	"\"createdAt\":\"2026-01-02T03:04:05Z\",\"exitCode\":0,\"oomKilled\":false,\"steps\":"     \
	"[{\"name\":\"start pause\",\"state\":\"done\",\"elapsedUs\":12300}]}"
#define CHECK(command)                                                                             \
	"{\"command\":[" command "],\"image\":\"x\",\"tty\":false,\"openStdin\":false,"            \
	"\"attach\":false,\"lease\":false,\"keep\":false,\"allowDomains\":[\"a.example\"],"        \
	"\"enableHostAccess\":false}"
#define CHECK_X   CHECK("\"true\",\"\"")
#define CHECK_CMD CHECK("\"cmd\",\"a\"")
#define DECISIONS(allowed, where)                                                                  \
	"{\"parameters\":{\"decisions\":[{\"what\":\"image\",\"value\":\"x:latest\","              \
	"\"allowed\":true,\"where\":\"w\"},{\"what\":\"allowDomains\",\"value\":"                  \
	"\"a.example\",\"allowed\":" allowed ",\"where\":\"" where "\"}]}}"
#define NOT_FOUND(id) "{\"error\":\"io.awf.Sandbox.NotFound\",\"parameters\":{\"id\":\"" id "\"}}"
#define DONE          "{\"parameters\":{}}"

static void assert_text(int fd, const char *expected)
{
	_cleanup_free_ char *text = fake_read_all(fd, NULL);

	assert_string_equal(text, expected);
}

static void assert_part(int fd, const char *part)
{
	_cleanup_free_ char *text = fake_read_all(fd, NULL);

	assert_text_contains(text, part);
}

/* One call with these parameters, answered like this. */
static void serve(struct fake *f, const char *method, const char *parameters, const char *answer)
{
	struct fake_conn c;
	struct json_object *call = fake_accept_call(f, &c, method);

	assert_string_equal(json_object_to_json_string_ext(call, JSON_C_TO_STRING_PLAIN),
			    parameters);
	json_object_put(call);
	fake_send(&c, answer, -EBADF);
	fake_close(&c);
}

/* awfctl with some arguments, one call, and what comes of it. */
static void test_calls(void **state)
{
	static const struct {
		const char *args[9];
		const char *method;
		const char *parameters;
		const char *answer;
		int code;
		const char *out;
		const char *err;
	} cases[] = {
		{ { "list" },
		  "io.awf.Sandbox.List",
		  "{}",
		  "{\"parameters\":{\"sandboxes\":[" SANDBOX(ID) "]}}",
		  0,
		  "ID\tNAME\tSTATE\tOWNER\tCREATED\tIMAGE\tCOMMAND\n" ID
		  "\t-\trunning\talice\t2026-01-02T03:04:05Z\tawf-agent\t"
		  "sh -c 'echo \\x1b[31m'\n",
		  "" },
		{ { "list", "--json" },
		  "io.awf.Sandbox.List",
		  "{}",
		  "{\"parameters\":{\"sandboxes\":[]}}",
		  0,
		  "[\n]\n",
		  "" },
		{ { "inspect", ID },
		  "io.awf.Sandbox.Inspect",
		  "{\"id\":\"" ID "\"}",
		  "{\"parameters\":{\"sandbox\":" SANDBOX(ID) "}}",
		  0,
		  "ID:           " ID "\nState:        running\nOwner:        alice (uid 1000)\n"
		  "Created:      2026-01-02T03:04:05Z\nImage:        awf-agent\n"
		  "Command:      sh -c 'echo \\x1b[31m'\nSteps:\n"
		  "  start pause  done        12.3 ms\n",
		  "" },
		{ { "inspect", "zz" },
		  "io.awf.Sandbox.Inspect",
		  "{\"id\":\"zz\"}",
		  NOT_FOUND("zz"),
		  125,
		  "",
		  "awfctl: no sandbox of yours is named 'zz', and the beginning of an ID has 3 letters "
		  "at least; awfctl list shows them\n" },
		{ { "check", "--agent-image", "x", "--allow-domains", "a.example" },
		  "io.awf.Sandbox.Check",
		  CHECK_X,
		  DECISIONS("true", "\\u001b[31m"),
		  0,
		  "WHAT\tVALUE\tDECISION\tDECIDED BY\n"
		  "--agent-image\tx:latest\tallowed\tw\n"
		  "--allow-domains\ta.example\tallowed\t\\x1b[31m\n",
		  "" },
		{ { "check", "--agent-image", "x", "--allow-domains", "a.example", "--", "cmd",
		    "a" },
		  "io.awf.Sandbox.Check",
		  CHECK_CMD,
		  DECISIONS("false", "w"),
		  1,
		  "WHAT\tVALUE\tDECISION\tDECIDED BY\n"
		  "--agent-image\tx:latest\tallowed\tw\n"
		  "--allow-domains\ta.example\trefused\tw\n",
		  "" },
		{ { "check", "--agent-image", "x", "--allow-domains", "a.example" },
		  "io.awf.Sandbox.Check",
		  CHECK_X,
		  "{\"error\":\"io.awf.Sandbox.PermissionDenied\",\"parameters\":{\"field\":"
		  "\"allowDomains\",\"value\":\"a\",\"message\":\"no\"}}",
		  125,
		  "",
		  "awfctl: permission denied: --allow-domains 'a': no\n" },
		{ { "check", "--agent-image", "x", "--pull", "always", "--", "cmd", "a" },
		  "io.awf.Sandbox.Check",
		  "{\"command\":[\"cmd\",\"a\"],\"image\":\"x\",\"tty\":false,\"openStdin\":false,"
		  "\"attach\":false,\"lease\":false,\"keep\":false,\"enableHostAccess\":false,"
		  "\"pull\":\"always\"}",
		  "{\"error\":\"io.awf.Sandbox.InvalidArgument\",\"parameters\":{\"field\":\"pull\","
		  "\"value\":\"always\",\"reason\":\"no\"}}",
		  2,
		  "",
		  "awfctl: --pull 'always': no\n" },
		{ { "predownload", "--image", "x:1", "--difc-proxy" },
		  "io.awf.Sandbox.Predownload",
		  "{\"reference\":\"x:1\",\"difcProxy\":true}",
		  "{\"parameters\":{\"images\":[{\"reference\":\"x:1\",\"id\":\"sha256:\\u001b\","
		  "\"origin\":\"pulled\"}]}}",
		  0,
		  "IMAGE\tORIGIN\tID\nx:1\tpulled\tsha256:\\x1b\n",
		  "" },
		{ { "predownload", "--json" },
		  "io.awf.Sandbox.Predownload",
		  "{\"difcProxy\":false}",
		  "{\"parameters\":{\"images\":[]}}",
		  0,
		  "[\n]\n",
		  "" },
		{ { "predownload" },
		  "io.awf.Sandbox.Predownload",
		  "{\"difcProxy\":false}",
		  "{\"parameters\":{\"reference\":\"x:1\"}}",
		  125,
		  "",
		  "awfctl: awfd did not tell which images are there\n" },
		{ { "predownload", "--image", "x" },
		  "io.awf.Sandbox.Predownload",
		  "{\"reference\":\"x\",\"difcProxy\":false}",
		  "{\"error\":\"io.awf.Sandbox.PermissionDenied\",\"parameters\":{\"field\":"
		  "\"reference\",\"value\":\"x:latest\",\"message\":\"no\"}}",
		  125,
		  "",
		  "awfctl: permission denied: --image 'x': no\n" },
		{ { "wait", ID },
		  "io.awf.Sandbox.Wait",
		  "{\"id\":\"" ID "\",\"lease\":false}",
		  "{\"parameters\":{\"exitCode\":42,\"oomKilled\":false}}",
		  42,
		  "",
		  "" },
		{ { "wait", ID },
		  "io.awf.Sandbox.Wait",
		  "{\"id\":\"" ID "\",\"lease\":false}",
		  "{\"parameters\":{\"exitCode\":143,\"oomKilled\":false,\"reason\":\"stopped\"}}",
		  143,
		  "",
		  "awfctl: the sandbox was ended: stopped\n" },
		{ { "stop", ID },
		  "io.awf.Sandbox.Stop",
		  "{\"id\":\"" ID "\",\"signal\":\"SIGTERM\",\"graceMs\":10000}",
		  DONE,
		  0,
		  ID "\n",
		  "" },
		{ { "reload" },
		  "io.awf.Sandbox.Reload",
		  "{}",
		  "{\"parameters\":{\"kept\":[\"[Daemon] Socket=\"]}}",
		  0,
		  "",
		  "awfctl: warning: [Daemon] Socket= changed, which counts only after a restart of "
		  "awfd\n" },
		{ { "reload" },
		  "io.awf.Sandbox.Reload",
		  "{}",
		  "{\"error\":\"io.awf.Sandbox.SystemError\",\"parameters\":{\"message\":\"bad\"}}",
		  125,
		  "",
		  "awfctl: bad\n" },
		{ { "version" },
		  "org.varlink.service.GetInfo",
		  "{}",
		  "{\"parameters\":{\"vendor\":\"v\",\"product\":\"awfd\",\"version\":\"9.9\","
		  "\"url\":\"u\",\"interfaces\":[\"i\"]}}",
		  0,
		  "awfctl " AWF_VERSION "\nawfd   9.9\n",
		  "" },
		{ { "start", "--", "true" },
		  "io.awf.Sandbox.Start",
		  "{\"command\":[\"\\/bin\\/sh\",\"-c\",\"true\"],\"tty\":false,\"openStdin\":false,"
		  "\"attach\":false,\"lease\":false,\"keep\":false,\"enableHostAccess\":false}",
		  "{\"parameters\":{\"id\":\"" ID "\",\"droppedEnvironment\":[]}}",
		  0,
		  ID "\n",
		  "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		serve(f, cases[i].method, cases[i].parameters, cases[i].answer);
		assert_int_equal(fake_wait(f), cases[i].code);
		assert_text(f->out, cases[i].out);
		assert_text(f->err, cases[i].err);
		fake_test_teardown(state);
		fake_test_setup(state);
	}
}

static void test_json(void **state)
{
	struct fake *f = *state;
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *printed = NULL, *expected = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "inspect", "--json", ID);
	serve(f, "io.awf.Sandbox.Inspect", "{\"id\":\"" ID "\"}",
	      "{\"parameters\":{\"sandbox\":" SANDBOX(ID) "}}");
	assert_int_equal(fake_wait(f), 0);
	text = fake_read_all(f->out, NULL);
	assert_null(strchr(text, '\x1b'));
	printed = json_tokener_parse(text);
	expected = json_tokener_parse(SANDBOX(ID));
	assert_true(json_object_equal(printed, expected));
}

/* All are asked before the first has answered; each is reported; one failure is the command's. */
static void test_stop_several(void **state)
{
	struct fake *f = *state;
	struct fake_conn first, second;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "stop", ID, OTHER);
	json_object_put(fake_accept_call(f, &first, "io.awf.Sandbox.Stop"));
	json_object_put(fake_accept_call(f, &second, "io.awf.Sandbox.Stop"));
	fake_send(&second, DONE, -EBADF);
	fake_send(&first, NOT_FOUND(ID), -EBADF);
	assert_int_equal(fake_wait(f), 125);
	assert_text(f->out, OTHER "\n");
	assert_text(f->err, "awfctl: no sandbox '" ID "' of yours; awfctl list shows them\n");
	fake_close(&first);
	fake_close(&second);
}

/* What is refused here, before awfd is asked. */
static void test_usage(void **state)
{
	static const struct {
		const char *args[6];
		const char *complaint;
	} cases[] = {
		{ { NULL }, "Usage: awfctl COMMAND" },
		{ { "lsit" }, "unknown command 'lsit'; did you mean 'list'?" },
		{ { "--nope" }, "unknown option '--nope'" },
		{ { "run" }, "there is no command; give it after '--'" },
		{ { "run", "--" }, "there is no command; give it after '--'" },
		{ { "run", "gh", "api" },
		  "unexpected 'gh': the sandbox's command goes after '--'" },
		{ { "run", "--image-registry", "x", "--", "y" },
		  "run: --image-registry is not here: images of the sandbox's parts come with awf, " },
		{ { "list", "--", "x" }, "list takes no '--'" },
		{ { "list", "x" },
		  "unexpected argument 'x'; it is used so: awfctl list [options]\n" },
		{ { "list", "--tty" }, "list: unknown option '--tty'" },
		{ { "inspect" }, "inspect needs an ID" },
		{ { "inspect", "\xff\x1b" }, "argument '\\xff\\x1b': not valid UTF-8\n" },
		{ { "inspect", ID, OTHER }, "unexpected argument '" OTHER "'" },
		{ { "stop" }, "stop needs an ID" },
		{ { "list", "--log-level", "loud" }, "--log-level 'loud': use debug, info" },
		{ { "run", "--", "a", "\xff" },
		  "argument 2 of the command is not valid UTF-8: '\\xff'" },
		{ { "run", "-e", "A=secret\xff", "--", "x" }, "--env 'A': not valid UTF-8" },
		{ { "run", "--agent-image", "\xff", "--", "x" },
		  "--agent-image '\\xff': not valid" },
		{ { "run", "--dns-servers", "1.1.1.1,\xff", "--", "x" },
		  "--dns-servers '\\xff': not valid UTF-8" },
		{ { "run", "--upstream-proxy", "http://u:secret\xff@h", "--", "x" },
		  "--upstream-proxy: not valid UTF-8\n" },
		{ { "run", "--allow-domains", "a,,b", "--", "x" },
		  "run: --allow-domains 'a,,b': an item of the list is empty; take the" },
		{ { "run", "--difc-proxy-host", "h", "--", "x" },
		  "--difc-proxy-host needs --difc-proxy-ca-cert: give the path" },
		{ { "run", "--difc-proxy-ca-cert", "f", "--", "x" },
		  "--difc-proxy-ca-cert needs --difc-proxy-host: give the DIFC proxy's address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		assert_int_equal(fake_wait(f), 2);
		assert_text(f->out, "");
		assert_part(f->err, cases[i].complaint);
		fake_test_teardown(state);
		fake_test_setup(state);
	}
}

static void test_help(void **state)
{
	static const struct {
		const char *args[3];
		const char *part;
	} cases[] = {
		{ { "--help" }, "Commands:\n  run " },
		{ { "help" }, "Commands:\n  run " },
		{ { "help", "inspect" }, "Usage: awfctl inspect [options] ID\n" },
		{ { "run", "-h" }, "Usage: awfctl run [options] -- COMMAND [ARG...]\n" },
		{ { "stop", "--help" }, "Usage: awfctl stop [options] ID...\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		assert_int_equal(fake_wait(f), 0);
		assert_part(f->out, cases[i].part);
		assert_text(f->err, "");
		fake_test_teardown(state);
		fake_test_setup(state);
	}
}

static void write_file(const char *path, const char *content, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_return_code(fd, errno);
	assert_return_code(fd_write_all(fd, content, length), 0);
	close(fd);
}

static void assert_ca_refused(void **state, const char *path, const char *reason)
{
	struct fake *f = *state;
	_cleanup_free_ char *line = xasprintf("awfctl: --difc-proxy-ca-cert: %s: %s", path, reason);

	FAKE_RUN(f, &(struct fake_stdio){ .as_nobody = geteuid() == 0 }, "run", "--difc-proxy-host",
		 "h", "--difc-proxy-ca-cert", path, "--", "x");
	assert_int_equal(fake_wait(f), 2);
	assert_part(f->err, line);
	f->in = fd_close(f->in);
	f->out = fd_close(f->out);
	f->err = fd_close(f->err);
}

/* A CA file that can't be used is named with the reason; a FIFO is not waited for. */
static void test_ca_files(void **state)
{
	struct fake *f = *state;
	_cleanup_free_ char *path = xasprintf("%s/ca.crt", f->directory);
	_cleanup_free_ char *large = xcalloc(MESSAGE_CA_MAX + 1, 1);

	memset(large, 'x', MESSAGE_CA_MAX + 1);
	assert_ca_refused(state, path, "No such file or directory; give the path");
	assert_ca_refused(state, f->directory, "not a regular file; give the path");
	assert_ca_refused(state, f->socket, "No such device or address");
	write_file(path, "", 0);
	assert_ca_refused(state, path, "the file is empty");
	write_file(path, "a\0b", 3);
	assert_ca_refused(state, path, "not a PEM file");
	write_file(path, "\x30\x82\xff", 3);
	assert_ca_refused(state, path, "not a PEM file");
	write_file(path, large, MESSAGE_CA_MAX + 1);
	assert_ca_refused(state, path, "larger than 65536 bytes; give the CA's");
	assert_return_code(chmod(path, 0), errno);
	assert_ca_refused(state, path, "Permission denied; it is read with your rights");
	unlink(path);
	assert_return_code(mkfifo(path, 0644), errno);
	assert_ca_refused(state, path, "not a regular file");
	unlink(path);
}

static void assert_unreachable(struct fake *f, const char *path, const char *reason)
{
	_cleanup_free_ char *line =
		xasprintf("awfctl: cannot connect to awfd at %s: %s", path, reason);

	FAKE_RUN(f, &(struct fake_stdio){ .as_nobody = geteuid() == 0 }, "--socket", path, "list");
	assert_int_equal(fake_wait(f), 125);
	assert_part(f->err, line);
	f->in = fd_close(f->in);
	f->out = fd_close(f->out);
	f->err = fd_close(f->err);
}

static void test_unreachable(void **state)
{
	struct fake *f = *state;
	_cleanup_free_ char *missing = xasprintf("%s/missing", f->directory);
	char too_long[300];

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	assert_unreachable(f, missing,
			   "No such file or directory; is awfd running? Look with: "
			   "systemctl status awfd.socket");
	assert_unreachable(f, too_long, "File name too long");
	assert_return_code(chmod(f->socket, 0), errno);
	assert_unreachable(f, f->socket,
			   "Permission denied; only root and members of group awf "
			   "may: sudo usermod -aG awf ");
	assert_return_code(chmod(f->socket, 0666), errno);
	f->listener = fd_close(f->listener);
	assert_unreachable(f, f->socket, "Connection refused; is awfd running?");
}

/* version answers without awfd. */
static void test_version_alone(void **state)
{
	struct fake *f = *state;

	f->listener = fd_close(f->listener);
	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "--version");
	assert_int_equal(fake_wait(f), 0);
	assert_text(f->out, "awfctl " AWF_VERSION "\n");
	assert_part(f->err, "awfctl: warning: the version of awfd is not known");
}

/* What would be larger than a message is refused, not sent in part. */
static void test_too_large(void **state)
{
	struct fake *f = *state;
	const char *args[32] = { "run", "--" };
	_cleanup_free_ char *argument = xcalloc(100 * 1024, 1);

	memset(argument, 'x', 100 * 1024 - 1);
	for (size_t i = 2; i < 14; i++)
		args[i] = argument;
	fake_spawn(f, &(struct fake_stdio){ 0 }, args);
	assert_int_equal(fake_wait(f), 2);
	assert_part(f->err, "together larger than the 1048576 bytes of a message");
}

/* A message that does not fit into the socket's buffer arrives whole. */
static void test_large(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	struct json_object *call;
	const char *args[32] = { "run", "--" };
	_cleanup_free_ char *argument = xcalloc(100 * 1024, 1);

	memset(argument, 'x', 100 * 1024 - 1);
	for (size_t i = 2; i < 11; i++)
		args[i] = argument;
	fake_spawn(f, &(struct fake_stdio){ 0 }, args);
	call = fake_accept_call(f, &c, "io.awf.Sandbox.Start");
	assert_int_equal(json_object_array_length(json_object_object_get(call, "command")), 9);
	json_object_put(call);
	fake_send(&c,
		  "{\"error\":\"io.awf.Sandbox.InvalidArgument\",\"parameters\":"
		  "{\"field\":\"command\",\"reason\":\"too long\"}}",
		  -EBADF);
	assert_int_equal(fake_wait(f), 2);
	assert_text(f->err, "awfctl: COMMAND: too long\n");
	fake_close(&c);
}

/* Output that can't be written is a failure. */
static void test_full_device(void **state)
{
	struct fake *f = *state;
	struct fake_stdio stdio = { .out = open("/dev/full", O_WRONLY | O_CLOEXEC) };

	FAKE_RUN(f, &stdio, "list");
	serve(f, "io.awf.Sandbox.List", "{}", "{\"parameters\":{\"sandboxes\":[]}}");
	assert_int_equal(fake_wait(f), 125);
	assert_text(f->err, "awfctl: cannot write to standard output: No space left on device\n");
	close(stdio.out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_test_setup, fake_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_calls),       TEST(test_json),          TEST(test_stop_several),
		TEST(test_usage),       TEST(test_help),          TEST(test_ca_files),
		TEST(test_unreachable), TEST(test_version_alone), TEST(test_too_large),
		TEST(test_large),       TEST(test_full_device),
	};

	return RUN_TESTS("awfctl-commands", tests);
}
