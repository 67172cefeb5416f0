/* Where there is no journal: to standard error, which a service manager reads, or a person. */
#include "common/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/check.h"

#define TEXT_MAX 256

static size_t line_count(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Logs two messages with this as standard error, and reads them from the other end. */
static void log_to(int to, int from, char text[static TEXT_MAX])
{
	const struct log_fields fields = { .sandbox = "abcdefghij" };
	_cleanup_close_ int former = dup(STDERR_FILENO);

	assert_return_code(former, errno);
	assert_return_code(dup2(to, STDERR_FILENO), errno);
	log_mind_terminal();
	log_write(LOG_LEVEL_WARNING, NULL, "a\x1b[31m");
	log_write(LOG_LEVEL_ERROR, &fields, "b");
	assert_return_code(dup2(former, STDERR_FILENO), errno);
	while (line_count(text) < 2) {
		size_t length = strlen(text);
		ssize_t n = read(from, text + length, TEXT_MAX - 1 - length);

		assert_true(n > 0);
		text[length + (size_t)n] = '\0';
	}
}

static void test_service_manager(void **state _unused_)
{
	char text[TEXT_MAX] = "";
	int fds[2];

	assert_return_code(pipe2(fds, O_CLOEXEC), errno);
	log_to(fds[1], fds[0], text);
	assert_string_equal(text, "<4>a\\x1b[31m\n<3>abcdefghij: b\n");
	close(fds[0]);
	close(fds[1]);
}

static void test_terminal(void **state _unused_)
{
	_cleanup_close_ int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), end = -EBADF;
	char text[TEXT_MAX] = "";

	assert_return_code(terminal, errno);
	assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
	end = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_return_code(end, errno);
	log_to(end, terminal, text);
	assert_string_equal(text, "a\\x1b[31m\r\nabcdefghij: b\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_manager),
		cmocka_unit_test(test_terminal),
	};

	return RUN_TESTS("log", tests);
}
