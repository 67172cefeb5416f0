/* Stages, in a mount namespace of the test's own, entered from another. Needs root. */
#include "awfd/mount-stage.h"

#include <signal.h>

#include "awfd/mount-namespace.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/engine-mounts.h"

#define STAGE ENGINE_STAGE

static int setup(void **state)
{
	*state = engine_mounts_new();
	return 0;
}

static int teardown(void **state)
{
	engine_mounts_free(*state);
	return 0;
}

static void enters_and_comes_back(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(
		there(n, "grep -q ' " ENGINE_ROOT " .* tmpfs engine' /proc/self/mountinfo"), 0);
	assert_int_equal(system("! grep -q ' tmpfs engine' /proc/self/mountinfo"), 0);
	assert_int_equal(there(n, "exit 7"), 7);
	assert_int_equal(mount_namespace_of_engine("/nowhere/engine.sock", &e), -ENOENT);
	assert_text_contains(e.message, "cannot connect to the engine at /nowhere/engine.sock");
}

static int fail_there(void *userdata, struct err *e)
{
	return userdata ? err_invalid(e, "field", "value", "reason %d", 1)
			: err_set(e, -EDOM, ERR_SYSTEM, "as asked");
}

static int die_there(void *userdata _unused_, struct err *e _unused_)
{
	raise(SIGKILL);
	return 0;
}

static void brings_errors_back(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(mount_namespace_call(n->pidfd, fail_there, n, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
	assert_same_text(e.subject, "field");
	assert_same_text(e.value, "value");
	assert_same_text(e.message, "reason 1");
	assert_int_equal(mount_namespace_call(n->pidfd, fail_there, NULL, &e), -EDOM);
	assert_same_text(e.message, "as asked");
	assert_int_equal(mount_namespace_call(n->pidfd, die_there, NULL, &e), -EIO);
	assert_text_contains(e.message, "ended without a word");
	assert_true(mount_namespace_call(-EBADF, fail_there, NULL, &e) < 0);
	assert_text_contains(e.message, "cannot enter the engine's mount namespace");
}

/* Makes the stage, of which the sources are opened by the test itself, and may be below roots. */
static int make_below(const struct engine_mounts *n, const char *roots, struct mount_stage *s,
		      struct err *e)
{
	static const struct policy_place place = { "Policy", "awfd.conf", 1 };
	static const struct peer root = { .pidfd = -EBADF };
	_cleanup_(policy_rules_freep) struct policy_rules *rules = policy_rules_new();
	_cleanup_(policy_freep) struct policy *policy = NULL;
	const struct mount_specs *specs = s->specs;
	int fds[MOUNT_LIST_MAX], r;

	assert_int_equal(policy_rules_set(rules, &place, "MountRoots", roots, NULL), 0);
	assert_int_equal(policy_of_peer(rules, NULL, &root, &policy, NULL), 0);
	s->policy = policy;
	s->fds = fds;
	for (size_t i = 0; i < specs->count; i++)
		fds[i] = specs->list[i].source ? open_there(n, specs->list[i].source) : -EBADF;
	r = mount_stage_make(s, e);
	for (size_t i = 0; i < specs->count; i++)
		fd_close(fds[i]);
	return r;
}

/* Stages these, of which the sources are opened by the test itself, if they are below the roots. */
static int stage_below(const struct engine_mounts *n, const char *roots, char *const *texts,
		       char *const *kept, struct err *e)
{
	_cleanup_(engine_staging_clear) struct engine_staging staging = { 0 };

	return stage_there(n, &(struct engine_stage){ roots, texts, kept }, &staging, e);
}

static int stage(const struct engine_mounts *n, char *const *texts, char *const *kept,
		 struct err *e)
{
	return stage_below(n, "/:rw", texts, kept, e);
}

#define STAGE_ALL(n, e, ...) stage((n), (char *const[]){ __VA_ARGS__, NULL }, NULL, (e))

/* A link of the user's does not lead past the operator's roots. */
static void asks_the_policy(void **state)
{
	char *const texts[] = { (char *)ENGINE_ROOT "/inside/link:/work:ro", NULL };
	struct engine_mounts *n = *state;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(there(n, "cd " ENGINE_ROOT " && mkdir inside outside && "
				  "ln -s ../outside inside/link"),
			 0);
	assert_true(stage_below(n, ENGINE_ROOT "/inside:rw", texts, NULL, &e) < 0);
	assert_int_equal(e.kind, ERR_PERMISSION_DENIED);
	assert_text_contains(e.value, "/outside");
	assert_int_equal(mount_stage_remove(STAGE, n->pidfd, NULL), 0);
	assert_int_equal(stage(n, texts, NULL, &e), 0);
	assert_int_equal(mount_stage_remove(STAGE, n->pidfd, NULL), 0);
}

static void stages_and_removes(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(there(n, "cd " ENGINE_ROOT " && mkdir dir && echo text >dir/file"), 0);
	if (STAGE_ALL(n, &e, (char *)ENGINE_ROOT "/dir:/a", (char *)ENGINE_ROOT "/dir/file:/b:ro"))
		fail_msg("%s", e.message);
	assert_int_equal(there(n, "cd " STAGE " && grep -q text 0/file && grep -q text 1 && "
				  "echo more >>0/file && ! (echo x >>1) 2>/dev/null"),
			 0);
	assert_int_equal(there(n, "grep -q ' " STAGE "/0 rw,nosuid,nodev' /proc/self/mountinfo && "
				  "grep -q ' " STAGE "/1 ro,nosuid,nodev' /proc/self/mountinfo && "
				  "! grep -q ' " STAGE ".* shared:' /proc/self/mountinfo"),
			 0);
	assert_int_equal(there(n, "test \"$(stat -c %%a " STAGE ")\" = 700"), 0);
	/* what took a mount from it keeps it */
	assert_int_equal(there(n, "mkdir " ENGINE_ROOT "/taken && mount --bind " STAGE
				  "/0 " ENGINE_ROOT "/taken"),
			 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mount_stage_remove(STAGE, n->pidfd, &e), 0);
		assert_int_equal(there(n, "test ! -e " STAGE), 0);
	}
	assert_int_equal(there(n, "! grep -q ' " STAGE "' /proc/self/mountinfo"), 0);
	assert_int_equal(there(n, "grep -q more " ENGINE_ROOT "/taken/file"), 0);
}

/* As after an awfd that was killed, twice. */
static void removes_what_lies_over_one_another(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(there(n, "mkdir " ENGINE_ROOT "/dir"), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(STAGE_ALL(n, &e, (char *)ENGINE_ROOT "/dir:/a"), 0);
	assert_int_equal(mount_stage_remove(STAGE, n->pidfd, &e), 0);
	assert_int_equal(
		there(n, "! grep -q ' " STAGE "' /proc/self/mountinfo && test ! -e " STAGE), 0);
}

static void refuses_before_it_stages(void **state)
{
	static const struct {
		const char *spec, *reason;
	} rows[] = {
		{ "/proc:/x:ro", "is in /proc, which is never mounted" },
		{ "/dev/null:/x:ro", "is in /dev, which is never mounted" },
		{ ENGINE_ROOT "/out:/x", "has another mount in it, at " ENGINE_ROOT "/out/in" },
		{ ENGINE_ROOT "/out/in:/x", "is on a filesystem of type proc" },
		{ ENGINE_ROOT "/kept/in:/x", "is in " ENGINE_ROOT "/kept, which is never mounted" },
	};
	/* a link to it, as /var/run is one to /run */
	char *const kept[] = { (char *)ENGINE_ROOT "/link", (char *)"/nowhere", NULL };
	struct engine_mounts *n = *state;

	assert_int_equal(there(n, "cd " ENGINE_ROOT
				  " && mkdir -p good kept/in out/in && ln -s kept link"
				  " && mount -t proc proc out/in"),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_err_ struct err e = { 0 };
		char *const texts[] = { (char *)ENGINE_ROOT "/good:/good", (char *)rows[i].spec,
					NULL };

		assert_row(rows[i].spec, stage(n, texts, kept, &e) == -EINVAL);
		assert_same_text(e.subject, "mounts");
		assert_same_text(e.value, rows[i].spec);
		assert_text_contains(e.message, rows[i].reason);
		assert_int_equal(there(n, "test ! -e " STAGE), 0);
	}
}

/* A user may have the helper pass on what it would not. */
static void believes_no_descriptor(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(there(n, "mkfifo " ENGINE_ROOT "/fifo"), 0);
	assert_int_equal(STAGE_ALL(n, &e, (char *)ENGINE_ROOT "/fifo:/x"), -EINVAL);
	assert_same_text(e.message, "is neither a directory nor a regular file");
	assert_int_equal(mount_stage_remove(STAGE, n->pidfd, &e), 0);
	assert_int_equal(there(n, "test ! -e " STAGE), 0);
}

/* One of awfd's own, as if the host had it at `path`. */
static void put_own(struct mount_specs *specs, const char *source, const char *target)
{
	const struct mount_spec own = { .kind = MOUNT_VIEW, .optional = true };
	struct mount_spec *spec;

	assert_null(mount_specs_put(specs, &own, target));
	spec = &specs->list[specs->count - 1];
	free(TAKE_PTR(spec->source));
	spec->source = xstrdup(source);
}

/* awfd's own, with what lies in them; what is mounted in them on the host is hidden, and what has
 * no place is left out or refused. */
static int stage_view(const struct engine_mounts *n, struct mount_specs *specs, struct err *e)
{
	static const struct host_view_user user = { "me", 1000, 1000, NULL, "/home/me" };
	struct mount_stage s = {
		.directory = STAGE, .mounts = n->pidfd, .specs = specs, .user = &user
	};

	return make_below(n, "/:rw", &s, e);
}

static void completes_awfds_own(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(there(n, "cd " ENGINE_ROOT " && mkdir -p view/in view/place other work && "
				  "echo tool >view/tool && echo beneath >view/in/file && "
				  "mount -t tmpfs in view/in && echo mounted >view/in/file && "
				  "ln -s other view/link && echo one >one && echo its >work/file"),
			 0);
	assert_int_equal(
		mount_specs_parse("mounts",
				  (char *const[]){ (char *)ENGINE_ROOT "/work:/view/place", NULL },
				  &specs, NULL),
		0);
	put_own(&specs, ENGINE_ROOT "/view", "/view");
	put_own(&specs, ENGINE_ROOT, "/etc");
	free(TAKE_PTR(specs.list[2].source));
	put_own(&specs, ENGINE_ROOT "/one", "/etc/sub/one");
	put_own(&specs, ENGINE_ROOT "/other", "/view/link");
	put_own(&specs, "/proc", "/proc-of-host");
	if (stage_view(n, &specs, &e) < 0)
		fail_msg("%s", e.message);
	assert_int_equal(there(n, "cd " STAGE "/1 && grep -q tool tool && test -d in && "
				  "! test -e in/file && grep -q its place/file && "
				  "echo more >>place/file && ! touch new 2>/dev/null"),
			 0);
	assert_int_equal(there(n, "cd " STAGE "/2 && grep -q ^me:x:1000 passwd && "
				  "grep -q one sub/one && ! touch new passwd sub/new 2>/dev/null"),
			 0);
	assert_null(specs.list[0].missing);
	assert_null(specs.list[1].missing);
	assert_text_contains(specs.list[4].missing,
			     "has no place to be mounted at in the host's /view");
	assert_text_contains(specs.list[5].missing, "is in /proc, which is never mounted");
	assert_int_equal(there(n, "test ! -e " STAGE "/0 && test ! -e " STAGE "/5"), 0);
	assert_int_equal(mount_stage_remove(STAGE, n->pidfd, NULL), 0);
	assert_int_equal(
		there(n, "! grep -q ' " STAGE "' /proc/self/mountinfo && test ! -e " STAGE), 0);
}

static void refuses_what_has_no_place(void **state)
{
	struct engine_mounts *n = *state;
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };
	_cleanup_err_ struct err e = { 0 };
	char *const asked[] = { (char *)ENGINE_ROOT "/work:/view/none", NULL };

	assert_int_equal(there(n, "cd " ENGINE_ROOT " && mkdir view work"), 0);
	assert_int_equal(mount_specs_parse("mounts", asked, &specs, NULL), 0);
	put_own(&specs, ENGINE_ROOT "/view", "/view");
	assert_int_equal(stage_view(n, &specs, &e), -EINVAL);
	assert_same_text(e.subject, "mounts");
	assert_same_text(e.value, asked[0]);
	assert_text_contains(e.message, "has no place to be mounted at in the host's /view");
	assert_int_equal(mount_stage_remove(STAGE, n->pidfd, NULL), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(enters_and_comes_back),
		TEST(brings_errors_back),
		TEST(stages_and_removes),
		TEST(asks_the_policy),
		TEST(removes_what_lies_over_one_another),
		TEST(refuses_before_it_stages),
		TEST(believes_no_descriptor),
		TEST(completes_awfds_own),
		TEST(refuses_what_has_no_place),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root: it makes mount namespaces\n");
		return 0;
	}
	return RUN_TESTS("mount-stage", tests);
}
