/* What control groups count, as version 1, version 2 and both at once have it. */
#include "awfd/cgroup-usage.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

struct file {
	const char *path, *text;
};

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void write_files(const char *root, const struct file *files)
{
	for (const struct file *f = files; f->path; f++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", root, f->path);

		make_parents(path);
		assert_int_equal(file_write_atomic(path, 0644, f->text, strlen(f->text), NULL), 0);
	}
}

static const struct file version1[] = {
	{ "cpuacct/docker/c1/cpuacct.usage", "2500999\n" },
	{ "memory/docker/c1/memory.usage_in_bytes", "5000\n" },
	{ "memory/docker/c1/memory.stat", "cache 9\ninactive_file 1\ntotal_inactive_file 1000\n" },
	{ "pids/docker/c1/pids.current", "3\n" },
	{ NULL, NULL },
};

static const struct file version2[] = {
	{ "system.slice/docker-c1.scope/cpu.stat",
	  "usage_usec 2500\nuser_usec 2000\nsystem_usec 500\n" },
	{ "system.slice/docker-c1.scope/memory.current", "5000\n" },
	{ "system.slice/docker-c1.scope/memory.stat",
	  "anon 1\ninactive_file 2000\nactive_file 7\n" },
	{ "system.slice/docker-c1.scope/pids.current", "3\n" },
	{ NULL, NULL },
};

static const struct file giveable[] = {
	/* more than is used, since both are read at two times */
	{ "c1/cpu.stat", "usage_usec 2500\n" },
	{ "c1/memory.current", "1\n" },
	{ "c1/memory.stat", "inactive_file 2\n" },
	{ "c1/pids.current", "3\n" },
	{ NULL, NULL },
};

static const struct file uncounted[] = {
	{ "c1/cpu.stat", "user_usec 1\nusage_usec\n" },
	{ "c1/memory.current", "1\n" },
	{ "c1/memory.stat", "inactive_file 0\n" },
	{ "c1/pids.current", "3\n" },
	{ NULL, NULL },
};

static const struct file strange[] = {
	{ "c1/cpu.stat", "usage_usec 2500\n" },
	{ "c1/memory.current", "-1\n" },
	{ "c1/memory.stat", "inactive_file 0\n" },
	{ "c1/pids.current", "3\n" },
	{ NULL, NULL },
};

static const struct file another[] = {
	{ "other/cpu.stat", "usage_usec 2500\n" },
	{ "other/memory.current", "1\n" },
	{ "other/memory.stat", "inactive_file 0\n" },
	{ "other/pids.current", "3\n" },
	{ NULL, NULL },
};

#define V1                                                                                         \
	"9:name=systemd:/\n8:pids:/docker/c1\n4:memory:/docker/c1\n2:cpuacct,cpu:/docker/c1\n0::/\n"

static void test_read(void **state _unused_)
{
	static const struct {
		const char *row, *membership;
		const struct file *files;
		int64_t memory; /* below 0: nothing is told */
	} rows[] = {
		{ "version 1", V1, version1, 4000 },
		{ "version 2", "0::/system.slice/docker-c1.scope\n", version2, 3000 },
		{ "version 2 beside systemd's of version 1",
		  "1:name=systemd:/elsewhere\n0::/system.slice/docker-c1.scope\n", version2, 3000 },
		{ "without a line's end", "0::/system.slice/docker-c1.scope", version2, 3000 },
		{ "more to give up than there is", "0::/c1\n", giveable, 0 },
		{ "a number that is missing", "0::/c1\n", uncounted, -1 },
		{ "a number that is none", "0::/c1\n", strange, -1 },
		{ "a group that has gone", "0::/system.slice/docker-c1-gone.scope\n", version2,
		  -1 },
		{ "outside of the mount", "0::\n", version2, -1 },
		{ "a controller of a similar name", "3:cpuacct2:/docker/c1\n", version1, -1 },
		{ "another process's group", "0::/other\n", another, -1 },
		{ "no group", "", version1, -1 },
		{ "no membership", "::\n:\nx\n", version1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(scratch_freep) char *root = scratch_new();
		struct cgroup_usage usage = { -1, -1, -1 };
		bool known;

		write_files(root, rows[i].files);
		known = cgroup_usage_read(root, rows[i].membership, "c1", &usage);
		assert_row(rows[i].row, known == (rows[i].memory >= 0));
		assert_row(rows[i].row, usage.memory == rows[i].memory);
		assert_row(rows[i].row, usage.cpu_us == (known ? 2500 : -1));
		assert_row(rows[i].row, usage.pids == (known ? 3 : -1));
	}
}

static void test_memory_beside(void **state _unused_)
{
	static const struct {
		const char *row, *membership, *expected;
	} rows[] = {
		{ "version 1", "4:cpu:/docker/c1\n3:memory:/docker/c1\n",
		  "/mounts/memory/docker/c2" },
		{ "version 2", "0::/system.slice/docker-c1.scope\n",
		  "/mounts/system.slice/docker-c2.scope" },
		{ "both", "3:memory:/docker/c1\n0::/x/c1\n", "/mounts/memory/docker/c2" },
		{ "another process's group", "3:memory:/docker/c3\n", NULL },
		{ "no membership", "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *group =
			cgroup_memory_beside_read("/mounts", rows[i].membership, "c1", "c2");

		assert_row(rows[i].row, !group == !rows[i].expected);
		assert_row(rows[i].row, !group || strcmp(group, rows[i].expected) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_beside),
		cmocka_unit_test(test_read),
	};

	return RUN_TESTS("cgroup-usage", tests);
}
