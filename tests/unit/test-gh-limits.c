/* Which limit ended a gh, by what is left of it. */
#include "tests/unit/check.h"

#include "containers/cli-proxy/gh-limits.h"

static const struct gh_limits limits = { .cpu_seconds = 60, .memory = 1 << 28, .file = 1 << 20 };

static const struct {
	const char *name;
	struct gh_end end;
	const char *words;
	enum gh_limit limit;
} ends[] = {
	{ "well", { 0, 70000 }, "", GH_LIMIT_NONE },
	{ "killed by another", { 137, 20 }, "", GH_LIMIT_NONE },
	{ "killed by another, late", { 137, 44999 }, "", GH_LIMIT_NONE },
	{ "CPU time, as sampled", { 137, 45000 }, "", GH_LIMIT_CPU },
	{ "CPU time, and more", { 137, 61000 }, "", GH_LIMIT_CPU },
	{ "another signal", { 143, 60000 }, "", GH_LIMIT_NONE },
	{ "an exit code like it", { 9, 60000 }, "", GH_LIMIT_NONE },
	{ "no heap",
	  { 2, 100 },
	  "fatal error: runtime: cannot allocate memory\n\ngoroutine 1",
	  GH_LIMIT_MEMORY },
	{ "no heap, behind a warning",
	  { 2, 100 },
	  "warning\nfatal error: out of memory allocating heap arena metadata\n",
	  GH_LIMIT_MEMORY },
	{ "no block",
	  { 2, 100 },
	  "runtime: out of memory: cannot allocate 4-byte",
	  GH_LIMIT_MEMORY },
	{ "no thread", { 134, 1 }, "runtime/cgo: out of memory in thread_start", GH_LIMIT_MEMORY },
	{ "no stack",
	  { 2, 1 },
	  "runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT: abort",
	  GH_LIMIT_MEMORY },
	{ "another panic", { 2, 100 }, "panic: runtime error: index out of range", GH_LIMIT_NONE },
	{ "words of others", { 1, 100 }, "HTTP 500: runtime: out of memory", GH_LIMIT_NONE },
};

static void test_exceeded(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		assert_row(ends[i].name,
			   gh_limits_exceeded(&limits, &ends[i].end, ends[i].words,
					      strlen(ends[i].words)) == ends[i].limit);
	assert_int_equal(gh_limits_exceeded(&limits, &ends[0].end, NULL, 0), GH_LIMIT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_exceeded) };

	return RUN_TESTS("gh-limits", tests);
}
