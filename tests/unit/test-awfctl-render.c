#include "awfctl/render.h"

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

/* No byte of a control character, but for the newlines between lines. */
static void assert_harmless(const char *text)
{
	for (; *text; text++) {
		assert_true(*text == '\n' || (unsigned char)*text >= 0x20);
		assert_true(*text != 0x7f);
		assert_false((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0);
	}
}

static void test_table(void **state _unused_)
{
	struct sandbox_info *sandboxes[] = { &hostile, &plain, NULL };
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandboxes(&text, sandboxes);
	assert_harmless(text.data);
	assert_string_equal(
		text.data,
		"ID           STATE     OWNER       CREATED                IMAGE       COMMAND\n"
		"abcdefghij   running   al\\x09ice   2026-01-02T03:04:05Z   img\\x7f     "
		"echo '\\x1b[2J\\x0a\\xc2\\x9b' 'it'\"'\"'s' ''\n"
		"klmnopqrst   exited    bob         2026-01-02T03:04:06Z   awf-agent   "
		"sh -c 'für jeden Fall ein sehr langer Befehl, d…\n");
}

static void test_empty_table(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandboxes(&text, NULL);
	assert_string_equal(text.data, "ID   STATE   OWNER   CREATED   IMAGE   COMMAND\n");
}

static void test_sandbox(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	render_sandbox(&text, &hostile);
	assert_harmless(text.data);
	assert_non_null(strstr(text.data, "Owner:        al\\x09ice (uid 1000)\n"));
	assert_non_null(strstr(text.data, "OOM killed:   yes\n"));
	assert_non_null(strstr(text.data, "Mount:        /a\\x1b:/b:ro\n"
					  "Mount:        /c:/d\n"
					  "Masked:       /a\\x1b/.ssh\n"));
	assert_non_null(strstr(text.data, "Reason:       a\\x0db\n"));
	assert_non_null(strstr(text.data, "start \\x1bpause  done"));
	assert_null(strstr(text.data, "Exit code"));
	assert_null(strstr(text.data, "DIFC"));
	strbuf_clear(&text);
	render_sandbox(&text, &plain);
	assert_non_null(strstr(text.data, "Exit code:    3\n"));
	assert_null(strstr(text.data, "Mount:"));
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
		cmocka_unit_test(test_duration),
	};

	return RUN_TESTS("awfctl-render", tests);
}
