#include "common/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/check.h"

#define NOBODY      65534
#define PATIENCE_S  10 /* nothing here ever waits */
#define DEPTH       60
#define DEPTH_WRONG 70

static char *path_in(const char *directory, const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static unsigned count_entries(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, NULL);

	assert_true(n >= 2);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return (unsigned)n - 2;
}

static void assert_content(const char *path, const char *content)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (file_read(path, 1000, &text, NULL, &e) < 0)
		fail_msg("%s", e.message);
	assert_string_equal(text, content);
}

/* As a user that permissions apply to. */
static void become_nobody(void)
{
	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
}

static void become_self(void)
{
	assert_int_equal(seteuid(getuid()), 0);
}

/* --- Reading --------------------------------------------------------------------------------- */

static void test_read(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "file"), *text = NULL, *empty = NULL;
	_cleanup_err_ struct err e = { 0 };
	size_t length = 0;

	put(path, "");
	assert_int_equal(file_read(path, 0, &empty, &length, &e), 0);
	assert_string_equal(empty, "");
	assert_int_equal(length, 0);
	assert_int_equal(file_write_atomic(path, 0600, "a\0b", 3, &e), 0);
	assert_int_equal(file_read(path, 3, &text, &length, &e), 0); /* exactly the limit */
	assert_int_equal(length, 3);
	assert_memory_equal(text, "a\0b", 4); /* with its NUL */
}

/* A file of /proc says that it has no bytes: its limit counts all the same. */
static void test_read_without_size(void **state _unused_)
{
	_cleanup_free_ char *text = NULL, *more = NULL;
	_cleanup_err_ struct err e = { 0 };
	size_t length = 0;

	assert_int_equal(file_read("/proc/self/status", 64 * 1024, &text, &length, &e), 0);
	assert_true(length > 100);
	assert_int_equal(strlen(text), length);
	assert_text_contains(text, "Name:");
	assert_int_equal(file_read("/proc/self/status", 100, &more, NULL, &e), -EFBIG);
	assert_null(more);
}

/* Everything that is refused, relative to a directory in which all of it is made. */
static const struct {
	const char *name;
	size_t limit;
	int error;
	const char *reason;
} refusals[] = {
	{ "missing", 10, -ENOENT, ": No such file or directory" },
	{ "no/file", 10, -ENOENT, ": No such file or directory" },
	{ "file/below", 10, -ENOTDIR, ": Not a directory" },
	{ "dangling", 10, -ENOENT, ": No such file or directory" },
	{ "loop", 10, -ELOOP, ": Too many levels of symbolic links" },
	{ "directory", 10, -EINVAL, ": not a regular file" },
	{ "fifo", 10, -EINVAL, ": not a regular file" },
	{ "to-fifo", 10, -EINVAL, ": not a regular file" },
	{ "to-zero", 10, -EINVAL, ": not a regular file" },
	{ "to-null", 10, -EINVAL, ": not a regular file" },
	{ "socket", 10, -ENXIO, ": No such device or address" },
	{ "file", 4, -EFBIG, ": larger than 4 bytes" },
	{ "file", 0, -EFBIG, ": larger than 0 bytes" },
	{ "to-status", 10, -EFBIG, ": larger than 10 bytes" }, /* its size is said to be 0 */
};

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void make_refused(const char *directory)
{
	_cleanup_free_ char *file = path_in(directory, "file"),
			    *sub = path_in(directory, "directory"),
			    *fifo = path_in(directory, "fifo"),
			    *sock = path_in(directory, "socket");
	static const char *const links[][2] = {
		{ "missing", "dangling" },  { "loop", "loop" },
		{ "fifo", "to-fifo" },      { "/dev/zero", "to-zero" },
		{ "/dev/null", "to-null" }, { "/proc/self/status", "to-status" },
	};

	put(file, "12345");
	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	make_socket(sock);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		_cleanup_free_ char *link = path_in(directory, links[i][1]);

		assert_int_equal(symlink(links[i][0], link), 0);
	}
}

static void test_read_refusals(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();

	make_refused(d);
	alarm(PATIENCE_S);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_free_ char *path = path_in(d, refusals[i].name);
		_cleanup_free_ char *message = xasprintf("%s%s", path, refusals[i].reason);
		_cleanup_err_ struct err e = { 0 };
		char *text = "untouched";

		assert_row(refusals[i].name, file_read(path, refusals[i].limit, &text, NULL, &e) ==
						     refusals[i].error);
		assert_int_equal(e.error, refusals[i].error);
		assert_int_equal(e.kind, ERR_SYSTEM);
		assert_same_text(e.message, message);
		assert_same_text(text, "untouched");
	}
	alarm(0);
}

static void test_read_unreadable(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "file"), *message = NULL, *text = NULL;
	_cleanup_err_ struct err e = { 0 };
	int r;

	put(path, "secret");
	assert_int_equal(chmod(path, geteuid() == 0 ? 0600 : 0), 0);
	assert_int_equal(chmod(d, 0755), 0);
	become_nobody();
	r = file_read(path, 100, &text, NULL, &e);
	become_self();
	assert_int_equal(r, -EACCES);
	message = xasprintf("%s: Permission denied", path);
	assert_same_text(e.message, message);
}

/* --- Writing --------------------------------------------------------------------------------- */

static void test_write(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "file");
	_cleanup_err_ struct err e = { 0 };
	mode_t mask = umask(0077);
	struct stat st;

	assert_int_equal(file_write_atomic(path, 0644, "one", 3, &e), 0);
	umask(mask);
	assert_content(path, "one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644); /* whatever the umask */
	assert_int_equal(file_write_atomic(path, 0600, "two", 3, &e), 0);
	assert_content(path, "two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_write_atomic(path, 0600, "", 0, &e), 0);
	assert_content(path, "");
	assert_int_equal(count_entries(d), 1);
}

static void test_remove_atomic(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "file"), *unfinished = path_in(d, "file.tmp");
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(file_write_atomic(path, 0600, "one", 3, &e), 0);
	put(unfinished, "tw");
	assert_int_equal(file_remove_atomic(path, &e), 0);
	assert_int_equal(count_entries(d), 0);
	assert_int_equal(file_remove_atomic(path, &e), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_remove_atomic(path, &e), -EISDIR);
	assert_non_null(strstr(e.message, path));
}

/* Whoever has the old file open keeps it: it is replaced, not changed. */
static void test_write_replaces(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "file"), *target = path_in(d, "target"),
			    *link = path_in(d, "link");
	_cleanup_err_ struct err e = { 0 };
	_cleanup_close_ int old = -EBADF;
	char text[8] = "";

	put(path, "old");
	old = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_write_atomic(path, 0600, "new", 3, &e), 0);
	assert_int_equal(read(old, text, sizeof(text)), 3);
	assert_string_equal(text, "old");
	assert_content(path, "new");

	put(target, "kept");
	assert_int_equal(symlink("target", link), 0);
	assert_int_equal(file_write_atomic(link, 0600, "new", 3, &e), 0);
	assert_content(target, "kept");
	assert_content(link, "new");
}

static void test_write_relative(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "file"), *home = getcwd(NULL, 0);
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(chdir(d), 0);
	assert_int_equal(file_write_atomic("file", 0600, "x", 1, &e), 0);
	assert_int_equal(chdir(home), 0);
	assert_content(path, "x");
}

static void test_write_failures(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *sub = path_in(d, "sub"), *missing = path_in(d, "missing/file"),
			    *path = path_in(d, "file"), *temporary = path_in(d, "file.tmp"),
			    *target = path_in(d, "target"), *message = NULL;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(file_write_atomic(sub, 0600, "x", 1, &e), -EISDIR);
	message = xasprintf("cannot write %s: Is a directory", sub);
	assert_same_text(e.message, message);
	assert_int_equal(count_entries(d), 1);
	assert_int_equal(file_write_atomic(missing, 0600, "x", 1, &e), -ENOENT);

	/* The temporary name leads elsewhere: not followed, and the old file stays. */
	put(path, "old");
	put(target, "kept");
	assert_int_equal(symlink("target", temporary), 0);
	assert_int_equal(file_write_atomic(path, 0600, "new", 3, &e), -ELOOP);
	assert_content(path, "old");
	assert_content(target, "kept");
}

/* --- Directories ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int error;
} directories[] = {
	{ "new", 0 },
	{ "new", 0 },
	{ "directory", 0 },
	{ "file", -ENOTDIR },
	{ "dangling", -ENOTDIR },
	{ "missing/sub", -ENOENT },
	{ "file/sub", -ENOTDIR },
};

static void test_mkdir(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();

	make_refused(d);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = path_in(d, directories[i].name);
		_cleanup_err_ struct err e = { 0 };

		assert_row(directories[i].name, file_mkdir(path, 0711, &e) == directories[i].error);
		if (e.error)
			assert_text_contains(e.message, path);
	}
}

/* awfd's own is tight; what it makes for sidecars and owners is to have the mode it asked for. */
static void test_mkdir_despite_umask(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *path = path_in(d, "open");
	_cleanup_err_ struct err e = { 0 };
	mode_t mask = umask(0077);
	struct stat st;
	int r = file_mkdir(path, 0711, &e);

	(void)umask(mask);
	assert_int_equal(r, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
}

static void test_remove_tree(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new(), *outside = scratch_new();
	_cleanup_free_ char *tree = path_in(d, "tree"), *sub = path_in(d, "tree/sub"),
			    *link = path_in(d, "tree/sub/link"), *up = path_in(d, "tree/up"),
			    *kept = path_in(outside, "kept");
	_cleanup_err_ struct err e = { 0 };

	put(kept, "kept");
	assert_int_equal(mkdir(tree, 0755), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	make_refused(tree);
	make_refused(sub);
	assert_int_equal(symlink(outside, link), 0);
	assert_int_equal(symlink("..", up), 0);
	assert_int_equal(file_remove_tree(tree, &e), 0);
	assert_false(exists(tree));
	assert_content(kept, "kept");
	assert_int_equal(file_remove_tree(tree, &e), 0); /* "not there" is success */
}

static void test_remove_what_is_no_tree(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new(), *outside = scratch_new();
	_cleanup_free_ char *file = path_in(d, "file"), *link = path_in(d, "link"),
			    *kept = path_in(outside, "kept"), *below = path_in(d, "file/below"),
			    *missing = path_in(d, "missing/tree");
	_cleanup_err_ struct err e = { 0 };

	put(kept, "kept");
	put(file, "x");
	assert_int_equal(symlink(outside, link), 0);
	assert_int_equal(file_remove_tree(link, &e), 0);
	assert_false(exists(link));
	assert_content(kept, "kept");
	assert_int_equal(file_remove_tree(missing, &e), 0);
	assert_int_equal(file_remove_tree(below, &e), -ENOTDIR);
	assert_int_equal(file_remove_tree(file, &e), 0);
	assert_false(exists(file));
}

static void make_deep(const char *directory, unsigned depth)
{
	_cleanup_free_ char *home = getcwd(NULL, 0);

	assert_int_equal(chdir(directory), 0);
	for (unsigned i = 0; i < depth; i++) {
		assert_int_equal(mkdir("d", 0755), 0);
		assert_int_equal(chdir("d"), 0);
	}
	assert_int_equal(chdir(home), 0);
}

static void test_remove_deep(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *tree = path_in(d, "d"), *inner = path_in(d, "d/d/d/d/d/d/d/d/d/d");
	_cleanup_err_ struct err e = { 0 };

	make_deep(d, DEPTH);
	assert_int_equal(file_remove_tree(tree, &e), 0);
	make_deep(d, DEPTH_WRONG);
	assert_int_equal(file_remove_tree(tree, &e), -ELOOP);
	assert_int_equal(file_remove_tree(inner, &e), 0);
}

static void test_remove_forbidden(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *sub = path_in(d, "sub"), *file = path_in(d, "sub/file"),
			    *message = NULL;
	_cleanup_err_ struct err e = { 0 };
	int r;

	assert_int_equal(mkdir(sub, 0755), 0);
	put(file, "x");
	assert_int_equal(chmod(sub, 0555), 0);
	assert_int_equal(chmod(d, 0755), 0);
	become_nobody();
	r = file_remove_tree(sub, &e);
	become_self();
	assert_int_equal(r, -EACCES);
	message = xasprintf("cannot remove %s: Permission denied", sub);
	assert_same_text(e.message, message);
	assert_content(file, "x");
	assert_int_equal(chmod(sub, 0755), 0);
}

/* In a mount namespace of its own: 0 when the mount and what is in it survived, 1 when not, 2 when
 * nothing can be mounted here. */
static int remove_around_mount(const char *tree, const char *at, const char *outside,
			       const char *kept)
{
	int r;

	if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(outside, at, NULL, MS_BIND, NULL) < 0)
		return 2;
	r = file_remove_tree(tree, NULL);
	return r == -EBUSY && exists(kept) && file_remove_tree(at, NULL) == -EBUSY && exists(kept)
		       ? 0
		       : 1;
}

/* A bind mount of the same filesystem can't be told by its device. */
static void test_remove_mount(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new(), *outside = scratch_new();
	_cleanup_free_ char *tree = path_in(d, "tree"), *at = path_in(d, "tree/mounted"),
			    *kept = path_in(outside, "kept");
	int status;
	pid_t pid;

	put(kept, "kept");
	assert_int_equal(mkdir(tree, 0755), 0);
	assert_int_equal(mkdir(at, 0755), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(remove_around_mount(tree, at, outside, kept));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2) {
		print_message("# test_remove_mount: this user may not mount here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_content(kept, "kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_without_size),
		cmocka_unit_test(test_read_refusals),
		cmocka_unit_test(test_read_unreadable),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_remove_atomic),
		cmocka_unit_test(test_write_replaces),
		cmocka_unit_test(test_write_relative),
		cmocka_unit_test(test_write_failures),
		cmocka_unit_test(test_mkdir),
		cmocka_unit_test(test_mkdir_despite_umask),
		cmocka_unit_test(test_remove_tree),
		cmocka_unit_test(test_remove_what_is_no_tree),
		cmocka_unit_test(test_remove_deep),
		cmocka_unit_test(test_remove_forbidden),
		cmocka_unit_test(test_remove_mount),
	};

	return RUN_TESTS("file", tests);
}
