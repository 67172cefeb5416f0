/* What a service manager receives, on a socket like its own. */
#include "awfd/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/strbuf.h"

#include "tests/unit/check.h"

#define WATCHDOG_US "40000"
#define MESSAGE_MAX 4096

struct world {
	char *scratch;
	int fd;
	struct event_base *base;
	struct notify *notify;
};

static unsigned logged;

static void count_log(enum log_level level _unused_, const struct log_fields *fields _unused_,
		      const char *text _unused_)
{
	logged++;
}

static int listen_in(const char *scratch)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", scratch);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	return fd;
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->scratch = scratch_new();
	w->fd = listen_in(w->scratch);
	w->base = event_base_new();
	w->notify = notify_new(w->base);
	log_set_sink(count_log);
	logged = 0;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	notify_free(w->notify);
	event_base_free(w->base);
	fd_close(w->fd);
	scratch_freep(&w->scratch);
	free(w);
	return 0;
}

/* The next message, which must be there. */
static char *receive(const struct world *w)
{
	char buffer[MESSAGE_MAX];
	ssize_t n = recv(w->fd, buffer, sizeof(buffer), 0);

	assert_true(n > 0);
	return xstrndup(buffer, (size_t)n);
}

static void assert_told(const struct world *w, const char *text)
{
	_cleanup_free_ char *message = receive(w);

	assert_same_text(message, text);
}

/* sd_notify() has sent when it returns, so what has not come will not. */
static void assert_nothing_told(const struct world *w)
{
	char buffer[MESSAGE_MAX];

	assert_int_equal(recv(w->fd, buffer, sizeof(buffer), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void test_life(void **state)
{
	struct world *w = *state;

	notify_ready(w->notify);
	assert_told(w, "READY=1");
	assert_told(w, "STATUS=0 sandboxes");
	notify_stopping(w->notify);
	assert_told(w, "STOPPING=1");
	assert_told(w, "STATUS=Stopping, 0 sandboxes");
}

/* Its network is looked at more than once in its life; it is ready once. */
static void test_ready_once(void **state)
{
	struct world *w = *state;

	notify_ready(w->notify);
	assert_told(w, "READY=1");
	assert_told(w, "STATUS=0 sandboxes");
	notify_ready(w->notify);
	assert_nothing_told(w);
}

static void test_status_when_it_changes(void **state)
{
	struct world *w = *state;

	notify_sandboxes(w->notify, 1);
	assert_told(w, "STATUS=1 sandbox");
	notify_sandboxes(w->notify, 1);
	assert_nothing_told(w);
	notify_sandboxes(w->notify, 3);
	assert_told(w, "STATUS=3 sandboxes");
}

/* The manager takes a reload for begun by the two fields together, and for ended by READY=1. */
static void test_reload(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *begun = NULL;
	unsigned long long usec;

	notify_reloading(w->notify); /* not ready yet: a start is under way, no reload */
	notify_reloaded(w->notify);
	assert_nothing_told(w);
	notify_ready(w->notify);
	free(receive(w));
	free(receive(w));
	notify_reloading(w->notify);
	begun = receive(w);
	assert_int_equal(sscanf(begun, "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
	assert_true(usec > 0);
	notify_reloaded(w->notify);
	assert_told(w, "READY=1");
}

static void test_problem(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *told = NULL, *both = NULL, *detail = NULL;
	int end = 0;

	notify_problem(w->notify, NOTIFY_ENGINE, NULL);
	assert_nothing_told(w);
	assert_false(notify_has_problem(w->notify, NOTIFY_ENGINE));
	notify_problem(w->notify, NOTIFY_ENGINE, "no answer");
	assert_true(notify_has_problem(w->notify, NOTIFY_ENGINE));
	told = receive(w);
	assert_int_equal(sscanf(told,
				"STATUS=0 sandboxes; engine unavailable since "
				"%*4d-%*2d-%*2d %*2d:%*2d: no answer%n",
				&end),
			 0);
	assert_int_equal(end, strlen(told));
	notify_problem(w->notify, NOTIFY_ENGINE, "no answer");
	assert_nothing_told(w);
	detail = notify_problem_text(w->notify, NOTIFY_ENGINE);
	assert_string_equal(detail, told + strlen("STATUS=0 sandboxes; "));
	assert_null(notify_problem_text(w->notify, NOTIFY_EGRESS));
	notify_problem(w->notify, NOTIFY_EGRESS, "taken");
	both = receive(w);
	assert_text_contains(both, ": no answer; no egress since ");
	notify_problem(w->notify, NOTIFY_ENGINE, NULL);
	free(receive(w));
	notify_problem(w->notify, NOTIFY_EGRESS, NULL);
	assert_told(w, "STATUS=0 sandboxes");
	assert_int_equal(logged, 4);
}

/* A line break would begin another field, and what is not UTF-8 would be dropped whole. */
static void test_hostile_problem(void **state)
{
	struct world *w = *state;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *told = NULL;

	strbuf_puts(&text, "x\nMAINPID=1\n\xff");
	for (int i = 0; i < 200; i++)
		strbuf_puts(&text, "\xc3\xa4");
	notify_problem(w->notify, NOTIFY_CONFIG, text.data);
	told = receive(w);
	assert_null(strchr(told, '\n'));
	assert_text_contains(told, "x\\x0aMAINPID=1\\x0a\\xff\xc3\xa4");
	assert_true(strlen(told) < 300);
	assert_int_equal((unsigned char)told[strlen(told) - 1], 0xa4);
}

static int setup_watched(void **state)
{
	assert_int_equal(setenv("WATCHDOG_USEC", WATCHDOG_US, 1), 0);
	return setup(state);
}

static int teardown_watched(void **state)
{
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	return teardown(state);
}

static void test_watchdog(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		assert_nothing_told(w);
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
		assert_told(w, "WATCHDOG=1");
	}
}

/* Nothing in the loop: an idle awfd sleeps. */
static void test_no_watchdog(void **state)
{
	struct world *w = *state;

	assert_int_equal(event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_ready_once),
		TEST(test_status_when_it_changes),
		TEST(test_reload),
		TEST(test_problem),
		TEST(test_hostile_problem),
		TEST(test_no_watchdog),
		cmocka_unit_test_setup_teardown(test_watchdog, setup_watched, teardown_watched),
	};

	return RUN_TESTS("notify", tests);
}
