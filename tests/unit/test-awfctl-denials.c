/* awfctl denials, the real program, against a scripted awfd; and its texts. */
#include "awfctl/denial-text.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#include <fcntl.h>

#define ID "abcdefghij"

#define TIME "\"time\":\"2026-01-02T03:04:05.006Z\","
#define NAMED                                                                                      \
	"{" TIME "\"source\":\"squid\",\"from\":\"agent\",\"protocol\":\"CONNECT\","               \
	"\"host\":\"github.com\",\"port\":443,\"sni\":\"x\\u0085\",\"reason\":\"not allowed\","    \
	"\"count\":12,\"grant\":\"--allow-domains github.com\"}"
#define ADDRESS                                                                                    \
	"{" TIME "\"source\":\"firewall\",\"from\":\"cli-proxy\",\"protocol\":\"icmp\","           \
	"\"host\":\"2001:db8::1\\u001b[2J\",\"port\":0,\"reason\":\"private\\n\",\"count\":1}"
#define REPLY(list)     "{\"parameters\":{\"denials\":[" list "]}}"
#define CONTINUES(list) "{\"continues\":true,\"parameters\":{\"denials\":[" list "]}}"

static void assert_text(int fd, const char *expected)
{
	_cleanup_free_ char *text = fake_read_all(fd, NULL);

	assert_string_equal(text, expected);
}

static void accept_call(struct fake *f, struct fake_conn *c)
{
	struct json_object *call = fake_accept_call(f, c, "io.awf.Sandbox.Denials");

	assert_string_equal(json_object_to_json_string_ext(call, JSON_C_TO_STRING_PLAIN),
			    "{\"id\":\"" ID "\"}");
	json_object_put(call);
}

static void test_once(void **state)
{
	static const struct {
		const char *args[6];
		const char *answer;
		int code;
		const char *out;
		const char *err;
	} cases[] = {
		{ { "denials", ID },
		  REPLY(NAMED "," ADDRESS),
		  0,
		  "TIME\tFROM\tPROTOCOL\tHOST\tPORT\t"
		  "COUNT\tREASON\tGRANT\n"
		  "2026-01-02T03:04:05.006Z\tagent\tCONNECT\tgithub.com\t443\t"
		  "12\tnot allowed\t--allow-domains github.com\n"
		  "2026-01-02T03:04:05.006Z\tcli-proxy\ticmp\t2001:db8::1\\x1b[2J\t-\t"
		  "1\tprivate\\x0a\t-\n",
		  "" },
		{ { "denials", ID },
		  REPLY(""),
		  0,
		  "TIME\tFROM\tPROTOCOL\tHOST\tPORT\tCOUNT\tREASON\tGRANT\n",
		  "" },
		{ { "denials", "--json", ID }, REPLY(""), 0, "[\n]\n", "" },
		{ { "denials", "--json", "--source=squid", ID }, REPLY(ADDRESS), 0, "[\n]\n", "" },
		{ { "denials", "--json", "--since=2026-01-02T03:04:05.007Z", ID },
		  REPLY(NAMED),
		  0,
		  "[\n]\n",
		  "" },
		{ { "denials", "--source=firewall", "--until=2026-01-02T03:04:06Z",
		    "--since=2026-01-02T03:04:05Z", ID },
		  REPLY(NAMED "," ADDRESS),
		  0,
		  "TIME\tFROM\tPROTOCOL\tHOST\tPORT\tCOUNT\tREASON\tGRANT\n"
		  "2026-01-02T03:04:05.006Z\tcli-proxy\ticmp\t2001:db8::1\\x1b[2J\t-\t"
		  "1\tprivate\\x0a\t-\n",
		  "" },
		{ { "denials", ID },
		  "{\"error\":\"io.awf.Sandbox.NotFound\",\"parameters\":{\"id\":\"" ID "\"}}",
		  125,
		  "",
		  "awfctl: no sandbox '" ID "' of yours; awfctl list shows them\n" },
		{ { "denials", "--json", ID },
		  REPLY("{\"host\":7}"),
		  125,
		  "",
		  "awfctl: awfd's answer can't be understood: denials.time: is missing\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;
		struct fake_conn c;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		accept_call(f, &c);
		fake_send(&c, cases[i].answer, -EBADF);
		assert_int_equal(fake_wait(f), cases[i].code);
		assert_text(f->out, cases[i].out);
		assert_text(f->err, cases[i].err);
		fake_close(&c);
		fake_test_teardown(state);
		fake_test_setup(state);
	}
}

/* The same values as awfd's, and no control character. */
static void test_json(void **state)
{
	struct fake *f = *state;
	struct fake_conn c;
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *printed = NULL, *expected = NULL;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "denials", ID, "--json");
	accept_call(f, &c);
	fake_send(&c, REPLY(NAMED "," ADDRESS), -EBADF);
	assert_int_equal(fake_wait(f), 0);
	text = fake_read_all(f->out, NULL);
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "\xc2\x85"));
	printed = json_tokener_parse(text);
	expected = json_tokener_parse("[" NAMED "," ADDRESS "]");
	assert_true(json_object_equal(printed, expected));
	fake_close(&c);
}

/* Each is printed when it comes, in the columns of those before; the end is awfd's to tell. */
static void test_follow(void **state)
{
	static const char first[] =
		"TIME\tFROM\tPROTOCOL\tHOST\tPORT\tCOUNT\t"
		"REASON\tGRANT\n"
		"2026-01-02T03:04:05.006Z\tagent\tCONNECT\tgithub.com\t443\t12\t"
		"not allowed\t--allow-domains github.com\n";
	static const char again[] =
		"2026-01-02T03:04:05.006Z\tagent\tCONNECT\tgithub.com\t443\t12\t"
		"not allowed\t--allow-domains github.com\n";
	struct fake *f = *state;
	struct fake_conn c;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "denials", "-f", ID);
	accept_call(f, &c);
	fake_send(&c, CONTINUES(NAMED), -EBADF);
	fake_assert_printed(f, first);
	fake_send(&c, CONTINUES(NAMED), -EBADF);
	fake_assert_printed(f, again);
	fake_send(&c, REPLY(""), -EBADF);
	assert_int_equal(fake_wait(f), 0);
	assert_text(f->out, "");
	assert_text(f->err, "");
	fake_close(&c);
}

static void test_follow_json(void **state)
{
	static const char line[] =
		"{\"time\":\"2026-01-02T03:04:05.006Z\",\"source\":\"firewall\","
		"\"from\":\"cli-proxy\",\"protocol\":\"icmp\",\"host\":\"2001:db8::1\\u001b[2J\","
		"\"port\":0,\"reason\":\"private\\n\",\"count\":1}\n";
	struct fake *f = *state;
	struct fake_conn c;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "denials", "--follow", "--json", ID);
	accept_call(f, &c);
	fake_send(&c, CONTINUES(ADDRESS "," ADDRESS), -EBADF);
	fake_assert_printed(f, line);
	fake_assert_printed(f, line);
	fake_send(&c, CONTINUES(ADDRESS), -EBADF);
	fake_assert_printed(f, line);
	fake_send(&c, REPLY(""), -EBADF);
	assert_int_equal(fake_wait(f), 0);
	assert_text(f->out, "");
	fake_close(&c);
}

/* An awfd that is restarted tells all there was: what was shown is not shown again, what came
 * meanwhile is, however often that happens. */
static void test_follow_comes_back(void **state)
{
#define REFUSAL(time, host, count)                                                                 \
	"{\"time\":\"2026-01-02T03:04:" time "Z\",\"source\":\"squid\",\"from\":\"agent\","        \
	"\"protocol\":\"GET\",\"host\":\"" host "\",\"port\":80,\"reason\":\"r\",\"count\":" count \
	"}"
	static const struct {
		const char *answer;
		const char *printed;
	} awfds[] = {
		{ CONTINUES(REFUSAL("05.000", "a", "2") "," REFUSAL("05.000", "b", "9")),
		  "a\t80\t2\nb\t80\t9\n" },
		{ CONTINUES(REFUSAL("05.000", "a", "2") "," REFUSAL("05.001", "b", "4")),
		  "b\t80\t4\n" }, /* counted anew */
		{ CONTINUES(REFUSAL("05.000", "a", "2") "," REFUSAL("05.001", "b", "4")), "" },
		{ CONTINUES(REFUSAL("05.000", "a", "3") "," REFUSAL("05.001", "b", "3") "," REFUSAL(
			  "05.000", "c", "1")),
		  "a\t80\t3\nc\t80\t1\n" },
		{ REPLY(REFUSAL("05.000", "c", "1") "," REFUSAL("06.000", "d", "1")),
		  "d\t80\t1\n" },
	};
	struct fake *f = *state;
	struct fake_conn c;

	FAKE_RUN(f, &(struct fake_stdio){ 0 }, "denials", "-f", "--format=host,port,count", ID);
	for (size_t i = 0; i < ARRAY_SIZE(awfds); i++) {
		accept_call(f, &c);
		fake_send(&c, awfds[i].answer, -EBADF);
		fake_assert_printed(f, awfds[i].printed);
		fake_close(&c);
	}
	assert_int_equal(fake_wait(f), 0);
	assert_text(f->out, "");
	assert_text(f->err, "");
}

/* Nobody is followed for an output that can't be written. */
static void test_full_device(void **state)
{
	struct fake *f = *state;
	struct fake_stdio stdio = { .out = open("/dev/full", O_WRONLY | O_CLOEXEC) };
	struct fake_conn c;

	FAKE_RUN(f, &stdio, "denials", "-f", ID);
	accept_call(f, &c);
	fake_send(&c, CONTINUES(NAMED), -EBADF);
	assert_int_equal(fake_wait(f), 125);
	assert_text(f->err, "awfctl: cannot write to standard output: No space left on device\n");
	fake_close(&c);
	close(stdio.out);
}

static void test_usage(void **state)
{
	static const struct {
		const char *args[4];
		const char *complaint;
	} cases[] = {
		{ { "denials" }, "awfctl: denials needs an ID; awfctl list shows them\n" },
		{ { "denials", ID, ID },
		  "awfctl: unexpected argument '" ID
		  "'; it is used so: awfctl denials [options] ID\n" },
		{ { "list", "-f" }, "awfctl: list: unknown option '-f'; --help lists them\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = *state;

		fake_spawn(f, &(struct fake_stdio){ 0 }, cases[i].args);
		assert_int_equal(fake_wait(f), 2);
		assert_text(f->err, cases[i].complaint);
		fake_test_teardown(state);
		fake_test_setup(state);
	}
}

static void test_lines(void **state _unused_)
{
#define DENIAL(...)                                                                                \
	{                                                                                          \
		.from = (char *)"agent", .protocol = (char *)"tcp", .reason = (char *)"r",         \
		__VA_ARGS__                                                                        \
	}
	static const struct {
		struct denial_info denial;
		const char *line;
	} cases[] = {
		{ DENIAL(.host = (char *)"h", .port = 80, .count = 1), "h:80 (tcp), 1 time: r" },
		{ DENIAL(.host = (char *)"::1", .port = 80, .count = 2),
		  "[::1]:80 (tcp), 2 times: r" },
		{ DENIAL(.host = (char *)"::1", .count = 2), "::1 (tcp), 2 times: r" },
		{ DENIAL(.host = (char *)"h", .port = 1, .sni = (char *)"h", .count = 2,
			 .grant = (char *)"--x"),
		  "h:1 (tcp), 2 times: r; to grant it: --x" },
		{ DENIAL(.host = (char *)"h", .port = 1, .sni = (char *)"other", .count = 2),
		  "h:1 (tcp, TLS for other), 2 times: r" },
		{ { .from = (char *)"squid",
		    .protocol = (char *)"udp",
		    .reason = (char *)"r",
		    .host = (char *)"h",
		    .count = 3 },
		  "h (udp from squid), 3 times: r" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = denial_line(&cases[i].denial);

		assert_string_equal(line, cases[i].line);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_test_setup, fake_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_once),
		TEST(test_json),
		TEST(test_follow),
		TEST(test_follow_json),
		TEST(test_follow_comes_back),
		TEST(test_full_device),
		TEST(test_usage),
		cmocka_unit_test(test_lines),
	};

	return RUN_TESTS("awfctl-denials", tests);
}
