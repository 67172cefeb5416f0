/* What is noticed when root changes a port of a bridge, with real commands. The test's own
 * namespace is the host. Needs root. */
#include <event2/event.h>
#include <net/if.h>
#include <string.h>

#include "awfd/link-watch.h"
#include "awfd/link.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define BRIDGE "egress"

struct seen {
	struct event_base *base;
	struct link_watch *watch;
	unsigned port;  /* the one that is looked for */
	unsigned count; /* how often it was named */
	unsigned all;   /* how often any was */
};

static void on_link(unsigned index, void *userdata)
{
	struct seen *seen = userdata;

	if (index == LINK_WATCH_ALL)
		seen->all++;
	else if (index == seen->port)
		seen->count++;
}

static void must(const char *command)
{
	if (shell(OWN, "%s", command) != 0)
		fail_msg("%s", command);
}

/* A port that is isolated. */
static void begin(struct seen *seen)
{
	_cleanup_err_ struct err e = { 0 };
	bool mended = false;

	must("ip link add " BRIDGE " type bridge && ip link add port type veth peer name end && "
	     "ip link set port master " BRIDGE " && ip link set port up");
	*seen = (struct seen){ .base = event_base_new(), .port = if_nametoindex("port") };
	if (link_keep_isolated(seen->port, BRIDGE, &mended, &e) < 0 ||
	    link_watch_new(seen->base, on_link, seen, &seen->watch, &e) < 0)
		fail_msg("%s", e.message);
	assert_true(mended);
}

static void finish(struct seen *seen)
{
	link_watch_free(seen->watch);
	event_base_free(seen->base);
	(void)shell(OWN, "ip link del port 2>/dev/null; ip link del " BRIDGE " 2>/dev/null");
}

static const struct {
	const char *command;
	int kept; /* what keeping it isolated says then */
	bool mended;
} changes[] = {
	{ "bridge link set dev port isolated off", 0, true },
	{ "ip link set port type bridge_slave isolated off", 0, true },
	{ "ip link set port down", 0, false },
	{ "ip link set port nomaster", -ENOTCONN, false },
	{ "ip link del " BRIDGE, -ENONET, false },
	{ "ip link add other type bridge; ip link set port master other; ip link del other",
	  -ENOTCONN, false },
	{ "ip link del port", -ENODEV, false },
	{ "ip link del end", -ENODEV, false },
};

static void test_changes(void **state)
{
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		bool mended = false;
		int r;

		begin(&seen);
		must(changes[i].command);
		assert_int_equal(event_base_loop(seen.base, EVLOOP_NONBLOCK), 0);
		assert_row(changes[i].command, seen.count > 0);
		r = link_keep_isolated(seen.port, BRIDGE, &mended, NULL);
		assert_row(changes[i].command, r == changes[i].kept);
		assert_row(changes[i].command, mended == changes[i].mended);
		assert_row(changes[i].command,
			   r < 0 ||
				   shell(OWN, "ip -d link show port | grep -q 'isolated on'") == 0);
		assert_int_equal(seen.all, 0);
		finish(&seen);
	}
}

/* Nothing is heard of looking at a port that is right, else one look would lead to the next. The
 * port is down, so that nothing else is heard of it. */
static void test_settles(void **state)
{
	struct seen seen;
	bool mended;

	(void)state;
	begin(&seen);
	must("ip link set port down && ip link set end down && bridge link set dev port isolated off");
	assert_int_equal(link_keep_isolated(seen.port, BRIDGE, &mended, NULL), 0);
	assert_true(mended);
	assert_int_equal(event_base_loop(seen.base, EVLOOP_NONBLOCK), 0);
	assert_true(seen.count > 0);
	seen.count = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(link_keep_isolated(seen.port, BRIDGE, &mended, NULL), 0);
	assert_false(mended);
	assert_int_equal(event_base_loop(seen.base, EVLOOP_NONBLOCK), 0);
	assert_in_range(seen.count, 0, 2); /* the kernel's own late word of its being down */
	finish(&seen);
}

/* More notifications than the socket holds are told as one about everything. */
static void test_lost(void **state)
{
	struct seen seen;

	(void)state;
	begin(&seen);
	must("for i in $(seq 1000); do echo link set port alias a$i; "
	     "echo link set port alias b$i; echo link set port up; echo link set port down; done | "
	     "ip -batch -");
	assert_int_equal(event_base_loop(seen.base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(seen.all, 1);
	finish(&seen);
}

static void test_no_leaks(void **state)
{
	int before = open_descriptors();
	struct seen seen;

	(void)state;
	begin(&seen);
	finish(&seen);
	link_watch_free(NULL);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_no_leaks),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("link-watch", tests);
}
