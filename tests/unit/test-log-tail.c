#include "awfd/log-tail.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/strv.h"
#include "tests/unit/check.h"

struct fixture {
	struct event_base *base;
	struct log_tails *tails;
	struct log_tail *tail;
	char *directory, *path;
	int writer;
	char **lines;
	size_t expected;
};

static void on_line(const char *line, size_t length, void *userdata)
{
	struct fixture *f = userdata;

	assert_int_equal(strlen(line), length);
	strv_append(&f->lines, line);
	if (strv_length(f->lines) == f->expected)
		event_base_loopbreak(f->base);
}

static int open_log(const struct fixture *f)
{
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);
	_cleanup_err_ struct err e = { 0 };

	f->base = event_base_new();
	f->directory = scratch_new();
	f->path = xasprintf("%s/log", f->directory);
	f->writer = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(f->writer >= 0);
	assert_int_equal(log_tails_new(f->base, &f->tails, &e), 0);
	assert_int_equal(log_tail_open(f->tails, open_log(f), on_line, f, &f->tail, &e), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	log_tail_free(f->tail);
	log_tails_free(f->tails);
	event_base_free(f->base);
	close(f->writer);
	strv_free(f->lines);
	scratch_freep(&f->directory);
	free(f->path);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->writer, text, strlen(text)), strlen(text));
}

/* Runs the loop until that many lines have come; a watchdog makes a hang a failure. */
static void await(struct fixture *f, size_t lines)
{
	f->expected = lines;
	if (strv_length(f->lines) < lines)
		event_base_loopexit(f->base, &(struct timeval){ .tv_sec = 20 });
	if (strv_length(f->lines) < lines)
		event_base_dispatch(f->base);
	assert_int_equal(strv_length(f->lines), lines);
}

/* Another awfd follows the file: it tells what the first one had not, and nothing twice, whether
 * the zeros of what was read fill pages or not. */
static void test_goes_on_where_another_stopped(void **state)
{
	struct fixture *f = *state;
	char filler[1024];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (int i = 0; i < 9; i++) {
		put(f, filler);
		put(f, "\n");
	}
	put(f, "second\nthi");
	await(f, 10);
	log_tail_free(f->tail);
	put(f, "rd\nfourth\n");
	assert_int_equal(log_tail_open(f->tails, open_log(f), on_line, f, &f->tail, NULL), 0);
	log_tail_drain(f->tail);
	assert_int_equal(strv_length(f->lines), 12);
	assert_string_equal(f->lines[10], "third");
	assert_string_equal(f->lines[11], "fourth");
	log_tail_free(f->tail);
	assert_int_equal(log_tail_open(f->tails, open_log(f), on_line, f, &f->tail, NULL), 0);
	log_tail_drain(f->tail);
	put(f, "fifth\n");
	await(f, 13);
	assert_string_equal(f->lines[12], "fifth");
}

static void test_lines_as_they_come(void **state)
{
	struct fixture *f = *state;

	put(f, "one\ntwo\nthr");
	await(f, 2);
	put(f, "ee\n\n");
	await(f, 4);
	assert_same_text(f->lines[0], "one");
	assert_same_text(f->lines[2], "three");
	assert_same_text(f->lines[3], "");
}

static void test_long_lines_are_passed_over(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *longest = xcalloc(LOG_TAIL_LINE_MAX + 2, 1);

	memset(longest, 'a', LOG_TAIL_LINE_MAX);
	put(f, longest);
	put(f, "\n");
	longest[LOG_TAIL_LINE_MAX] = 'a';
	put(f, longest);
	put(f, "tail of it\nshort\n");
	await(f, 2);
	assert_int_equal(strlen(f->lines[0]), LOG_TAIL_LINE_MAX);
	assert_same_text(f->lines[1], "short");
}

static void test_drain(void **state)
{
	struct fixture *f = *state;

	put(f, "last\n");
	log_tail_drain(f->tail);
	assert_int_equal(strv_length(f->lines), 1);
	log_tail_drain(f->tail);
	assert_int_equal(strv_length(f->lines), 1);
}

/* What was read takes no room, while the writer goes on appending behind it. */
static void test_room_is_given_back(void **state)
{
	struct fixture *f = *state;
	char line[1024];
	struct stat before, after;

	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	for (int i = 0; i < 8192; i++)
		put(f, line);
	assert_int_equal(stat(f->path, &before), 0);
	log_tail_drain(f->tail);
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(strv_length(f->lines), 8192);
	assert_int_equal(after.st_size, before.st_size);
	assert_true(after.st_blocks < before.st_blocks / 4);
	put(f, "and on\n");
	await(f, 8193);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_on_where_another_stopped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_lines_as_they_come, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_lines_are_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_room_is_given_back, set_up, tear_down),
	};

	return RUN_TESTS("log-tail", tests);
}
