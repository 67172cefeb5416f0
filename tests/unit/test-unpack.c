/* Downloads in the agent: put where they belong, and nowhere else. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "containers/agent/unpack.h"

static struct unpack *start(const char *const *args)
{
	_cleanup_(gh_arguments_clear) struct gh_arguments a = { 0 };

	assert_int_equal(gh_arguments_parse((char *const *)args, &a, NULL), 0);
	return unpack_new(&a);
}

static struct unpack *start_in(const char *directory, const char *flag)
{
	const char *const args[] = { "release", "download", "-D", directory, flag, NULL };

	return start(args);
}

static void assert_content(const char *directory, const char *name, const char *content)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name), *text = NULL;

	assert_int_equal(file_read(path, 4096, &text, NULL, NULL), 0);
	assert_same_text(text, content);
}

static void put(const char *directory, const char *name, const char *content)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);

	assert_int_equal(file_write_atomic(path, 0644, content, strlen(content), NULL), 0);
}

static const char two[] = "{\"path\":\"a\",\"size\":3,\"executable\":true}\nabc"
			  "{\"path\":\"d\",\"directory\":true}\n"
			  "{\"path\":\"d/e/f\",\"size\":0}\n"
			  "{\"path\":\"d/g\",\"size\":2}\n{\n";

static void assert_two(const char *directory)
{
	_cleanup_free_ char *path = xasprintf("%s/a", directory);
	struct stat status;

	assert_content(directory, "a", "abc");
	assert_content(directory, "d/e/f", "");
	assert_content(directory, "d/g", "{\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0100, 0100);
}

/* In one piece and byte by byte. */
static void test_files(void **state _unused_)
{
	for (size_t step = 1; step < sizeof(two); step += sizeof(two) - 2) {
		_cleanup_scratch_ char *d = scratch_new();
		_cleanup_free_ char *directory = xasprintf("%s/new/er", d);
		_cleanup_(unpack_freep) struct unpack *u = start_in(directory, NULL);

		for (size_t i = 0; i < sizeof(two) - 1; i += step)
			assert_int_equal(
				unpack_feed(u, two + i, MIN(step, sizeof(two) - 1 - i), NULL), 0);
		assert_int_equal(unpack_end(u, NULL), 0);
		assert_two(directory);
	}
}

static void test_not_whole(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_(unpack_freep) struct unpack *u = start_in(d, NULL);
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(unpack_feed(u, two, sizeof(two) - 2, NULL), 0);
	assert_int_equal(unpack_end(u, &e), -EPROTO);
	assert_same_text(e.message, "the download 'd/g' is not whole");
}

/* Feeds one file named `path` and returns what is said. */
static char *feed(const char *directory, const char *flag, const char *path)
{
	_cleanup_(unpack_freep) struct unpack *u = start_in(directory, flag);
	_cleanup_free_ char *text = xasprintf("{\"path\":\"%s\",\"size\":3}\nnew", path);
	_cleanup_err_ struct err e = { 0 };

	if (unpack_feed(u, text, strlen(text), &e) == 0)
		return xstrdup("done");
	return TAKE_PTR(e.message);
}

static const char *const outside[] = { "../x", "/x",   "a/../../x", ".",   "..",
				       "",     "a//b", "a/",        "./a", "a\\u0000b" };

static void test_outside(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		_cleanup_scratch_ char *d = scratch_new();
		_cleanup_free_ char *inner = xasprintf("%s/in", d), *x = xasprintf("%s/x", d);
		_cleanup_free_ char *said = feed(inner, NULL, outside[i]);

		assert_text_contains(said, "would leave its directory");
		assert_int_equal(access(x, F_OK), -1);
	}
}

static void test_existing(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *refused = NULL, *skipped = NULL, *replaced = NULL;

	put(d, "a", "old");
	refused = feed(d, NULL, "a");
	assert_text_contains(refused, "/a already exists (use `--clobber` to overwrite it, or "
				      "`--skip-existing` to leave it)");
	assert_content(d, "a", "old");
	skipped = feed(d, "--skip-existing", "a");
	assert_same_text(skipped, "done");
	assert_content(d, "a", "old");
	replaced = feed(d, "--clobber", "a");
	assert_same_text(replaced, "done");
	assert_content(d, "a", "new");
}

/* Links that are there already lead nowhere: neither a file nor a directory is reached by one. */
static void test_links(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new(), *other = scratch_new();
	_cleanup_free_ char *file = xasprintf("%s/file", d),
			    *target = xasprintf("%s/target", other);
	_cleanup_free_ char *directory = xasprintf("%s/directory", d);
	_cleanup_free_ char *said = NULL, *replaced = NULL, *through = NULL;

	put(other, "target", "old");
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(symlink(other, directory), 0);
	said = feed(d, NULL, "file");
	assert_text_contains(said, "already exists");
	replaced = feed(d, "--clobber", "file");
	assert_same_text(replaced, "done");
	assert_content(d, "file", "new");
	through = feed(d, "--clobber", "directory/target");
	assert_text_contains(through, "Not a directory");
	assert_content(other, "target", "old");
}

/* -O names a file, whose directory is meant. */
static void test_output(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *output = xasprintf("%s/x/name", d), *inner = xasprintf("%s/x", d);
	const char *const args[] = { "release", "download", "-O", output, NULL };
	_cleanup_(unpack_freep) struct unpack *u = start(args);
	static const char text[] = "{\"path\":\"name\",\"size\":1}\n!";

	assert_int_equal(unpack_feed(u, text, sizeof(text) - 1, NULL), 0);
	assert_content(inner, "name", "!");
}

/* As with gh the last one counts. */
static void test_repeated(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *first = xasprintf("%s/x", d), *last = xasprintf("%s/y", d);
	const char *const args[] = { "run", "download", "-D", first, "--dir", last, NULL };
	_cleanup_(unpack_freep) struct unpack *u = start(args);
	static const char text[] = "{\"path\":\"name\",\"size\":1}\n!";

	assert_int_equal(unpack_feed(u, text, sizeof(text) - 1, NULL), 0);
	assert_content(last, "name", "!");
	assert_int_equal(access(first, F_OK), -1);
}

static const char *const nonsense[] = { "x\n",
					"{}\n",
					"{\"path\":1,\"size\":1}\n",
					"{\"path\":\"a\"}\n",
					"{\"path\":\"a\",\"size\":-1}\n",
					"{\"path\":\"a\",\"size\":1}x\n",
					"[[[[]]]]\n",
					"\n" };

static void test_nonsense(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		_cleanup_scratch_ char *d = scratch_new();
		_cleanup_(unpack_freep) struct unpack *u = start_in(d, NULL);
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(unpack_feed(u, nonsense[i], strlen(nonsense[i]), &e), -EPROTO);
		assert_same_text(e.message, "cli-proxy's answer is no download");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),    cmocka_unit_test(test_not_whole),
		cmocka_unit_test(test_outside),  cmocka_unit_test(test_existing),
		cmocka_unit_test(test_links),    cmocka_unit_test(test_output),
		cmocka_unit_test(test_repeated), cmocka_unit_test(test_nonsense),
	};

	return RUN_TESTS("unpack", tests);
}
