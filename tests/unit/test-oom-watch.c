/* A watch of a group of files, as version 1 and version 2 have them, with a real first process of a
 * namespace in it (root). */
#include "awfd/oom-watch.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

static const char *const names[] = { "memory.events", "memory.oom_control" };
static const char *const none[] = { "low 0\noom 0\noom_kill 0\n",
				    "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n" };
static const char *const one[] = { "low 0\noom 7\noom_kill 1\n",
				   "oom_kill_disable 0\nunder_oom 1\noom_kill 1\n" };

static void put(const char *group, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", group, name);
	FILE *f = fopen(path, "w"); /* in place, as the kernel changes what is open */

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* One that waits for its end, with more flags of clone(2). */
static pid_t begin(unsigned long flags)
{
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void put_processes(const char *group, pid_t a, pid_t b)
{
	_cleanup_free_ char *text = xasprintf("%d\n%d\n", a, b);

	put(group, "cgroup.procs", text);
}

static void test_kill_is_seen_at_the_end(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(scratch_freep) char *group = scratch_new();
		struct event_base *base = event_base_new();
		pid_t other = begin(0), first = begin(CLONE_NEWPID);
		struct oom_watch *w;

		put_processes(group, other, first);
		put(group, names[i], none[i]);
		w = oom_watch_new(base, group);
		assert_non_null(w);
		assert_false(oom_watch_saw(w));
		/* Another one's end is none; the watched one's is the last moment to look. */
		end(other);
		event_base_loop(base, EVLOOP_NONBLOCK);
		put(group, names[i], one[i]);
		end(first);
		event_base_loop(base, EVLOOP_ONCE);
		put(group, names[i], "");
		assert_true(oom_watch_saw(w));
		oom_watch_free(w);
		event_base_free(base);
	}
}

static void test_when_asked(void **state _unused_)
{
	static const struct {
		const char *row, *counts;
		bool saw;
	} rows[] = {
		{ "a kill", "low 0\noom 7\noom_kill 1\n", true },
		{ "more than nine", "low 0\noom 7\noom_kill 10\n", true },
		{ "none", "low 0\noom 7\noom_kill 0\n", false },
		{ "for want of the host's memory", "low 0\noom 0\noom_kill 1\n", false },
		{ "no such count", "low 0\noom 7\n", false },
		{ "nothing", "", false },
	};
	struct event_base *base = event_base_new();
	pid_t first = begin(CLONE_NEWPID);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(scratch_freep) char *group = scratch_new();
		struct oom_watch *w;

		put_processes(group, first, first);
		put(group, names[0], none[0]);
		w = oom_watch_new(base, group);
		assert_row(rows[i].row, w && !oom_watch_saw(w));
		put(group, names[0], rows[i].counts);
		assert_row(rows[i].row, oom_watch_saw(w) == rows[i].saw);
		oom_watch_free(w);
	}
	end(first);
	event_base_free(base);
}

static void test_nothing_to_watch(void **state _unused_)
{
	_cleanup_(scratch_freep) char *group = scratch_new();
	struct event_base *base = event_base_new();
	pid_t other = begin(0), first = begin(CLONE_NEWPID);

	assert_null(oom_watch_new(base, group));
	put(group, names[0], none[0]);
	assert_null(oom_watch_new(base, group));
	put_processes(group, other, other);
	assert_null(oom_watch_new(base, group));
	end(first);
	put_processes(group, other, first);
	assert_null(oom_watch_new(base, group));
	end(other);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_is_seen_at_the_end),
		cmocka_unit_test(test_when_asked),
		cmocka_unit_test(test_nothing_to_watch),
	};

	return RUN_TESTS("oom-watch", tests);
}
