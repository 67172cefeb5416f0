#include "awfd/mount-spec.h"

#include "tests/unit/check.h"

#define FIELD           "mounts"
#define TEXTS(...)      ((char *const[]){ __VA_ARGS__, NULL })
#define _cleanup_specs_ _cleanup_(mount_specs_clear)

static const struct {
	const char *text, *source, *target;
	bool writable;
} accepted[] = {
	{ "/home/me:/work", "/home/me", "/work", true },
	{ "/home/me:/work:rw", "/home/me", "/work", true },
	{ "/home/me:/work:ro", "/home/me", "/work", false },
	{ "/home/me/:/home/me", "/home/me/", "/home/me", true },
	{ "/a/./b//c:/d e/…", "/a/./b//c", "/d e/…", true },
	{ "/a/..b/c...:/..d", "/a/..b/c...", "/..d", true },
	{ "/tmp/gh-aw:/tmp/gh-aw", "/tmp/gh-aw", "/tmp/gh-aw", true },
	{ "/usr/bin/yq:/usr/bin/yq:ro", "/usr/bin/yq", "/usr/bin/yq", false },
	{ "/a:/etc/foo", "/a", "/etc/foo", true },
	{ "/a:/usr/local/bin/ghost", "/a", "/usr/local/bin/ghost", true },
	{ "/a:/process", "/a", "/process", true },
	{ "/a:/run/awful", "/a", "/run/awful", true },
	{ "/a:/lib/x", "/a", "/lib/x", true },
};

static void takes_what_is_right(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_specs_ struct mount_specs s = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (mount_specs_parse(FIELD, TEXTS((char *)accepted[i].text), &s, &e) < 0)
			fail_msg("%s: %s", accepted[i].text, e.message);
		assert_int_equal(s.count, 1);
		assert_same_text(s.list[0].text, accepted[i].text);
		assert_same_text(s.list[0].source, accepted[i].source);
		assert_same_text(s.list[0].target, accepted[i].target);
		assert_int_equal(s.list[0].writable, accepted[i].writable);
	}
}

static const struct {
	const char *text, *reason;
} refused[] = {
	{ "", "the source is missing" },
	{ ":", "the source is missing" },
	{ "/a", "the destination is missing" },
	{ "/a:", "the destination is missing" },
	{ ":/b", "the source is missing" },
	{ "work:/b", "the source 'work' is not absolute" },
	{ "./work:/b", "the source './work' is not absolute" },
	{ "~/work:/b", "the source '~/work' is not absolute" },
	{ "/a:b", "the destination 'b' is not absolute" },
	{ "/a/../b:/c", "the source has '..' in it" },
	{ "/..:/c", "the source has '..' in it" },
	{ "/a/..:/c", "the source has '..' in it" },
	{ "/a:/b/../c", "the destination has '..' in it" },
	{ "/a:/b/", "leave it out" },
	{ "/a:/b//c", "leave it out" },
	{ "/a:/b/./c", "leave it out" },
	{ "/a:/./etc/ssl", "leave it out" },
	{ "/a\n:/b", "the source has a control character" },
	{ "/a:/b\x1b[2J", "the destination has a control character" },
	{ "/a:/b\x7f", "the destination has a control character" },
	{ "/a:/b:", "'' is neither ro nor rw" },
	{ "/a:/b:RO", "'RO' is neither ro nor rw" },
	{ "/a:/b:ro,exec", "'ro,exec' is neither ro nor rw" },
	{ "/a:/b:ro:rw", "'ro:rw' is neither ro nor rw; a path with a ':' cannot be mounted" },
	{ "/a:/", "nothing is mounted at /, which would hide /proc" },
	{ "/a:/proc", "nothing is mounted at /proc" },
	{ "/a:/proc/self/x", "nothing is mounted at /proc" },
	{ "/a:/sys/fs/cgroup", "nothing is mounted at /sys" },
	{ "/a:/dev", "nothing is mounted at /dev" },
	{ "/a:/dev/shm", "nothing is mounted at /dev" },
	{ "/a:/tmp", "choose a directory below it" },
	{ "/a:/run", "nothing is mounted at /run, which would hide /run/awf" },
	{ "/a:/run/awf/x", "awf's own" },
	{ "/a:/run/awfd", "awf's own" },
	{ "/a:/etc", "nothing is mounted at /etc, which would hide /etc/awf" },
	{ "/a:/etc/resolv.conf", "the sandbox's own name servers" },
	{ "/a:/etc/hosts", "the sandbox's own names" },
	{ "/a:/etc/hostname", "the sandbox's own name" },
	{ "/a:/etc/passwd", "the image's users" },
	{ "/a:/etc/group", "the image's users" },
	{ "/a:/etc/ssl", "certificates" },
	{ "/a:/etc/ssl/certs/ca-certificates.crt", "certificates" },
	{ "/a:/etc/ca-certificates/x", "certificates" },
	{ "/a:/etc/pki/tls", "certificates" },
	{ "/a:/usr", "nothing is mounted at /usr, which would hide /usr/local/bin/gh" },
	{ "/a:/usr/local", "would hide /usr/local/bin/gh" },
	{ "/a:/usr/local/bin", "would hide /usr/local/bin/gh" },
	{ "/a:/usr/local/bin/gh", "the sandbox's gh" },
	{ "/a:/usr/local/bin/gh/x", "nothing is mounted at /usr/local/bin/gh" },
	{ "/a:/sbin/docker-init", "first process" },
	{ "/a:/bin", "the image's programs" },
	{ "/a:/usr/sbin", "would hide /usr/sbin/docker-init" },
	{ "/a:/lib64", "the image's libraries" },
	{ "/a:/usr/lib", "the image's libraries" },
};

static void refuses_what_is_wrong(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct mount_specs s = { 0 };
		_cleanup_err_ struct err e = { 0 };
		int r = mount_specs_parse(FIELD, TEXTS((char *)"/x:/x", (char *)refused[i].text),
					  &s, &e);

		assert_row(refused[i].text, r == -EINVAL && s.count == 0);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_same_text(e.subject, FIELD);
		assert_same_text(e.value, refused[i].text);
		assert_text_contains(e.message, refused[i].reason);
	}
}

static void refuses_what_hides_another(void **state _unused_)
{
	static const struct {
		const char *first, *second, *reason;
	} rows[] = {
		{ "/a:/work", "/b:/work", "there are two mounts at /work" },
		{ "/a:/work", "/b:/work/in", "there is one at /work" },
		{ "/a:/work/in", "/b:/work", "there is one at /work/in" },
		{ "/a:/work", "/b:/work/in/deep", "there is one at /work" },
	};
	_cleanup_specs_ struct mount_specs beside = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_specs s = { 0 };
		_cleanup_err_ struct err e = { 0 };

		assert_row(rows[i].second,
			   mount_specs_parse(FIELD,
					     TEXTS((char *)rows[i].first, (char *)rows[i].second),
					     &s, &e) == -EINVAL);
		assert_same_text(e.value, rows[i].second);
		assert_text_contains(e.message, rows[i].reason);
	}
	assert_int_equal(
		mount_specs_parse(FIELD,
				  TEXTS((char *)"/a:/work", (char *)"/a:/work2", (char *)"/a:/wor"),
				  &beside, NULL),
		0);
	assert_int_equal(beside.count, 3);
}

static void bounds_their_number(void **state _unused_)
{
	char *texts[MOUNTS_MAX + 2] = { NULL };
	struct mount_specs s = { 0 };
	_cleanup_err_ struct err e = { 0 };

	for (int i = 0; i < MOUNTS_MAX; i++)
		texts[i] = xasprintf("/a:/work/%d", i);
	assert_int_equal(mount_specs_parse(FIELD, texts, &s, &e), 0);
	assert_int_equal(s.count, MOUNTS_MAX);
	mount_specs_clear(&s);
	texts[MOUNTS_MAX] = xstrdup("/a:/one/more");
	assert_int_equal(mount_specs_parse(FIELD, texts, &s, &e), -EINVAL);
	assert_same_text(e.value, "/a:/one/more");
	assert_same_text(e.message, "there are more than 32 mounts");
	for (int i = 0; i <= MOUNTS_MAX; i++)
		free(texts[i]);
}

/* The longest path that is one, and one more byte; errors show the beginning. */
static void bounds_their_length(void **state _unused_)
{
	_cleanup_free_ char *path = xcalloc(MOUNT_PATH_MAX + 1, 1), *text = NULL;
	_cleanup_specs_ struct mount_specs s = { 0 };
	_cleanup_err_ struct err e = { 0 };

	memset(path, 'a', MOUNT_PATH_MAX);
	path[0] = '/';
	text = xasprintf("/a:%s", path);
	assert_int_equal(mount_specs_parse(FIELD, TEXTS(text), &s, &e), -EINVAL);
	assert_same_text(e.message, "the destination is longer than 4095 bytes");
	assert_int_equal(strlen(e.value), 256 + strlen("…"));
	assert_int_equal(strncmp(e.value, text, 256), 0);
	path[MOUNT_PATH_MAX - 1] = '\0';
	free(text);
	text = xasprintf("%s:%s", path, path);
	assert_int_equal(mount_specs_parse(FIELD, TEXTS(text), &s, NULL), 0);
	assert_same_text(s.list[0].target, path);
}

static void knows_what_lies_in_what(void **state _unused_)
{
	assert_true(mount_path_is_in("/a", "/"));
	assert_true(mount_path_is_in("/", "/"));
	assert_true(mount_path_is_in("/a", "/a"));
	assert_true(mount_path_is_in("/a/b", "/a"));
	assert_false(mount_path_is_in("/ab", "/a"));
	assert_false(mount_path_is_in("/a", "/a/b"));
	assert_false(mount_path_is_in("/", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_right),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(refuses_what_hides_another),
		cmocka_unit_test(bounds_their_number),
		cmocka_unit_test(bounds_their_length),
		cmocka_unit_test(knows_what_lies_in_what),
	};

	return RUN_TESTS("mount-spec", tests);
}
