/* awfctl logs, the real program, against a scripted awfd and a directory of logs; and the times
 * that it takes. */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "awfctl/moment.h"
#include "common/fd.h"
#include "common/file.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#define ID "abcdefghij"

#define SQUID_OK                                                                                   \
	"{\"time\":\"2026-01-02T03:04:05.006Z\",\"from\":\"agent\",\"method\":\"CONNECT\","        \
	"\"host\":\"github.com\",\"port\":443,\"decision\":\"allowed\",\"status\":200,"            \
	"\"bytesIn\":1200,\"bytesOut\":34}\n"
#define SQUID_NO                                                                                   \
	"{\"time\":\"2026-01-02T03:04:07.000Z\",\"from\":\"agent\",\"method\":\"CONNECT\","        \
	"\"host\":\"ev`il|\\u001b[2J\\u0085\",\"port\":443,\"decision\":\"denied\","               \
	"\"reason\":\"blocked\",\"rule\":\"x\"}\n"
#define LOST "{\"event\":\"lines_lost\",\"count\":3}\n"
#define FIREWALL                                                                                   \
	"{\"time\":\"2026-01-02T03:04:06.000Z\",\"container\":\"agent\",\"protocol\":\"tcp\","     \
	"\"destination\":\"2001:db8::1\",\"port\":22,\"rule\":\"egress\","                         \
	"\"reason\":\"port not granted\"}\n"
#define GH                                                                                         \
	"{\"time\":\"2026-01-02T03:04:05.500Z\",\"event\":\"exec_start\",\"command\":\"api\","     \
	"\"args\":[\"api\",\"a b\",\"\",\"\\\"\"]}\n"                                              \
	"{\"time\":\"2026-01-02T03:04:05.600Z\",\"event\":\"exec_done\",\"command\":\"api\","      \
	"\"exitCode\":1}\n"                                                                        \
	"{\"time\":\"2026-01-02T03:04:05.700Z\",\"event\":\"exec_denied\",\"command\":\"auth\","   \
	"\"subcommand\":\"token\"}\n"
#define RELAY                                                                                      \
	"{\"time\":\"2026-01-02T03:04:04.000Z\",\"event\":\"start\",\"pid\":7}\n"                  \
	"{\"time\":\"2026-01-02T03:04:05.800Z\",\"event\":\"connection\",\"from\":\"agent\","      \
	"\"host\":\"h\",\"port\":80,\"result\":\"closed\",\"count\":3,\"bytesSent\":10,"           \
	"\"bytesReceived\":20}\n"                                                                  \
	"{\"time\":\"2026-01-02T03:04:05.900Z\",\"event\":\"connection\",\"from\":\"agent\","      \
	"\"host\":\"h\",\"port\":80,\"result\":\"failed\",\"reason\":\"r s\",\"count\":2}\n"
#define AUDIT                                                                                      \
	"{\"time\":\"2026-01-02T03:04:05.000Z\",\"event\":\"request\",\"method\":\"Start\","       \
	"\"sandbox\":\"" ID "\",\"grants\":{\"command\":[\"a b\",\"c\"],\"image\":\"i\"}}\n"       \
	"{\"time\":\"2026-01-02T03:04:08.000Z\",\"event\":\"end\",\"sandbox\":\"" ID "\","         \
	"\"exitCode\":7,\"durationMs\":3000}\n"

/* What the records above are printed as. */
#define OK_TEXT                                                                                    \
	"2026-01-02T03:04:05.006Z  squid    from=agent method=CONNECT host=github.com port=443 "   \
	"decision=allowed status=200 bytesIn=1200 bytesOut=34\n"
#define NO_TEXT                                                                                    \
	"2026-01-02T03:04:07.000Z  squid    from=agent method=CONNECT "                            \
	"host=\"ev`il|\\x1b[2J\\xc2\\x85\" port=443 decision=denied reason=blocked rule=x\n"
#define LOST_TEXT "-                         squid    event=lines_lost count=3\n"
#define FIREWALL_TEXT                                                                              \
	"2026-01-02T03:04:06.000Z  firewall container=agent protocol=tcp "                         \
	"destination=2001:db8::1 port=22 rule=egress reason=\"port not granted\"\n"
#define GH_TEXT                                                                                    \
	"2026-01-02T03:04:05.500Z  gh       event=exec_start command=api "                         \
	"args=[api \"a b\" \"\" \"\\x22\"]\n"                                                      \
	"2026-01-02T03:04:05.600Z  gh       event=exec_done command=api exitCode=1\n"              \
	"2026-01-02T03:04:05.700Z  gh       event=exec_denied command=auth subcommand=token\n"
#define RELAY_START_TEXT "2026-01-02T03:04:04.000Z  relay    event=start pid=7\n"
#define RELAY_TEXT                                                                                 \
	"2026-01-02T03:04:05.800Z  relay    event=connection from=agent host=h port=80 "           \
	"result=closed count=3 bytesSent=10 bytesReceived=20\n"                                    \
	"2026-01-02T03:04:05.900Z  relay    event=connection from=agent host=h port=80 "           \
	"result=failed reason=\"r s\" count=2\n"
#define START_TEXT                                                                                 \
	"2026-01-02T03:04:05.000Z  audit    event=request method=Start sandbox=" ID                \
	" grants.command=[\"a b\" c] grants.image=i\n"
#define END_TEXT                                                                                   \
	"2026-01-02T03:04:08.000Z  audit    event=end sandbox=" ID " exitCode=7 durationMs=3000\n"

static const struct {
	const char *name, *text;
} logs[] = {
	{ "squid.jsonl", SQUID_OK SQUID_NO LOST },
	{ "gh.jsonl", GH },
	{ "relay.jsonl", RELAY },
	{ "firewall.jsonl", FIREWALL },
	{ "audit.jsonl", AUDIT },
};

static char *path_of(const struct fake *f, const char *name)
{
	return xasprintf("%s/%s", f->directory, name);
}

static void append(const struct fake *f, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_of(f, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_return_code(fd, errno);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* The logs are in the directory of the socket. */
static int setup(void **state)
{
	struct fake *f = xnew(struct fake);

	fake_setup(f);
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
		append(f, logs[i].name, logs[i].text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		_cleanup_free_ char *path = path_of(f, logs[i].name);

		(void)unlink(path);
	}
	fake_teardown(f);
	free(f);
	return 0;
}

static void assert_text(int fd, const char *expected)
{
	_cleanup_free_ char *text = fake_read_all(fd, NULL);

	assert_string_equal(text, expected);
}

/* Says where the logs are; `more`: they are still written. */
static void tell_directory(struct fake *f, struct fake_conn *c, bool more)
{
	_cleanup_free_ char *answer = xasprintf("{%s\"parameters\":{\"directory\":\"%s\"}}",
						more ? "\"continues\":true," : "", f->directory);

	fake_send(c, answer, -EBADF);
}

static void accept_call(struct fake *f, struct fake_conn *c)
{
	struct json_object *call = fake_accept_call(f, c, "io.awf.Sandbox.Logs");

	assert_string_equal(fake_text(call, "id"), ID);
	json_object_put(call);
}

/* awfctl with these arguments, told once where the logs are: what it prints. */
static void assert_lines(void **state, const char *const *args, const char *out)
{
	struct fake *f = *state;
	struct fake_conn c;

	fake_spawn(f, &(struct fake_stdio){ 0 }, args);
	accept_call(f, &c);
	tell_directory(f, &c, true);
	assert_int_equal(fake_wait(f), 0);
	assert_text(f->out, out);
	assert_text(f->err, "");
	fake_close(&c);
}

/* All of them in the order of time; what has no time comes behind what is before it. */
static void test_lines(void **state)
{
	static const struct {
		const char *args[8];
		const char *out;
	} cases[] = {
		{ { "logs", ID },
		  RELAY_START_TEXT START_TEXT OK_TEXT GH_TEXT RELAY_TEXT FIREWALL_TEXT NO_TEXT
			  LOST_TEXT END_TEXT },
		{ { "logs", "--source=relay", ID }, RELAY_START_TEXT RELAY_TEXT },
		{ { "logs", "--source", "squid,firewall", ID },
		  OK_TEXT FIREWALL_TEXT NO_TEXT LOST_TEXT },
		{ { "logs", "--since", "2026-01-02T03:04:06Z", "--until", "2026-01-02T03:04:07Z",
		    ID },
		  FIREWALL_TEXT },
		{ { "logs", "--since=1767323046", "--until", "2026-01-02T04:04:08+01:00",
		    "--source=squid", ID },
		  NO_TEXT LOST_TEXT },
		{ { "logs", "--since", "1m", ID }, "" },
		{ { "logs", "-f", "--until", "2026-01-02", ID }, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_lines(state, cases[i].args, cases[i].out);
		teardown(state);
		setup(state);
	}
}

/* The same values, an object a line, with the log's name and no control character. */
static void test_json(void **state)
{
	const struct fake *f = *state;
	_cleanup_free_ char *directory = xstrdup(f->directory);

	append(f, "firewall.jsonl", "no \x1b JSON\n[]\n{\"half\":");
	FAKE_RUN(*state, &(struct fake_stdio){ 0 }, "logs", "--json", "--dir", directory,
		 "--source", "squid,firewall");
	assert_int_equal(fake_wait(*state), 0);
	assert_text(f->out,
		    "{\"time\":\"2026-01-02T03:04:05.006Z\",\"from\":\"agent\",\"method\":"
		    "\"CONNECT\",\"host\":\"github.com\",\"port\":443,\"decision\":\"allowed\","
		    "\"status\":200,\"bytesIn\":1200,\"bytesOut\":34,\"log\":\"squid\"}\n"
		    "{\"time\":\"2026-01-02T03:04:06.000Z\",\"container\":\"agent\",\"protocol\":"
		    "\"tcp\",\"destination\":\"2001:db8::1\",\"port\":22,\"rule\":\"egress\","
		    "\"reason\":\"port not granted\",\"log\":\"firewall\"}\n"
		    "{\"text\":\"no \\u001b JSON\",\"log\":\"firewall\"}\n"
		    "{\"text\":\"[]\",\"log\":\"firewall\"}\n"
		    "{\"time\":\"2026-01-02T03:04:07.000Z\",\"from\":\"agent\",\"method\":"
		    "\"CONNECT\",\"host\":\"ev`il|\\u001b[2J\\u0085\",\"port\":443,\"decision\":"
		    "\"denied\",\"reason\":\"blocked\",\"rule\":\"x\",\"log\":\"squid\"}\n"
		    "{\"event\":\"lines_lost\",\"count\":3,\"log\":\"squid\"}\n");
}

static void begin_to_follow(struct fake *f, struct fake_conn *c)
{
	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "logs", "-f", "--source=firewall", ID);
	accept_call(f, c);
	tell_directory(f, c, true);
	fake_assert_printed(f, FIREWALL_TEXT);
}

/* What is written before the end is told is read, too. */
static void assert_end_is_read(struct fake *f, struct fake_conn *c)
{
	append(f, "firewall.jsonl", "{\"event\":\"log_full\"}\n");
	tell_directory(f, c, false);
	assert_int_equal(fake_wait(f), 0);
	assert_text(f->out, "-                         firewall event=log_full\n");
	assert_text(f->err, "");
	fake_close(c);
}

/* Each line when it is whole; the end is awfd's to tell, and what was written before it is there.
 */
static void test_follow(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;

	begin_to_follow(f, &c);
	append(f, "firewall.jsonl", "{\"time\":\"2026-01-02T03:04:06.000Z\",");
	append(f, "firewall.jsonl", "\"container\":\"squid\"}\n");
	fake_assert_printed(f, "2026-01-02T03:04:06.000Z  firewall container=squid\n");
	assert_end_is_read(f, &c);
}

/* An awfd that is restarted is asked again, and what was printed is not printed again. */
static void test_follow_over_restart(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;

	begin_to_follow(f, &c);
	fake_close(&c);
	accept_call(f, &c);
	assert_end_is_read(f, &c);
}

static void test_refused(void **state)
{
	static const struct {
		const char *args[6];
		int code;
		const char *part;
	} cases[] = {
		{ { "logs" }, 2, "logs needs an ID, or --dir; awfctl list shows the IDs" },
		{ { "logs", "summary" }, 2, "logs needs an ID, or --dir" },
		{ { "logs", ID, ID }, 2, "unexpected argument '" ID "'" },
		{ { "logs", "--dir", "/", ID }, 2, "unexpected argument '" ID "'" },
		{ { "logs", "-f", "--dir", "/" }, 2, "leave one of them out" },
		{ { "logs", "--dir", "/no/such" },
		  125,
		  "cannot read the log /no/such/audit.jsonl" },
		{ { "logs", "--source", "agent", ID }, 2, "the command's output is kept nowhere" },
		{ { "logs", "--source", "x", ID },
		  2,
		  "--source 'x': use squid, gh, relay, firewall or audit" },
		{ { "logs", "--since", "soon", ID }, 2, "--since 'soon': give a time" },
		{ { "logs", "--since=1m", "--until=2m", ID },
		  2,
		  "--until '2m' is not later than --since '1m'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;
		_cleanup_free_ char *text = NULL;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		assert_int_equal(fake_wait(f), cases[i].code);
		text = fake_read_all(f->err, NULL);
		assert_text_contains(text, cases[i].part);
		teardown(state);
		setup(state);
	}
}

static void test_not_ours(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "logs", ID);
	accept_call(f, &c);
	fake_send(&c, "{\"error\":\"io.awf.Sandbox.NotFound\",\"parameters\":{\"id\":\"" ID "\"}}",
		  -EBADF);
	assert_int_equal(fake_wait(f), 125);
	assert_text(f->err, "awfctl: no sandbox '" ID "' of yours; awfctl list shows them\n");
	fake_close(&c);
}

/* --- The summary ------------------------------------------------------------------------------ */

static void test_summary(void **state)
{
	static const char *const args[] = { "logs", "summary", ID, NULL };

	assert_lines(
		state, args,
		"### Sandbox `" ID "`\n\n| | |\n|---|---|\n"
		"| Command | `'a b' c` |\n| Image | `i` |\n| Exit code | 7 after 3.0 s |\n"
		"| Requests | 1 allowed |\n| Refused | 2 attempts |\n"
		"| Relay | 5 connections, 2 failed |\n"
		"| gh | 2 calls, 1 failed, 1 refused |\n"
		"\n#### Refused\n\n"
		"| Destination | From | Protocol | Reason | Times |\n|---|---|---|---|---:|\n"
		"| `[2001:db8::1]:22` | `agent` | `tcp` | `port not granted` | 1 |\n"
		"| `ev\\x60il\\|\\x1b[2J\\xc2\\x85:443` | `agent` | `CONNECT` | `blocked by x` "
		"| 1 |\n"
		"\n#### Reached\n\n"
		"| Destination | From | Requests | Bytes received | Bytes sent |\n"
		"|---|---|---:|---:|---:|\n"
		"| `github.com:443` | `agent` | 1 | 1200 | 34 |\n"
		"\n#### Relay\n\n"
		"| Destination | From | Connections | Failed | Bytes received | Bytes sent |\n"
		"|---|---|---:|---:|---:|---:|\n"
		"| `h:80` | `agent` | 5 | 2 | 20 | 10 |\n"
		"\n#### gh\n\n| Command | Calls | Failed | Refused |\n|---|---:|---:|---:|\n"
		"| `api` | 1 | 1 | 0 |\n| `auth token` | 1 | 0 | 1 |\n"
		"\nThe logs have not all of it: the disk, or a log, was full.\n");
}

static void test_summary_json(void **state)
{
	const struct fake *f = *state;
	_cleanup_free_ char *directory = xstrdup(f->directory), *text = NULL;
	_cleanup_json_ struct json_object *printed = NULL, *expected = NULL;

	FAKE_RUN(*state, &(struct fake_stdio){ 0 }, "logs", "summary", "--json", "--dir", directory,
		 "--source", "squid,audit");
	assert_int_equal(fake_wait(*state), 0);
	text = fake_read_all(f->out, NULL);
	assert_null(strchr(text, '\x1b'));
	printed = json_tokener_parse(text);
	expected = json_tokener_parse(
		"{\"sandbox\":\"" ID "\",\"command\":\"'a b' c\",\"image\":\"i\",\"exitCode\":7,"
		"\"durationMs\":3000,\"incomplete\":true,\"reached\":[{\"destination\":"
		"\"github.com:443\",\"from\":\"agent\",\"requests\":1,\"bytesReceived\":1200,"
		"\"bytesSent\":34}],\"refused\":[{\"destination\":\"ev`il|\\u001b[2J\\u0085:443\","
		"\"from\":\"agent\",\"protocol\":\"CONNECT\",\"reason\":\"blocked by x\","
		"\"times\":1}],\"relay\":[],\"gh\":[]}");
	assert_true(json_object_equal(printed, expected));
}

/* What a job can make many of takes a row each up to a bound, and is counted beyond. */
static void test_summary_of_many(void **state)
{
	const struct fake *f = *state;
	_cleanup_free_ char *directory = xstrdup(f->directory), *text = NULL;

	for (int i = 0; i < 300; i++) {
		_cleanup_free_ char *line =
			xasprintf("{\"host\":\"h%d\",\"decision\":\"allowed\"}\n", i);

		append(f, "squid.jsonl", line);
	}
	FAKE_RUN(*state, &(struct fake_stdio){ 0 }, "logs", "summary", "--dir", directory);
	assert_int_equal(fake_wait(*state), 0);
	text = fake_read_all(f->out, NULL);
	assert_text_contains(text, "| Requests | 301 allowed |\n");
	assert_text_contains(text, "| `h254` |");
	assert_null(strstr(text, "| `h255` |"));
	assert_text_contains(text, "\n… and 45 times others.\n");
}

/* --- Times ------------------------------------------------------------------------------------ */

static void test_moments(void **state _unused_)
{
	static const int64_t now = 1000000000;
	static const struct {
		const char *text;
		int64_t ms; /* -1: none */
	} cases[] = {
		{ "0s", now },
		{ "90s", now - 90000 },
		{ "1h30m", now - 5400000 },
		{ "1.5h", now - 5400000 },
		{ "250ms", now - 250 },
		{ "2d", now - 172800000 },
		{ "1767323045", 1767323045000 },
		{ "1767323045.0625", 1767323045062 },
		{ "2026-01-02T03:04:05Z", 1767323045000 },
		{ "2026-01-02T03:04:05.0625Z", 1767323045062 },
		{ "2026-01-02T03:04Z", 1767323040000 },
		{ "2026-01-02T05:34:05+02:30", 1767323045000 },
		{ "2026-01-01T22:04:05-05:00", 1767323045000 },
		{ "2026-01-02Z", 1767312000000 },
		{ "2026-01-02T08:04:05", 1767323045000 }, /* local time, five hours ahead */
		{ "2026-01-02T08:04", 1767323040000 },
		{ "2026-01-02 08:04:05", 1767323045000 },
		{ "2026-01-02 03:04Z", 1767323040000 },
		{ "2026-01-02", 1767294000000 },
		{ "", -1 },
		{ "m", -1 },
		{ "10x", -1 },
		{ "10m5", -1 },
		{ "-5m", -1 },
		{ "1..5h", -1 },
		{ "4294967296", -1 },
		{ "99999999d", -1 },
		{ "2026-13-02", -1 },
		{ "2026-02-29", -1 },
		{ "2026-04-31T12:00:00Z", -1 },
		{ "2026-01-02T03:04:05.Z", -1 },
		{ "2026-01-02T03:04:05Z ", -1 },
		{ "2026-01-02T03:04:05+0200x", -1 },
		{ "yesterday", -1 },
	};

	setenv("TZ", "XYZ-5", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		int64_t ms = -1;
		int r = moment_parse("since", cases[i].text, now, &ms, &e);

		assert_row(cases[i].text, (r == 0) == (cases[i].ms >= 0));
		assert_row(cases[i].text, ms == cases[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_over_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_summary, setup, teardown),
		cmocka_unit_test_setup_teardown(test_summary_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_summary_of_many, setup, teardown),
		cmocka_unit_test(test_moments),
	};

	return RUN_TESTS("awfctl-logs", tests);
}
