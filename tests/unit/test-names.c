/* Names by a real loop. The process that is asked is this program again, which answers as the name
 * in the question says (see answers[]). */
#include "awfd/names.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "awfd/policy.h"
#include "common/strv.h"
#include "tests/unit/check.h"
#include "tests/unit/program.h"

#define NOBODY 65534

/* A look-up that is to end by itself has this long: a machine under load is no reason to fail. */
#define PATIENT_MS 60000

/* --- The process that is asked ---------------------------------------------------------------- */

static int print_pid(const char *rest _unused_)
{
	return printf("found %d\n", getpid());
}

static int print(const char *rest)
{
	return printf("%s\n", rest);
}

static int print_half(const char *rest)
{
	return printf("%s", rest);
}

static int print_much(const char *rest _unused_)
{
	printf("found ");
	for (unsigned i = 0; i < 100000; i++)
		putchar('1');
	return putchar('\n');
}

static int die(const char *rest _unused_)
{
	return raise(SIGKILL);
}

static int never(const char *rest _unused_)
{
	return pause();
}

/* Waits until somebody opens the FIFO for writing, then says what comes. */
static int print_fifo(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -1;
	return printf("%s\n", text);
}

static const struct {
	const char *name;
	int (*run)(const char *rest);
} answers[] = {
	{ "pid", print_pid }, { "print ", print }, { "half ", print_half }, { "much", print_much },
	{ "die", die },       { "never", never },  { "fifo ", print_fifo }, { "65534", print_pid },
};

static int answer(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		size_t n = strlen(answers[i].name);

		if (strncmp(answers[i].name, text, n) == 0)
			return answers[i].run(text + n) < 0 || fflush(stdout) != 0;
	}
	return 2;
}

/* --- The loop --------------------------------------------------------------------------------- */

struct world {
	struct event_base *base;
	struct names_spec spec;
	struct names *names;
	unsigned told;
};

static void start_names(struct world *w, uint64_t timeout_ms, uint64_t fresh_ms, uint64_t retry_ms)
{
	names_free(w->names);
	w->spec.timeout_ms = timeout_ms;
	w->spec.fresh_ms = fresh_ms;
	w->spec.retry_ms = retry_ms;
	w->names = names_new(w->base, &w->spec);
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->base = event_base_new();
	w->spec = (struct names_spec){ .program = "/proc/self/exe",
				       .uid = geteuid() == 0 ? NOBODY : geteuid(),
				       .gid = geteuid() == 0 ? NOBODY : getegid() };
	start_names(w, PATIENT_MS, PATIENT_MS, PATIENT_MS);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	names_free(w->names);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void on_known(void *userdata)
{
	struct world *w = userdata;

	w->told++;
}

/* Asks, and has the loop run until the answer is there. */
static void ask(struct world *w, enum name_kind kind, const char *text)
{
	const struct name_key key = { kind, text };
	unsigned told = w->told;

	if (!names_await(w->names, &key, 1, on_known, w))
		return;
	assert_int_equal(w->told, told); /* not from inside */
	while (w->told == told)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(w->told, told + 1);
}

static int number_of(const struct world *w, enum name_kind kind, const char *text, uint32_t *number,
		     struct err *e)
{
	return names_number(w->names, &(struct name_key){ kind, text }, number, e);
}

/* The pid of the process that answered last. */
static uint32_t pid_of(const struct world *w, const char *text)
{
	uint32_t pid = 0;

	assert_int_equal(number_of(w, NAME_USER, text, &pid, NULL), 1);
	return pid;
}

/* --- One answer ------------------------------------------------------------------------------- */

static const struct {
	enum name_kind kind;
	const char *text;
	int result;
	const char *why; /* of an error */
} rows[] = {
	{ NAME_USER, "print found 7", 1, NULL },
	{ NAME_GROUP, "print found 4294967294", 1, NULL },
	{ NAME_USER, "print absent", 0, NULL },
	{ NAME_USER, "print failed 5", -EIO,
	  "the host's name service (passwd in nsswitch.conf) does not tell the uid of user 'print "
	  "failed 5': Input/output error: mend it, try again later, or have the uid in awfd.conf" },
	{ NAME_GROUP, "print failed 111", -ECONNREFUSED,
	  "the host's name service (group in nsswitch.conf) does not tell the gid of group 'print "
	  "failed 111': Connection refused: mend it, try again later, or have the gid in awfd.conf" },
	{ NAME_USER, "print failed 0", -EPROTO, NULL },
	{ NAME_USER, "print failed 4096", -EPROTO, NULL },
	{ NAME_USER, "print failed", -EPROTO, NULL },
	{ NAME_USER, "print found 4294967295", -EPROTO, NULL },
	{ NAME_USER, "print found 07", -EPROTO, NULL },
	{ NAME_USER, "print found ", -EPROTO, NULL },
	{ NAME_USER, "print found bob", -EPROTO, NULL },
	{ NAME_USER, "print found 7\nfound 8", -EPROTO, NULL },
	{ NAME_USER, "print absent ", -EPROTO, NULL },
	{ NAME_USER, "half found 7", -EPROTO, NULL },
	{ NAME_USER, "half absent", -EPROTO, NULL },
	{ NAME_USER, "print ", -EPROTO, NULL },
	{ NAME_USER, "much", -EPROTO, NULL },
	{ NAME_USER, "die", -EPROTO, NULL },
	{ NAME_USER, "nonsense", -EPROTO, NULL },
	{ NAME_OF_UID, "print found 7", 1, NULL },
	{ NAME_OF_UID, "print found bob\a", -EPROTO, NULL },
	{ NAME_OF_UID, "print found ", -EPROTO, NULL },
};

static void test_answers(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_err_ struct err e = { 0 };
		uint32_t number = 0;

		ask(w, rows[i].kind, rows[i].text);
		assert_row(rows[i].text,
			   number_of(w, rows[i].kind, rows[i].text, &number, &e) == rows[i].result);
		assert_row(rows[i].text, e.error == (rows[i].result < 0 ? rows[i].result : 0));
		if (rows[i].why)
			assert_same_text(e.message, rows[i].why);
	}
}

/* One that never answers is given up, and killed. */
static void test_late(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err e = { 0 };
	uint32_t number;

	start_names(w, 50, PATIENT_MS, PATIENT_MS);
	ask(w, NAME_GROUP, "never");
	assert_int_equal(number_of(w, NAME_GROUP, "never", &number, &e), -ETIMEDOUT);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_no_program(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err e = { 0 };
	uint32_t number;

	w->spec.program = "/no/such/program";
	start_names(w, PATIENT_MS, PATIENT_MS, PATIENT_MS);
	ask(w, NAME_USER, "pid");
	assert_int_equal(number_of(w, NAME_USER, "pid", &number, &e), -ENOENT);
	assert_text_contains(e.message, "/no/such/program");
}

/* The real one. */
static void test_program(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *program = program_path("awf-names"), *root = NULL, *none = NULL;
	uint32_t number = 1;

	w->spec.program = program;
	start_names(w, PATIENT_MS, PATIENT_MS, PATIENT_MS);
	ask(w, NAME_USER, "root");
	assert_int_equal(number_of(w, NAME_USER, "root", &number, NULL), 1);
	assert_int_equal(number, 0);
	number = 1;
	ask(w, NAME_GROUP, "root");
	assert_int_equal(number_of(w, NAME_GROUP, "root", &number, NULL), 1);
	assert_int_equal(number, 0);
	ask(w, NAME_USER, "no-such-user");
	assert_int_equal(number_of(w, NAME_USER, "no-such-user", &number, NULL), 0);
	ask(w, NAME_GROUP, "no-such-group");
	assert_int_equal(number_of(w, NAME_GROUP, "no-such-group", &number, NULL), 0);
	ask(w, NAME_OF_UID, "0");
	assert_int_equal(names_user(w->names, 0, &root, NULL), 0);
	assert_same_text(root, "root");
	ask(w, NAME_OF_UID, "4294967290");
	assert_int_equal(names_user(w->names, 4294967290u, &none, NULL), 0);
	assert_same_text(none, "4294967290");
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void test_asked_once(void **state)
{
	struct world *w = *state;
	uint32_t pid;

	ask(w, NAME_USER, "pid");
	pid = pid_of(w, "pid");
	ask(w, NAME_USER, "pid");
	assert_int_equal(w->told, 1);
	assert_int_equal(pid_of(w, "pid"), pid);
	names_forget(w->names);
	assert_int_equal(pid_of(w, "pid"), pid); /* until it is asked for */
	ask(w, NAME_USER, "pid");
	assert_int_not_equal(pid_of(w, "pid"), pid);
}

/* What was asked before everything was forgotten is answered, and asked for again. */
static void test_forgotten_meanwhile(void **state)
{
	struct world *w = *state;
	const struct name_key key = { NAME_USER, "pid" };
	uint32_t pid;

	assert_non_null(names_await(w->names, &key, 1, on_known, w));
	names_forget(w->names);
	while (w->told == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	pid = pid_of(w, "pid");
	ask(w, NAME_USER, "pid");
	assert_int_not_equal(pid_of(w, "pid"), pid);
}

/* An answer that is too old does not count; a failure neither. */
static void test_asked_again(void **state)
{
	struct world *w = *state;
	uint32_t pid;

	start_names(w, PATIENT_MS, 0, PATIENT_MS);
	ask(w, NAME_USER, "pid");
	pid = pid_of(w, "pid");
	ask(w, NAME_USER, "pid");
	assert_int_not_equal(pid_of(w, "pid"), pid);
	ask(w, NAME_USER, "die");
	ask(w, NAME_USER, "die");
	assert_int_equal(w->told, 3); /* a failure lasts as long as it is to */
	start_names(w, PATIENT_MS, PATIENT_MS, 0);
	ask(w, NAME_USER, "die");
	ask(w, NAME_USER, "die");
	assert_int_equal(w->told, 5);
}

/* A uid has its name from memory, however old, while it is asked for again. */
static void test_old_name(void **state)
{
	struct world *w = *state;
	const struct name_key key = { NAME_OF_UID, "65534" };
	_cleanup_free_ char *before = NULL, *after = NULL;

	start_names(w, PATIENT_MS, 0, PATIENT_MS);
	ask(w, NAME_OF_UID, "65534");
	assert_int_equal(names_user(w->names, 65534, &before, NULL), 0);
	assert_null(names_await(w->names, &key, 1, on_known, w));
	do {
		free(after);
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
		assert_int_equal(names_user(w->names, 65534, &after, NULL), 0);
	} while (same_text(before, after));
}

static void test_numbers(void **state)
{
	struct world *w = *state;
	uint32_t number = 0;

	ask(w, NAME_USER, "60701");
	assert_int_equal(w->told, 0); /* nobody is asked */
	assert_int_equal(number_of(w, NAME_USER, "60701", &number, NULL), 1);
	assert_int_equal(number, 60701);
	assert_int_equal(names_number(NULL, &(struct name_key){ NAME_GROUP, "12" }, &number, NULL),
			 1);
	assert_int_equal(number, 12);
	assert_int_equal(names_number(NULL, &(struct name_key){ NAME_GROUP, "x" }, &number, NULL),
			 -EAGAIN);
	assert_int_equal(number_of(w, NAME_USER, "pid", &number, NULL), -EAGAIN);
}

/* --- Waits ------------------------------------------------------------------------------------ */

static char *make_fifo(const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);

	assert_int_equal(chmod(directory, 0711), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(chmod(path, 0644), 0);
	return path;
}

static void write_fifo(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* Who waits for a slow answer keeps no other waiting; all who wait are told by one answer. */
static void test_slow(void **state)
{
	struct world *w = *state;
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = make_fifo(directory, "slow"),
			    *text = xasprintf("fifo %s", path);
	const struct name_key keys[] = { { NAME_USER, text }, { NAME_USER, "pid" } };
	struct names_wait *cancelled;
	uint32_t number = 0;

	assert_non_null(names_await(w->names, keys, 2, on_known, w));
	assert_non_null(names_await(w->names, keys, 1, on_known, w));
	cancelled = names_await(w->names, keys, 2, on_known, w);
	assert_non_null(cancelled);
	for (unsigned i = 0; i < 3; i++) {
		_cleanup_free_ char *other = xasprintf("print found %u", i);

		ask(w, NAME_USER, other);
	}
	assert_int_equal(w->told, 3);
	names_cancel(cancelled);
	write_fifo(path, "found 9");
	while (w->told < 5)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(number_of(w, NAME_USER, text, &number, NULL), 1);
	assert_int_equal(number, 9);
	assert_true(pid_of(w, "pid") > 0);
	assert_int_equal(w->told, 5);
}

/* More than are asked for at once; users do not keep groups waiting. */
static void test_crowd(void **state)
{
	struct world *w = *state;
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_strv_ char **paths = NULL;

	for (unsigned i = 0; i < 40; i++) {
		_cleanup_free_ char *name = xasprintf("%u", i), *path = make_fifo(directory, name),
				    *text = xasprintf("fifo %s", path);

		strv_append(&paths, path);
		assert_non_null(names_await(w->names, &(struct name_key){ NAME_USER, text }, 1,
					    on_known, w));
	}
	ask(w, NAME_GROUP, "print found 1");
	for (unsigned i = 0; i < 40; i++) {
		write_fifo(paths[i], "found 1"); /* waits until it is asked for */
		while (w->told < i + 2)
			assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	}
	assert_int_equal(w->told, 41);
}

/* Those that are being asked for are told, and those that wait for their turn. */
static void test_crowd_is_late(void **state)
{
	struct world *w = *state;
	const struct name_key first = { NAME_USER, "never 0" };

	start_names(w, 200, PATIENT_MS, PATIENT_MS);
	for (unsigned i = 0; i < 40; i++) {
		_cleanup_free_ char *text = xasprintf("never %u", i);

		assert_non_null(names_await(w->names, &(struct name_key){ NAME_USER, text }, 1,
					    on_known, w));
	}
	while (w->told < 40)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_null(names_await(w->names, &first, 1, on_known, w));
}

/* The memory is bounded: what was used longest ago goes. */
static void test_bound(void **state)
{
	struct world *w = *state;
	uint32_t number = 0;

	w->spec.program = "/no/such/program"; /* fails at once */
	start_names(w, PATIENT_MS, PATIENT_MS, PATIENT_MS);
	for (unsigned i = 0; i < 1024; i++) {
		_cleanup_free_ char *text = xasprintf("u%u", i);

		ask(w, NAME_USER, text);
	}
	ask(w, NAME_USER, "u0");
	assert_int_equal(number_of(w, NAME_USER, "u1", &number, NULL), -ENOENT);
	ask(w, NAME_USER, "one-more");
	assert_int_equal(number_of(w, NAME_USER, "u0", &number, NULL), -ENOENT);
	assert_int_equal(number_of(w, NAME_USER, "u1", &number, NULL), -EAGAIN);
}

static void test_freed(void **state)
{
	struct world *w = *state;
	const struct name_key key = { NAME_USER, "never" };
	struct names_wait *wait = names_await(w->names, &key, 1, on_known, w);

	assert_non_null(wait);
	names_cancel(wait);
	names_free(TAKE_PTR(w->names));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- A policy by names ------------------------------------------------------------------------ */

/* Names of sections have no spaces, so the process is asked these. */
static const struct {
	const char *section;
	const char *answer; /* of the look-up */
	const char *said;   /* what the policy says, or why there is none */
} policies[] = {
	{ "User bob", "found 1000", "[User bob]" },
	{ "User bob", "found 1001", "[Policy]" },
	{ "User bob", "absent", "[Policy]" },
	{ "Group crew", "found 50", "[Group crew]" },
	{ "Group crew", "found 51", "[Group crew]" },
	{ "Group crew", "found 1000", "[Policy]" },
	{ "Group crew", "absent", "[Policy]" },
	{ "User bob", "failed 5",
	  "section [User bob]: the host's name service (passwd in nsswitch.conf) does not tell" },
	{ "Group crew", "failed 111",
	  "section [Group crew]: the host's name service (group in nsswitch.conf) does not tell" },
	{ "Group crew", "nonsense", "section [Group crew]: the host's name service" },
};

/* Writes a program that answers so. */
static char *make_program(const char *directory, const char *text)
{
	_cleanup_free_ char *script = xasprintf("#!/bin/sh\necho '%s'\n", text);
	char *path = xasprintf("%s/names", directory);

	assert_int_equal(chmod(directory, 0711), 0);
	assert_int_equal(file_write_atomic(path, 0755, script, strlen(script), NULL), 0);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static void await_policy(struct world *w, const struct policy_rules *rules)
{
	size_t count;
	_cleanup_free_ struct name_key *keys = policy_rules_names(rules, &count);

	assert_int_equal(count, 1);
	assert_non_null(names_await(w->names, keys, count, on_known, w));
	while (w->told == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
}

static void check_policy(struct world *w, const char *section, const char *said)
{
	const struct policy_place place = { section, "/p", 1 };
	_cleanup_(policy_rules_freep) struct policy_rules *rules = policy_rules_new();
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_strv_ char **doubts = NULL;
	_cleanup_err_ struct err e = { 0 };
	gid_t groups[] = { 51 };
	const struct peer alice = {
		.uid = 1000, .gid = 50, .groups = groups, .group_count = 1, .pidfd = -EBADF
	};
	bool is_idle;

	assert_int_equal(policy_rules_set(rules, &place, "PidsMax", "5", NULL), 0);
	assert_int_equal(policy_rules_set(rules, &place, "CpusMax", "5", NULL), 0);
	await_policy(w, rules);
	doubts = policy_rules_doubts(rules, w->names);
	if (policy_of_peer(rules, w->names, &alice, &policy, &e) < 0) {
		assert_text_contains(e.message, said);
		assert_text_contains(doubts[0], "until then nobody can start a sandbox");
		return;
	}
	is_idle = doubts != NULL;
	assert_true(policy_largest(policy, POLICY_PIDS_MAX) ==
		    (strcmp(said, "[Policy]") == 0 ? 1000u : 5u));
	if (is_idle)
		assert_text_contains(doubts[0], "is about nobody: there is no such user or group");
}

static void test_policy(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		_cleanup_scratch_ char *directory = scratch_new();
		_cleanup_free_ char *program = make_program(directory, policies[i].answer);

		w->told = 0;
		w->spec.program = program;
		start_names(w, PATIENT_MS, PATIENT_MS, PATIENT_MS);
		check_policy(w, policies[i].section, policies[i].said);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown((fn), setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_late),
		TEST(test_no_program),
		TEST(test_program),
		TEST(test_asked_once),
		TEST(test_asked_again),
		TEST(test_forgotten_meanwhile),
		TEST(test_old_name),
		TEST(test_numbers),
		TEST(test_slow),
		TEST(test_crowd),
		TEST(test_crowd_is_late),
		TEST(test_bound),
		TEST(test_freed),
		TEST(test_policy),
	};

	return argc == 3 ? answer(argv[2]) : RUN_TESTS("names", tests);
}
