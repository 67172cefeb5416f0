/* --proxy-logs-dir, --audit-dir, --diagnostic-logs and --session-state-dir: what is copied, made
 * and mounted, and that no link leads a copy somewhere else. */
#include "awfctl/log-copies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "awfctl/output-dir.h"
#include "awfctl/start-session.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define TEXT_MAX 4096

/* A place with the logs of a sandbox, and room beside them. */
struct place {
	char *root;
	char *logs;
};

static const char *const logs[] = { "squid.jsonl", "gh.jsonl", "relay.jsonl", "firewall.jsonl",
				    "audit.jsonl" };

static char *complaint; /* the last one */

static void remember(enum log_level level _unused_, const struct log_fields *fields _unused_,
		     const char *text)
{
	free(complaint);
	complaint = xstrdup(text);
}

static void write_file(const char *path, const char *text)
{
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(file_write_atomic(path, 0600, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	struct place *p = xnew(struct place);

	p->root = scratch_new();
	p->logs = xasprintf("%s/logs", p->root);
	assert_return_code(mkdir(p->logs, 0700), errno);
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", p->logs, logs[i]);

		write_file(path, logs[i]);
	}
	log_set_sink(remember);
	free(TAKE_PTR(complaint));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	scratch_freep(&p->root);
	free(p->logs);
	free(p);
	free(TAKE_PTR(complaint));
	return 0;
}

/* Each log that is in the directory is the right one, and its reader's alone; how many there are.
 */
static size_t count_copies(const char *directory)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", directory, logs[i]);
		_cleanup_free_ char *text = NULL;
		struct stat st;

		if (lstat(path, &st) < 0)
			continue;
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(file_read(path, TEXT_MAX, &text, NULL, NULL), 0);
		assert_string_equal(text, logs[i]);
		n++;
	}
	return n;
}

static void copy(const struct options *o, const struct place *p, bool failed)
{
	_cleanup_log_copies_ struct log_copies *c = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (log_copies_open(o, &c, &e) < 0)
		fail_msg("%s", e.message);
	log_copies_make(c, p->logs, failed);
}

static void test_copies(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *proxy = xasprintf("%s/a/b", p->root);
	_cleanup_free_ char *audit = xasprintf("%s/c", p->root);
	_cleanup_free_ char *diagnostics = xasprintf("%s/c/diagnostics", p->root);
	struct options o = { .proxy_logs_dir = proxy,
			     .audit_dir = audit,
			     .work_dir = "/no/such",
			     .diagnostic_logs = true };

	copy(&o, p, false);
	assert_int_equal(count_copies(proxy), 4);
	assert_int_equal(count_copies(audit), 1);
	assert_int_equal(count_copies(diagnostics), 0);
	copy(&o, p, true);
	assert_int_equal(count_copies(proxy), 4);
	assert_int_equal(count_copies(diagnostics), 5);
	assert_null(complaint);
}

static void test_work_dir(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *diagnostics = xasprintf("%s/w/diagnostics", p->root);
	_cleanup_free_ char *work = xasprintf("%s/w", p->root);
	struct options o = { .work_dir = work, .diagnostic_logs = true };

	copy(&o, p, true);
	assert_int_equal(count_copies(work), 0);
	assert_int_equal(count_copies(diagnostics), 5);
}

static void test_nothing_asked(void **state)
{
	copy(&(struct options){ .work_dir = "/no/such" }, *state, true);
	assert_null(complaint);
}

/* A command that can write to the directory plants links; and one on the way to it. */
static void test_links(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *target = xasprintf("%s/target", p->root);
	_cleanup_free_ char *audit = xasprintf("%s/audit", p->root);
	_cleanup_free_ char *link = xasprintf("%s/audit.jsonl", audit);
	_cleanup_free_ char *temporary = xasprintf("%s/.audit.jsonl.new", audit);
	_cleanup_free_ char *moved = xasprintf("%s/moved", p->root);
	_cleanup_free_ char *elsewhere = xasprintf("%s/elsewhere", p->root);
	_cleanup_log_copies_ struct log_copies *c = NULL;
	_cleanup_free_ char *text = NULL;

	write_file(target, "precious");
	assert_int_equal(log_copies_open(&(struct options){ .audit_dir = audit }, &c, NULL), 0);
	assert_return_code(symlink(target, link), errno);
	assert_return_code(symlink(target, temporary), errno);
	assert_return_code(rename(audit, moved), errno);
	assert_return_code(mkdir(elsewhere, 0700), errno);
	assert_return_code(symlink(elsewhere, audit), errno);
	log_copies_make(c, p->logs, false);
	assert_int_equal(count_copies(moved), 1);
	assert_int_equal(count_copies(elsewhere), 0);
	assert_int_equal(file_read(target, TEXT_MAX, &text, NULL, NULL), 0);
	assert_string_equal(text, "precious");
}

/* What cannot be copied is told, and the others are copied. */
static void test_failures(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *proxy = xasprintf("%s/p", p->root);
	_cleanup_free_ char *log = xasprintf("%s/gh.jsonl", p->logs);
	_cleanup_free_ char *expected =
		xasprintf("--proxy-logs-dir: cannot read %s: No such file or directory", log);
	_cleanup_free_ char *in_the_way = xasprintf("%s/gh.jsonl", proxy);

	assert_return_code(unlink(log), errno);
	copy(&(struct options){ .proxy_logs_dir = proxy }, p, false);
	assert_int_equal(count_copies(proxy), 3);
	assert_string_equal(complaint, expected);
	write_file(log, "gh.jsonl");
	assert_return_code(mkdir(in_the_way, 0700), errno);
	copy(&(struct options){ .proxy_logs_dir = proxy }, p, false);
	assert_text_contains(complaint, "to gh.jsonl: Is a directory");
}

static void test_refused(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *file = xasprintf("%s/logs/gh.jsonl", p->root);
	_cleanup_free_ char *below = xasprintf("%s/x", file);
	const struct {
		struct options options;
		const char *message;
	} cases[] = {
		{ { .audit_dir = "" }, "--audit-dir: the path is empty; give that of a directory" },
		{ { .audit_dir = file }, "Not a directory; give a directory that you can make" },
		{ { .proxy_logs_dir = below }, "Not a directory; give a directory" },
		{ { .diagnostic_logs = true },
		  "--diagnostic-logs needs --audit-dir or --work-dir" },
		{ { .diagnostic_logs = true, .work_dir = "" }, "--work-dir: the path is empty" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_log_copies_ struct log_copies *c = NULL;
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(log_copies_open(&cases[i].options, &c, &e), -EINVAL);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_text_contains(e.message, cases[i].message);
		assert_null(c);
	}
}

/* Nobody waits for the end of what is started in the background. */
static void test_background(void **state _unused_)
{
	static const struct {
		struct options options;
		const char *message; /* NULL: none */
	} cases[] = {
		{ { .work_dir = "w", .session_state_dir = "s" }, NULL },
		{ { .proxy_logs_dir = "p" }, "--proxy-logs-dir is for run, which waits" },
		{ { .audit_dir = "a" }, "--audit-dir is for run, which waits" },
		{ { .diagnostic_logs = true }, "--diagnostic-logs is for run, which waits" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(log_copies_refuse(&cases[i].options, &e),
				 cases[i].message ? -EINVAL : 0);
		if (cases[i].message)
			assert_text_contains(e.message, cases[i].message);
	}
}

/* The mount that this directory becomes. */
static void assert_mounted(const char *directory, const char *source)
{
	_cleanup_free_ char *expected = xasprintf("%s:/h/.copilot/session-state", source);
	struct start_request request = { 0 };
	_cleanup_err_ struct err e = { 0 };

	strv_append(&request.environment, "HOME=/h");
	strv_append(&request.mounts, "/x:/y");
	assert_int_equal(start_session_build(&(struct options){ .session_state_dir = directory },
					     &request, &e),
			 0);
	assert_int_equal(strv_length(request.mounts), 2);
	assert_string_equal(request.mounts[1], expected);
	fields_clear(&start_request_table, &request);
}

static void test_session_state(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *directory = xasprintf("%s/s/t", p->root);
	_cleanup_free_ char *link = xasprintf("%s/link", p->root);
	_cleanup_free_ char *relative = NULL;
	_cleanup_err_ struct err e = { 0 };
	char here[TEXT_MAX];

	assert_non_null(getcwd(here, sizeof(here)));
	relative = xasprintf("%s/no-such", here);
	assert_mounted(directory, directory);
	assert_mounted("no-such", relative);
	assert_int_not_equal(access(directory, F_OK), 0);
	assert_int_equal(
		start_session_make(&(struct options){ .session_state_dir = directory }, &e), 0);
	assert_return_code(symlink(directory, link), errno);
	assert_mounted(link, directory);
}

static void test_session_state_refused(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *file = xasprintf("%s/logs/gh.jsonl", p->root);
	struct options of_file = { .session_state_dir = file };
	struct options of_colon = { .session_state_dir = "/a:b" };
	struct start_request request = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(start_session_make(&of_file, &e), -EINVAL);
	assert_text_contains(e.message, "gh.jsonl': Not a directory; give a directory");
	assert_int_equal(start_session_build(&of_colon, &request, &e), -EINVAL);
	assert_text_contains(e.message, "such a path cannot be mounted; give one without a ':'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_copies),     TEST(test_work_dir),      TEST(test_nothing_asked),
		TEST(test_links),      TEST(test_failures),      TEST(test_refused),
		TEST(test_background), TEST(test_session_state), TEST(test_session_state_refused),
	};

	return RUN_TESTS("awfctl-copies", tests);
}
