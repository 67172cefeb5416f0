/* awf-mount-open, started as whoever runs this: what it opens, what it refuses, and what is made of
 * helpers that say something else. */
#include "awfd/mount-open.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/program.h"

#define NOBODY 65534

struct world {
	struct event_base *base;
	char *scratch;
	struct peer user;
	const struct mount_specs *specs; /* that are asked for */
	unsigned told;
	struct err error;
	char *content[MOUNTS_MAX]; /* of the file "file", or of what was opened itself */
};

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->base = event_base_new();
	w->scratch = scratch_new();
	w->user = (struct peer){ .uid = geteuid(), .gid = getegid() };
	*state = w;
	return 0;
}

static void forget(struct world *w)
{
	err_clear(&w->error);
	for (size_t i = 0; i < MOUNTS_MAX; i++)
		free(TAKE_PTR(w->content[i]));
	w->told = 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	forget(w);
	event_base_free(w->base);
	scratch_freep(&w->scratch);
	free(w);
	return 0;
}

/* What is behind the descriptor, through which alone it is found. */
static char *content_of(int fd)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);
	_cleanup_free_ char *in = xasprintf("%s/file", path);
	char *text = NULL;

	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_PATH);
	if (file_read(in, 100, &text, NULL, NULL) < 0 &&
	    file_read(path, 100, &text, NULL, NULL) < 0)
		fail_msg("%s: not to be read", path);
	return text;
}

static void on_opened(const int *fds, const struct err *e, void *userdata)
{
	struct world *w = userdata;

	w->told++;
	if (e)
		err_copy(&w->error, e);
	for (size_t i = 0; fds && i < w->specs->count; i++)
		w->content[i] = fds[i] < 0 ? NULL : content_of(fds[i]);
	event_base_loopbreak(w->base);
}

/* Asks a helper for these mounts, in the scratch directory, and waits for its answer. */
static int ask(struct world *w, const char *helper, char *const *texts)
{
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };
	_cleanup_free_ char *path = *helper == '/' ? xstrdup(helper) : program_path(helper);
	struct mount_open_ask about = {
		.path = path, .user = &w->user, .mounts = -EBADF, .specs = &specs
	};
	struct mount_open *m;
	int r = mount_specs_parse("mounts", texts, &specs, &w->error);

	if (r == 0)
		r = mount_open_start(w->base, &about, on_opened, w, &m, &w->error);
	if (r < 0)
		fail_msg("%s", w->error.message);
	w->specs = &specs;
	event_base_dispatch(w->base);
	assert_int_equal(w->told, 1);
	return w->error.error;
}

#define ASK(w, ...) ask((w), "awf-mount-open", (char *const[]){ __VA_ARGS__, NULL })

static char *make(struct world *w, const char *name, const char *mode)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", w->scratch, name);
	char *spec = xasprintf("%s:/%s/to:%s", path, name, mode);

	if (strcmp(name, "file") == 0)
		assert_int_equal(file_write_atomic(path, 0644, "text", 4, NULL), 0);
	else if (strncmp(name, "dir", 3) == 0)
		assert_int_equal(mkdir(path, 0755), 0);
	else if (strcmp(name, "fifo") == 0)
		assert_int_equal(mkfifo(path, 0666), 0);
	else if (strcmp(name, "link") == 0)
		assert_int_equal(symlink("file", path), 0);
	else if (strcmp(name, "loop") == 0)
		assert_int_equal(symlink("loop", path), 0);
	return spec;
}

static void opens_what_it_may(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "rw"), *link = make(w, "link", "ro");
	_cleanup_free_ char *directory = xasprintf("%s:/dir", w->scratch);

	assert_int_equal(ASK(w, file, link, directory), 0);
	for (int i = 0; i < 3; i++)
		assert_same_text(w->content[i], "text");
	assert_null(w->content[3]);
}

/* An optional one is gone on after, with the reason; what awfd makes is nobody's to open. */
static void leaves_out_what_it_may(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "ro"), *none = make(w, "none", "ro");
	_cleanup_free_ char *path = program_path("awf-mount-open");
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };
	struct mount_open_ask about = {
		.path = path, .user = &w->user, .mounts = -EBADF, .specs = &specs
	};
	struct mount_open *m;

	assert_int_equal(mount_specs_parse("mounts",
					   (char *const[]){ (char *)"/x:/made", none, file,
							    (char *)"/x:/also-made", NULL },
					   &specs, NULL),
			 0);
	free(TAKE_PTR(specs.list[0].source));
	specs.list[1].optional = true;
	free(TAKE_PTR(specs.list[3].source));
	assert_int_equal(mount_open_start(w->base, &about, on_opened, w, &m, NULL), 0);
	w->specs = &specs;
	event_base_dispatch(w->base);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->error.error, 0);
	assert_same_text(specs.list[1].missing, "is not there on this host");
	assert_null(specs.list[2].missing);
	assert_same_text(w->content[2], "text");
}

static void names_what_it_may_not(void **state)
{
	static const struct {
		const char *name, *reason;
	} rows[] = {
		{ "none", "is not there on this host" },
		{ "fifo", "is neither a directory nor a regular file" },
		{ "loop", "has too many links, or one of /proc, on its way: "
			  "give the path they lead to" },
		{ "file/below", "leads through something that is no directory" },
	};
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "ro");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *spec = make(w, rows[i].name, "ro");

		forget(w);
		assert_row(rows[i].name, ASK(w, file, spec) == -EINVAL);
		assert_same_text(w->error.subject, "mounts");
		assert_same_text(w->error.value, spec);
		assert_same_text(w->error.message, rows[i].reason);
		assert_null(w->content[0]);
	}
}

static void follows_no_link_of_proc(void **state)
{
	struct world *w = *state;
	static char *const specs[] = { (char *)"/proc/self/root/etc:/x:ro",
				       (char *)"/proc/self/cwd:/x:ro",
				       (char *)"/proc/self/fd/1:/x:ro" };

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		forget(w);
		assert_row(specs[i], ASK(w, specs[i]) == -EINVAL);
		assert_text_contains(w->error.message, "one of /proc");
	}
}

/* As a user that root is not: his groups count, root's rights don't. */
static void has_the_users_rights(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "ro"), *written = NULL, *path = NULL;
	gid_t groups[] = { 70001 };

	if (geteuid() != 0)
		skip();
	written = xasprintf("%s/file:/x:rw", w->scratch);
	path = xasprintf("%s/file", w->scratch);
	w->user = (struct peer){ .uid = NOBODY, .gid = NOBODY };
	assert_int_equal(ASK(w, file), -EINVAL);
	assert_same_text(w->error.message, "you have no right to reach it");
	forget(w);
	assert_int_equal(chmod(w->scratch, 0711), 0);
	assert_int_equal(ASK(w, file), 0);
	forget(w);
	assert_int_equal(ASK(w, written), -EINVAL);
	assert_text_contains(w->error.message, "you may not write it: mount it read-only");
	forget(w);
	assert_int_equal(chown(path, 0, groups[0]), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(ASK(w, file), -EINVAL);
	assert_same_text(w->error.message, "you may not read it");
	forget(w);
	w->user.groups = groups;
	w->user.group_count = 1;
	assert_int_equal(ASK(w, file), 0);
}

/* Root without capabilities is one user of many. */
static void has_no_capabilities_as_root(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "ro"), *path = NULL;

	if (geteuid() != 0)
		skip();
	path = xasprintf("%s/file", w->scratch);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(ASK(w, file), 0);
	forget(w);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(ASK(w, file), -EINVAL);
	assert_same_text(w->error.message, "you may not read it");
}

static void believes_no_other_program(void **state)
{
	static const char *const programs[] = { "/bin/true", "/bin/echo", "/bin/cat" };
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "ro");

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		forget(w);
		assert_row(programs[i],
			   ask(w, programs[i], (char *const[]){ file, NULL }) == -EBADMSG);
		assert_same_text(w->error.message, "awf-mount-open ended without an answer");
	}
}

static void never_tells_when_given_up(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *file = make(w, "file", "ro"), *path = program_path("awf-mount-open");
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };
	struct mount_open_ask about = {
		.path = path, .user = &w->user, .mounts = -EBADF, .specs = &specs
	};
	struct mount_open *m;

	assert_int_equal(mount_specs_parse("mounts", (char *const[]){ file, NULL }, &specs, NULL),
			 0);
	assert_int_equal(mount_open_start(w->base, &about, on_opened, w, &m, NULL), 0);
	mount_open_cancel(m);
	event_base_dispatch(w->base);
	assert_int_equal(w->told, 0);
	mount_open_cancel(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opens_what_it_may),         TEST(leaves_out_what_it_may),
		TEST(names_what_it_may_not),     TEST(follows_no_link_of_proc),
		TEST(has_the_users_rights),      TEST(has_no_capabilities_as_root),
		TEST(believes_no_other_program), TEST(never_tells_when_given_up),
	};

	return RUN_TESTS("mount-open", tests);
}
