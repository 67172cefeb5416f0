#include "awfctl/render.h"

#include "awfctl/age.h"
#include "tests/unit/check.h"

static char *argv_hostile[] = { (char *)"echo", (char *)"\x1b[2J\n\xc2\x9b", (char *)"it's",
				(char *)"", NULL };
static char *argv_long[] = { (char *)"sh", (char *)"-c",
			     (char *)"für jeden Fall ein sehr langer Befehl, der nicht passt",
			     NULL };
static char *mounts_hostile[] = { (char *)"/a\x1b:/b:ro", (char *)"/c:/d", NULL };
static char *masked_hostile[] = { (char *)"/a\x1b/.ssh", NULL };
static struct step_info step = { (char *)"start \x1bpause", (char *)"done", 1500 };
static struct step_info *steps[] = { &step, NULL };
static struct sandbox_info hostile = {
	.id = (char *)"abcdefghij",
	.name = (char *)"a\x1b",
	.state = (char *)"running",
	.owner_uid = 1000,
	.owner = (char *)"al\tice",
	.image = (char *)"img\x7f",
	.command = argv_hostile,
	.created_at = (char *)"2026-01-02T03:04:05Z",
	.mounts = mounts_hostile,
	.masked = masked_hostile,
	.oom_killed = true,
	.reason = (char *)"a\rb",
	.pool = (char *)"miss: none\x1b",
	.steps = steps,
};
static struct sandbox_info plain = {
	.id = (char *)"klmnopqrst",
	.state = (char *)"exited",
	.owner = (char *)"bob",
	.image = (char *)"awf-agent",
	.command = argv_long,
	.exit_code = 3,
	.created_at = (char *)"2026-01-02T03:04:06Z",
	.steps = steps,
};

static const struct look piped;

/* No byte of a control character, but for what is between lines and cells. */
static void assert_harmless(const char *text)
{
	for (; *text; text++) {
		assert_true(*text == '\n' || *text == '\t' || (unsigned char)*text >= 0x20);
		assert_true(*text != 0x7f);
		assert_false((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0);
	}
}

static void test_table(void **state _unused_)
{
	struct sandbox_info *sandboxes[] = { &hostile, &plain, NULL };
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandboxes(&text, sandboxes, &piped);
	assert_harmless(text.data);
	assert_string_equal(
		text.data,
		"ID\tNAME\tSTATE\tOWNER\tCREATED\tIMAGE\tCOMMAND\n"
		"abcdefghij\ta\\x1b\trunning\tal\\x09ice\t2026-01-02T03:04:05Z\timg\\x7f\t"
		"echo '\\x1b[2J\\x0a\\xc2\\x9b' 'it'\"'\"'s' ''\n"
		"klmnopqrst\t-\texited\tbob\t2026-01-02T03:04:06Z\tawf-agent\t"
		"sh -c 'für jeden Fall ein sehr langer Befehl, der nicht passt'\n");
}

/* How wide the widest line is, in characters. */
static size_t widest_line(const char *text)
{
	size_t n = 0, best = 0;

	for (; *text; text++) {
		n = *text == '\n' ? 0 : n + (((unsigned char)*text & 0xc0) != 0x80);
		best = MAX(best, n);
	}
	return best;
}

/* On a terminal all is aligned, and cut where it would not fit; times are as people say them. */
static void test_terminal(void **state _unused_)
{
	static const struct {
		size_t width;
		const char *part;
	} cases[] = {
		{ 80, "sh -c 'für" },
		{ 120, "sh -c 'für jeden Fall ein sehr langer Befehl, der nicht…\n" },
		{ 200, "sh -c 'für jeden Fall ein sehr langer Befehl, der nicht passt'" },
	};
	struct sandbox_info *sandboxes[] = { &hostile, &plain, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct look look = { .terminal = true, .width = cases[i].width };
		_cleanup_strbuf_ struct strbuf text = { 0 };

		render_sandboxes(&text, sandboxes, &look);
		assert_harmless(text.data);
		assert_true(widest_line(text.data) <= cases[i].width);
		assert_text_contains(text.data, cases[i].part);
		assert_text_contains(text.data, "ID          NAME   STATE    OWNER      "
						"CREATED");
		assert_text_contains(text.data, "abcdefghij  a\\x1b  running  al\\x09ice  ");
		assert_text_contains(text.data, " days ago");
		assert_null(strstr(text.data, "2026-01-02"));
	}
}

static void test_colours(void **state _unused_)
{
	const struct look look = { .terminal = true, .colours = true, .width = 200 };
	struct sandbox_info *sandboxes[] = { &hostile, &plain, NULL };
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandboxes(&text, sandboxes, &look);
	assert_text_contains(text.data, "\x1b[1mID\x1b[0m          \x1b[1mNAME\x1b[0m");
	assert_text_contains(text.data, "\x1b[32mrunning\x1b[0m  al\\x09ice");
	assert_text_contains(text.data, "\x1b[31mexited\x1b[0m   bob");
}

static void test_age(void **state _unused_)
{
	static const struct {
		const char *time;
		int64_t now; /* after 2026-01-02T03:04:05Z */
		const char *age;
	} cases[] = {
		{ "2026-01-02T03:04:05Z", -86400, "just now" },
		{ "2026-01-02T03:04:05Z", 0, "just now" },
		{ "2026-01-02T03:04:05.999Z", 1, "1 second ago" },
		{ "2026-01-02T03:04:05Z", 119, "119 seconds ago" },
		{ "2026-01-02T03:04:05Z", 120, "2 minutes ago" },
		{ "2026-01-02T03:04:05Z", 7199, "119 minutes ago" },
		{ "2026-01-02T03:04:05Z", 7200, "2 hours ago" },
		{ "2026-01-02T03:04:05Z", 172800, "2 days ago" },
		{ "2026-01-02T03:04:05Z", 86400 * 400, "400 days ago" },
		{ "2026-01-02T03:04:05+01:00", 1, "2026-01-02T03:04:05+01:00" },
		{ "2026-01-02", 1, "2026-01-02" },
		{ "\x1b[2J", 1, "\\x1b[2J" },
		{ "", 1, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *age = age_text(cases[i].time, 1767323045 + cases[i].now);

		assert_string_equal(age, cases[i].age);
	}
}

static void test_empty_table(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandboxes(&text, NULL, &piped);
	assert_string_equal(text.data, "ID\tNAME\tSTATE\tOWNER\tCREATED\tIMAGE\tCOMMAND\n");
}

static void test_sandbox(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandbox(&text, &hostile, &piped);
	assert_harmless(text.data);
	assert_non_null(strstr(text.data, "Name:         a\\x1b\n"));
	assert_non_null(strstr(text.data, "Created:      2026-01-02T03:04:05Z\n"));
	assert_non_null(strstr(text.data, "Owner:        al\\x09ice (uid 1000)\n"));
	assert_non_null(strstr(text.data, "OOM killed:   yes\n"));
	assert_non_null(strstr(text.data, "Mount:        /a\\x1b:/b:ro\n"
					  "Mount:        /c:/d\n"
					  "Masked:       /a\\x1b/.ssh\n"));
	assert_non_null(strstr(text.data, "Reason:       a\\x0db\n"));
	assert_non_null(strstr(text.data, "Pool:         miss: none\\x1b\n"));
	assert_non_null(strstr(text.data, "start \\x1bpause  done"));
	assert_null(strstr(text.data, "Exit code"));
	assert_null(strstr(text.data, "DIFC"));
	strbuf_clear(&text);
	render_sandbox(&text, &plain, &piped);
	assert_non_null(strstr(text.data, "Exit code:    3\n"));
	assert_null(strstr(text.data, "Mount:"));
	assert_null(strstr(text.data, "Pool:"));
}

static void test_json(void **state _unused_)
{
	static const char original[] = "a\x1b\x7f\xc2\x85\xc2\xa0\xc3\xbc\"/";
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct json_object *object = json_object_new_object(), *again, *member = NULL;

	json_object_object_add(object, "text", json_object_new_string(original));
	render_json(&text, object);
	assert_harmless(text.data);
	again = json_tokener_parse(text.data);
	assert_non_null(again);
	assert_true(json_object_object_get_ex(again, "text", &member));
	assert_string_equal(json_object_get_string(member), original);
	json_object_put(again);
	json_object_put(object);
}

static void test_duration(void **state _unused_)
{
	_cleanup_free_ char *zero = render_duration(0), *short_one = render_duration(21340),
			    *long_one = render_duration(2340000);

	assert_string_equal(zero, "0.0 ms");
	assert_string_equal(short_one, "21.3 ms");
	assert_string_equal(long_one, "2.3 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),    cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_sandbox),  cmocka_unit_test(test_json),
		cmocka_unit_test(test_duration), cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_colours),  cmocka_unit_test(test_age),
	};

	return RUN_TESTS("awfctl-render", tests);
}
