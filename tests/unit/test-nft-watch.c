/* What becomes of the host's table when others change it, with real commands of root. The test's
 * own namespace is the host. Needs root. */
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "awfd/nft-watch.h"
#include "awfd/nft.h"
#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define RELAY_UID  64998
#define PORT       18443
#define DEADLINE_S 10
#define LISTING    "nft -s list table inet awf | grep -v '# progname' | md5sum"

static const struct nft_config owned = { .relay_uid = RELAY_UID },
			       shared = { .relay_uid = RELAY_UID, .shared = true };

/* An awfd as far as its firewall goes. */
struct host {
	struct event_base *base;
	struct nft *nft;
	struct nft_watch *watch;
	struct sockaddr_storage targets[1000];
	struct nft_content content;
	unsigned restores, troubles;
	int refuse; /* what restoring fails with, or 0 */
};

static struct {
	unsigned count;
	enum log_level level; /* of the last one */
	char text[1024];
} logged;

static void take_log(enum log_level level, const struct log_fields *fields _unused_,
		     const char *text)
{
	logged.count++;
	logged.level = level;
	snprintf(logged.text, sizeof(logged.text), "%s", text);
}

static int restore(void *userdata, struct err *e)
{
	struct host *h = userdata;

	h->restores++;
	if (h->refuse < 0)
		return err_set(e, h->refuse, ERR_SYSTEM, "out of order");
	return nft_restore(h->nft, &h->content, e);
}

static void on_trouble(void *userdata)
{
	struct host *h = userdata;

	h->troubles++;
}

static struct host *host_new(const struct nft_config *config, struct nft_watch_config watch)
{
	static const struct nft_watch_events events = { restore, on_trouble };
	struct host *h = xnew(struct host);
	_cleanup_err_ struct err e = { 0 };

	h->targets[0] = address_of("127.0.0.1", PORT);
	h->content = (struct nft_content){ .targets = h->targets, .target_count = 1 };
	h->base = event_base_new();
	if (nft_new(config, &h->content, &h->nft, &e) < 0)
		fail_msg("%s", e.message);
	watch.own = nft_port(h->nft);
	if (nft_watch_new(h->base, &watch, &events, h, &h->watch, &e) < 0)
		fail_msg("%s", e.message);
	memset(&logged, 0, sizeof(logged));
	return h;
}

/* Much to hold. */
static void crowd(struct host *h)
{
	for (size_t i = 1; i < ARRAY_SIZE(h->targets); i++)
		h->targets[i] = address_of("127.0.0.1", (uint16_t)(20000 + i));
	h->content.target_count = ARRAY_SIZE(h->targets);
}

static const struct nft_watch_config calm = { .repairs = 1000, .window_ms = 1000, .pause_ms = 20 };

static void host_free(struct host *h)
{
	nft_watch_free(h->watch);
	nft_free(h->nft, true);
	event_base_free(h->base);
	free(h);
}

static void on_deadline(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	*(bool *)userdata = true;
}

/* Runs the loop until the condition holds, and fails when it does not in time. */
static void await(struct host *h, bool (*condition)(const struct host *h))
{
	const struct timeval tv = { .tv_sec = DEADLINE_S };
	bool late = false;
	struct event *deadline = evtimer_new(h->base, on_deadline, &late);

	event_add(deadline, &tv);
	while (!condition(h) && !late)
		event_base_loop(h->base, EVLOOP_ONCE);
	event_free(deadline);
	if (late)
		fail_msg("not in time; last in the log: %s", logged.text);
}

/* Lets it do whatever there is to do now. */
static void idle(struct host *h)
{
	assert_int_equal(event_base_loop(h->base, EVLOOP_NONBLOCK), 0);
}

static bool is_repaired(const struct host *h)
{
	return nft_watch_repairs(h->watch) > 0;
}

static bool has_trouble(const struct host *h)
{
	return nft_watch_trouble(h->watch) != NULL;
}

static bool has_none(const struct host *h)
{
	return nft_watch_trouble(h->watch) == NULL;
}

static void skip_unowned(void)
{
	print_message("# this kernel has no owned, persistent tables\n");
	skip();
}

static bool kernel_has_owners(void)
{
	struct nft *n = NULL;
	bool has;

	assert_int_equal(nft_new(&owned, NULL, &n, NULL), 0);
	has = !nft_is_shared(n);
	nft_free(n, true);
	return has;
}

static char *listing(void)
{
	FILE *f = popen(LISTING, "r");
	char *text = xcalloc(1, 64);

	assert_non_null(f);
	assert_int_equal(fread(text, 1, 32, f), 32);
	pclose(f);
	return text;
}

/* --- Repairs --------------------------------------------------------------------------------- */

static const char *const damage[] = {
	"nft flush ruleset",
	"nft delete table inet awf",
	"nft flush table inet awf",
	"nft flush chain inet awf relay",
	"nft insert rule inet awf relay accept",
	"nft delete element inet awf relay_targets4 '{ 127.0.0.1 . 18443 }'",
	"nft add element inet awf relay_targets4 '{ 127.0.0.1 . 22 }'",
	"nft add chain inet awf other",
	"nft add set inet awf other '{ type mark; }'",
	"nft 'delete table inet awf; add table inet awf'",
};

static void test_repairs(void **state)
{
	struct host *h = host_new(&shared, calm);
	_cleanup_free_ char *before = listing();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		uint64_t repairs = nft_watch_repairs(h->watch);

		assert_row(damage[i], shell(OWN, "%s", damage[i]) == 0);
		idle(h);
		assert_row(damage[i], nft_watch_repairs(h->watch) == repairs + 1);
		_cleanup_free_ char *after = listing();
		assert_row(damage[i], same_text(before, after));
		assert_row(damage[i], logged.level == LOG_LEVEL_WARNING);
		assert_text_contains(logged.text, "table inet awf was changed by 'nft' (pid ");
	}
	assert_int_equal(logged.count, ARRAY_SIZE(damage));
	assert_int_equal(h->troubles, 0);
	host_free(h);
}

/* With an owner there is nothing to repair: nobody can change it. */
static void test_owned(void **state)
{
	struct host *h = host_new(&owned, calm);
	_cleanup_free_ char *before = listing(), *after = NULL;

	(void)state;
	if (nft_is_shared(h->nft)) {
		host_free(h);
		skip_unowned();
	}
	for (size_t i = 0; i < ARRAY_SIZE(damage); i++)
		assert_row(damage[i], (shell(OWN, "%s 2>/dev/null", damage[i]) == 0) == (i == 0));
	idle(h);
	assert_int_equal(h->restores, 0);
	after = listing();
	assert_string_equal(before, after);
	host_free(h);
}

/* Neither our own changes, however large, nor those of other tables are any business of the watch.
 */
static void test_not_woken(void **state)
{
	struct host *h = host_new(&shared, calm);
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	crowd(h);
	for (int i = 0; i < 50; i++)
		assert_int_equal(nft_restore(h->nft, &h->content, &e), 0);
	assert_int_equal(nft_relay_target_add(h->nft, &h->targets[0], &e), 0);
	assert_int_equal(shell(OWN,
			       "nft add table inet other && nft add chain inet other relay && "
			       "nft add rule inet other relay accept && nft add table ip awf && "
			       "nft delete table inet other && nft delete table ip awf"),
			 0);
	idle(h);
	assert_int_equal(h->restores, 0);
	assert_int_equal(shell(OWN, "nft delete table inet awf"), 0); /* it is awake */
	await(h, is_repaired);
	host_free(h);
}

/* A change that takes many notifications to tell is one change still. */
static void test_large_change(void **state)
{
	struct host *h = host_new(&shared, calm);
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	crowd(h);
	assert_int_equal(nft_restore(h->nft, &h->content, &e), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(shell(OWN, "nft flush ruleset"), 0);
		idle(h);
		idle(h);
		assert_int_equal(nft_watch_repairs(h->watch), i + 1);
	}
	host_free(h);
}

/* Notifications that the kernel had to throw away count as a change. */
static void test_lost(void **state)
{
	struct host *h = host_new(&shared, calm);

	(void)state;
	assert_int_equal(
		shell(OWN, "{ echo 'table inet other { set s { type ipv4_addr; elements = {'; "
			   "seq 1 60000 | awk '{ printf \"10.%%d.%%d.1,\", $1 / 256, $1 %% 256 }'; "
			   "echo '}; }; }'; } | nft -f - && nft delete table inet awf && "
			   "nft delete table inet other"),
		0);
	await(h, is_repaired);
	assert_text_contains(logged.text, "notifications were lost");
	assert_int_equal(shell(OWN, "nft list table inet awf >/dev/null"), 0);
	host_free(h);
}

/* --- Trouble --------------------------------------------------------------------------------- */

/* A program that opens the table again as soon as it was put back. */
static int be_enemy(void *userdata _unused_)
{
	execl("/bin/sh", "enemy", "-c",
	      "while :; do nft insert rule inet awf relay accept 2>/dev/null; done", (char *)NULL);
	return 127;
}

static pid_t enemy_start(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(be_enemy(NULL));
	assert_true(pid > 0);
	return pid;
}

static void enemy_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool is_ten_later(const struct host *h)
{
	return nft_watch_repairs(h->watch) >= 13;
}

static void test_fight(void **state)
{
	const struct nft_watch_config config = { .repairs = 3, .window_ms = 3000, .pause_ms = 50 };
	struct host *h = host_new(&shared, config);
	_cleanup_free_ char *before = listing(), *after = NULL;
	pid_t enemy = enemy_start();
	uint64_t start;

	(void)state;
	await(h, has_trouble);
	assert_int_equal(nft_watch_repairs(h->watch), 3);
	assert_int_equal(logged.count, 4); /* three repairs, and what is wrong */
	assert_int_equal(logged.level, LOG_LEVEL_ERROR);
	assert_text_contains(logged.text, "is changed again and again, last by 'nft' (pid ");
	assert_text_contains(nft_watch_trouble(h->watch), "again and again, last by 'nft'");
	start = clock_ms();
	await(h, is_ten_later);
	assert_true(clock_ms() - start >= 10 * 45); /* it does not spin */
	enemy_end(enemy);
	await(h, has_none);
	assert_string_equal(logged.text, "table inet awf is left alone again");
	after = listing();
	assert_string_equal(before, after);
	assert_int_equal(logged.count, 5);
	host_free(h);
}

static bool is_thrice_tried(const struct host *h)
{
	return h->restores >= 3;
}

/* What can't be put back now is tried until it can. */
static void test_failure(void **state)
{
	struct host *h = host_new(&shared, calm);

	(void)state;
	h->refuse = -ENOMEM;
	assert_int_equal(shell(OWN, "nft delete table inet awf"), 0);
	await(h, is_thrice_tried);
	assert_int_equal(logged.count, 1); /* said once */
	assert_int_equal(logged.level, LOG_LEVEL_ERROR);
	assert_string_equal(nft_watch_trouble(h->watch),
			    "table inet awf can't be put back: out of order");
	h->refuse = 0;
	await(h, has_none);
	assert_int_equal(shell(OWN, "nft list table inet awf >/dev/null"), 0);
	assert_int_equal(h->troubles, 2);
	host_free(h);
}

/* Another process that makes itself the table's owner, until it ends. */
static pid_t usurper_start(void)
{
	pid_t pid = fork();
	struct nft *n;

	if (pid == 0) {
		if (nft_new(&owned, NULL, &n, NULL) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void test_usurper(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct host *h;
	pid_t usurper;

	(void)state;
	if (!kernel_has_owners())
		skip_unowned();
	h = host_new(&shared, calm);
	before = listing();
	usurper = usurper_start();
	await(h, has_trouble);
	assert_text_contains(nft_watch_trouble(h->watch), "owned by another living process");
	enemy_end(usurper);
	await(h, has_none);
	after = listing();
	assert_string_equal(before, after);
	host_free(h);
}

/* --- Begin and end --------------------------------------------------------------------------- */

static void test_no_leaks(void **state)
{
	int before = open_descriptors();

	(void)state;
	host_free(host_new(&shared, calm));
	nft_watch_free(NULL);
	assert_null(nft_watch_trouble(NULL));
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repairs),   cmocka_unit_test(test_owned),
		cmocka_unit_test(test_not_woken), cmocka_unit_test(test_large_change),
		cmocka_unit_test(test_lost),      cmocka_unit_test(test_fight),
		cmocka_unit_test(test_failure),   cmocka_unit_test(test_usurper),
		cmocka_unit_test(test_no_leaks),
	};

	if (!namespaces_begin())
		return 0;
	log_set_sink(take_log);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nft-watch", tests, NULL, NULL);
}
