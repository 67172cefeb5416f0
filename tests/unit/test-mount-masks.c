/* Credentials in staged mounts, found by awf-mount-masks as another user and covered, in a mount
 * namespace of the test's own. Needs root. */
#include "awfd/mount-masks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "awfd/broker.h"
#include "awfd/mount-stage.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/engine-mounts.h"
#include "tests/unit/program.h"

#define USER   65533
#define SECRET "s3cr3t"
#define HOME   ENGINE_ROOT "/lair/u" /* a home by what passwd says of the user alone */

struct world {
	struct event_base *base;
	struct engine_mounts *engine;
	struct peer user;
	unsigned told;
	struct err error;
	const char *meanwhile; /* a command there, between staging and looking */
	size_t masked;
	char *named[MOUNTS_MAX];
};

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->base = event_base_new();
	w->engine = engine_mounts_new();
	w->user = (struct peer){ .uid = USER, .gid = USER };
	assert_int_equal(there(w->engine,
			       "mkdir -p " HOME "/work && cd " HOME " && "
			       "echo 'x:x:%d:%d::" HOME ":/bin/sh' >../passwd && "
			       "mount --bind ../passwd /etc/passwd && echo open >work/file && "
			       "chown -R %d .",
			       USER, USER, USER),
			 0);
	*state = w;
	return 0;
}

static void forget(struct world *w)
{
	err_clear(&w->error);
	for (size_t i = 0; i < MOUNTS_MAX; i++)
		free(TAKE_PTR(w->named[i]));
	w->told = 0;
	w->masked = 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	forget(w);
	engine_mounts_free(w->engine);
	event_base_free(w->base);
	free(w);
	return 0;
}

/* A secret of the user's, in the home or at an absolute path. */
static void hide(const struct world *w, const char *path)
{
	if (there(w->engine,
		  "cd " HOME " && mkdir -p \"$(dirname '%s')\" && echo " SECRET " >'%s' && "
		  "chown -R %d \"$(dirname '%s')\"",
		  path, path, USER, path) != 0)
		fail_msg("%s: not made", path);
}

static void on_found(const struct mount_masks_found *found, const struct err *e, void *userdata)
{
	struct world *w = userdata;
	struct mount_masks_cover all = { .directory = ENGINE_STAGE,
					 .mounts = w->engine->pidfd,
					 .found = found };

	w->told++;
	if (e) {
		err_copy(&w->error, e);
	} else if (mount_masks_cover(&all, &w->error) == 0) {
		w->masked = found->count;
		for (size_t i = 0; i < MOUNTS_MAX; i++)
			w->named[i] = xstrdup(found->named[i]);
	}
	event_base_loopbreak(w->base);
}

static struct mount_masks_ask ask_for(const struct world *w, const struct engine_staging *staging,
				      const char *program)
{
	return (struct mount_masks_ask){ .path = program,
					 .user = &w->user,
					 .mounts = w->engine->pidfd,
					 .specs = &staging->specs,
					 .fds = staging->fds,
					 .roots = staging->roots };
}

/* Has the program in the place of awf-mount-masks, whose path this is. The caller owns it. */
static char *take_place(const struct world *w, const char *program)
{
	char *place = xasprintf("%s/awf-mount-masks", w->engine->scratch);

	(void)unlink(place);
	assert_int_equal(symlink(program, place), 0);
	broker_use(NULL, w->engine->scratch);
	return place;
}

/* Stages these mounts and has their credentials masked; 0 or the error. */
static int mask_with(struct world *w, const char *helper, char *const *texts)
{
	_cleanup_(engine_staging_clear) struct engine_staging staging = { 0 };
	_cleanup_free_ char *program = *helper == '/' ? xstrdup(helper) : program_path(helper);
	_cleanup_free_ char *path = take_place(w, program);
	struct mount_masks_ask ask = ask_for(w, &staging, path);
	struct engine_stage what = { .mount_roots = "/:rw", .texts = texts };
	struct mount_masks *m;

	if (stage_there(w->engine, &what, &staging, &w->error) < 0)
		fail_msg("%s", w->error.message);
	staging.staged = false; /* its roots are taken over */
	if (w->meanwhile)
		assert_int_equal(there(w->engine, "%s", w->meanwhile), 0);
	if (mount_masks_start(w->base, &ask, on_found, w, &m, &w->error) < 0)
		fail_msg("%s", w->error.message);
	event_base_dispatch(w->base);
	assert_int_equal(w->told, 1);
	return w->error.error;
}

#define MASK(w, ...) mask_with((w), "awf-mount-masks", (char *const[]){ __VA_ARGS__, NULL })

static void unstage(const struct world *w)
{
	assert_int_equal(mount_stage_remove(ENGINE_STAGE, w->engine->pidfd, NULL), 0);
	assert_int_equal(there(w->engine, "! grep -q ' " ENGINE_STAGE "' /proc/self/mountinfo"), 0);
}

/* What of the secret the stage shows. */
static bool shows(const struct world *w)
{
	return there(w->engine, "grep -rqs " SECRET " " ENGINE_STAGE) == 0;
}

static void masks_files_and_directories(void **state)
{
	struct world *w = *state;

	hide(w, ".ssh/id_ed25519");
	hide(w, ".netrc");
	hide(w, ".config/gh/hosts.yml");
	assert_int_equal(MASK(w, (char *)HOME ":/a"), 0);
	assert_int_equal(w->masked, 3);
	assert_int_equal(
		there(w->engine,
		      "cd " ENGINE_STAGE "/0 && cat .netrc && test ! -s .netrc && "
		      "test -z \"$(ls -A .ssh .config/gh | grep -v :)\" && grep -q open work/file"),
		0);
	assert_false(shows(w));
	/* nobody changes a mask, and what is beside it is as it was */
	assert_int_equal(there(w->engine,
			       "cd " ENGINE_STAGE "/0 && ! (echo x >.netrc) 2>/dev/null && "
			       "! touch .ssh/x 2>/dev/null && echo new >work/new && "
			       "grep -q " SECRET " " HOME "/.netrc " HOME "/.ssh/id_ed25519"),
			 0);
	assert_int_equal(there(w->engine,
			       "grep -q ' " ENGINE_STAGE "/0/.ssh ro,nosuid,nodev,noexec' "
			       "/proc/self/mountinfo"),
			 0);
	unstage(w);
}

/* What the engine takes has them, too, and they move with what is moved. */
static void masks_stay_with_what_was_taken(void **state)
{
	struct world *w = *state;

	hide(w, ".config/gh/hosts.yml");
	hide(w, ".netrc");
	assert_int_equal(MASK(w, (char *)HOME ":/a"), 0);
	assert_int_equal(there(w->engine,
			       "mkdir " ENGINE_ROOT "/taken && mount --rbind " ENGINE_STAGE
			       "/0 " ENGINE_ROOT "/taken"),
			 0);
	unstage(w);
	assert_int_equal(there(w->engine,
			       "cd " ENGINE_ROOT "/taken && mv .config moved && "
			       "! rm -r moved/gh 2>/dev/null && ! mv .netrc x 2>/dev/null && "
			       "! ln .netrc x 2>/dev/null && test -e work/file && "
			       "! grep -rqs " SECRET " ."),
			 0);
	assert_int_equal(there(w->engine, "grep -q " SECRET " " HOME "/moved/gh/hosts.yml"), 0);
}

static void masks_whatever_is_mounted(void **state)
{
	static const struct {
		const char *path;    /* of the secret, in the home unless it is absolute */
		const char *mounted; /* likewise */
		bool masked;
	} rows[] = {
		{ ".aws/sso/cache/token.json", "", true },
		{ ".config/gh/hosts.yml", ".config", true },
		{ ".local/share/keyrings/login", ".local", true },
		{ ".local/share/keyrings/login", ".local/share", true },
		{ ".cargo/credentials.toml", ".cargo", true },
		{ ".netrc", "..", true },
		{ ".npmrc", "..", true },
		/* in a home alone */
		{ ".npmrc", "", true },
		{ "work/.npmrc", "", false },
		{ "work/.npmrc", "work", false },
		{ "work/.ssh/id_rsa", "work", true },
		{ "work/.env", "work", false },
		/* other homes, by the name of what they are in */
		{ ENGINE_ROOT "/home/v/.npmrc", ENGINE_ROOT "/home", true },
		{ ENGINE_ROOT "/home/v/.npmrc", ENGINE_ROOT "/home/v", true },
		{ ENGINE_ROOT "/x/users/v/.npmrc", ENGINE_ROOT "/x", true },
		{ ENGINE_ROOT "/x/others/v/.npmrc", ENGINE_ROOT "/x", false },
		/* a runner of GitHub Actions */
		{ "runner-1/.credentials_rsaparams", "", true },
		{ "runner-1/.credentials_rsaparams", "runner-1", true },
		{ "runner-1/_work/_temp/git-credentials-4f.config", "", true },
		{ "runner-1/_work/_temp/git-credentials-4f.config", "runner-1", true },
		{ "runner-1/_work/_temp/git-credentials-4f.config", "runner-1/_work", true },
		{ "runner-1/_work/_temp/git-credentials-4f.config", "runner-1/_work/_temp", true },
		{ "runner-1/_work/_temp/prompt.txt", "runner-1/_work", false },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *mounted = rows[i].mounted;
		_cleanup_free_ char *source = *mounted == '/' ? xstrdup(mounted)
					      : strcmp(mounted, "..") == 0
						      ? xstrdup(ENGINE_ROOT "/lair")
						      : xasprintf(HOME "/%s", mounted);
		_cleanup_free_ char *spec = xasprintf("%s:/a", source);

		hide(w, rows[i].path);
		forget(w);
		assert_row(rows[i].path, MASK(w, spec) == 0);
		if ((w->masked > 0) != rows[i].masked || shows(w) == rows[i].masked)
			fail_msg("%s in %s: %zu masked", rows[i].path, source, w->masked);
		unstage(w);
		assert_int_equal(
			there(w->engine,
			      "rm -rf " ENGINE_ROOT "/home " ENGINE_ROOT "/x && find " HOME
			      " -mindepth 1 ! -path '*/work' ! -path '*/work/file' -delete"),
			0);
	}
}

/* Two mounts that show one place, and links. */
static void masks_by_every_path(void **state)
{
	struct world *w = *state;

	hide(w, ".config/gh/hosts.yml");
	hide(w, "dots/keys/id_rsa");
	hide(w, "dots/netrc");
	assert_int_equal(there(w->engine, "cd " HOME " && ln -s dots/keys .ssh && "
					  "ln -s " HOME "/dots/netrc .netrc && ln -s . loop"),
			 0);
	assert_int_equal(MASK(w, (char *)HOME ":/a", (char *)HOME "/.config:/b:ro",
			      (char *)HOME "/dots:/c", (char *)HOME "/loop/work:/d"),
			 0);
	assert_int_equal(w->masked, 3 + 1 + 2);
	assert_false(shows(w));
	assert_int_equal(there(w->engine, "grep -q open " ENGINE_STAGE "/3/file"), 0);
	unstage(w);
}

/* One file by two names of the table. */
static void masks_hard_links(void **state)
{
	struct world *w = *state;

	hide(w, ".netrc");
	assert_int_equal(there(w->engine, "cd " HOME " && ln .netrc .authinfo"), 0);
	assert_int_equal(MASK(w, (char *)HOME ":/a"), 0);
	assert_int_equal(w->masked, 2);
	assert_false(shows(w));
	unstage(w);
}

/* The user's home by another path. */
static void masks_a_bind_mount_of_the_home(void **state)
{
	struct world *w = *state;

	hide(w, ".npmrc");
	assert_int_equal(there(w->engine, "mkdir " ENGINE_ROOT "/alias && mount --bind " HOME
					  " " ENGINE_ROOT "/alias"),
			 0);
	assert_int_equal(MASK(w, (char *)ENGINE_ROOT "/alias:/a"), 0);
	assert_int_equal(w->masked, 1);
	assert_false(shows(w));
	unstage(w);
}

static void masks_nothing_that_was_named(void **state)
{
	static const char *const rows[] = { "/.netrc", "/.ssh", "/.ssh/id_rsa", "/.config/gh" };
	struct world *w = *state;

	hide(w, ".netrc");
	hide(w, ".ssh/id_rsa");
	hide(w, ".config/gh/hosts.yml");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *spec = xasprintf(HOME "%s:/a:ro", rows[i]);

		forget(w);
		assert_row(rows[i], MASK(w, (char *)HOME "/work:/w", spec) == 0);
		assert_int_equal(w->masked, 0);
		assert_null(w->named[0]);
		assert_row(rows[i], w->named[1] && strstr(w->named[1], HOME "/."));
		assert_true(shows(w));
		unstage(w);
	}
}

/* What the user can't reach, the command can't either. */
static void looks_with_the_users_rights(void **state)
{
	struct world *w = *state;

	hide(w, ENGINE_ROOT "/home/v/.netrc");
	assert_int_equal(there(w->engine, "chmod 700 " ENGINE_ROOT "/home/v && "
					  "chown 0:0 " ENGINE_ROOT "/home/v"),
			 0);
	assert_int_equal(MASK(w, (char *)ENGINE_ROOT "/home:/a:ro"), 0);
	assert_int_equal(w->masked, 0);
	unstage(w);
	forget(w);
	w->user = (struct peer){ 0 };
	assert_int_equal(MASK(w, (char *)ENGINE_ROOT "/home:/a:ro"), 0);
	assert_int_equal(w->masked, 1);
	unstage(w);
}

static void refuses_more_than_it_can_mask(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(there(w->engine,
				       "mkdir -p " ENGINE_ROOT "/home && cd " ENGINE_ROOT
				       "/home && for i in $(seq %d); do mkdir -p $i && "
				       "echo " SECRET " >$i/.netrc; done",
				       MASKS_MAX + i),
				 0);
		forget(w);
		(void)MASK(w, (char *)ENGINE_ROOT "/home:/a:ro");
		assert_int_equal(w->error.error, i == 0 ? 0 : -EINVAL);
		assert_int_equal(w->masked, i == 0 ? MASKS_MAX : 0);
		unstage(w);
	}
	assert_same_text(w->error.subject, "mounts");
	assert_text_contains(w->error.message, "more credentials in it than can be masked");
}

static void refuses_what_is_another_in_the_mount(void **state)
{
	struct world *w = *state;

	hide(w, ".ssh/id_rsa");
	w->meanwhile = "mount -t tmpfs over " HOME "/.ssh && echo x >" HOME "/.ssh/id_rsa";
	assert_int_equal(MASK(w, (char *)HOME ":/a"), -EINVAL);
	assert_text_contains(w->error.message, "was moved, or a credential in it");
	unstage(w);
}

/* A file system that mounts by itself as it is walked into shows a credential all the same; another
 * mount hides it. */
static void refuses_what_another_mount_shows(void **state)
{
	struct world *w = *state;

	hide(w, ".config/gh/hosts.yml");
	w->meanwhile = "mount --bind " HOME "/.config " ENGINE_STAGE "/0/.config";
	assert_int_equal(MASK(w, (char *)HOME ":/a"), -EINVAL);
	assert_text_contains(w->error.message, "try again");
	unstage(w);
}

static void leaves_what_another_mount_hides(void **state)
{
	struct world *w = *state;

	hide(w, ".config/gh/hosts.yml");
	w->meanwhile = "mount -t tmpfs none " ENGINE_STAGE "/0/.config";
	assert_int_equal(MASK(w, (char *)HOME ":/a"), 0);
	assert_int_equal(w->masked, 0);
	assert_false(shows(w));
	unstage(w);
}

/* What is gone by then takes nothing with it. */
static void masks_what_is_left(void **state)
{
	struct world *w = *state;

	hide(w, ".ssh/id_rsa");
	hide(w, ".netrc");
	w->meanwhile = "rm -r " HOME "/.ssh";
	assert_int_equal(MASK(w, (char *)HOME ":/a"), 0);
	assert_int_equal(w->masked, 1);
	assert_false(shows(w));
	unstage(w);
}

static void believes_no_other_program(void **state)
{
	static const char *const programs[] = { "/bin/true", "/bin/echo", "awf-mount-open" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		forget(w);
		assert_row(programs[i],
			   mask_with(w, programs[i], (char *const[]){ (char *)HOME ":/a", NULL }) ==
				   -EBADMSG);
		assert_same_text(w->error.message, "awf-mount-masks ended without an answer");
		unstage(w);
	}
}

/* What a process of the user's could tell as awf-mount-masks, over and over. */
static const struct lie {
	const char *what;
	int kind, error;
	uint32_t mount;
	size_t length;    /* 0: all */
	const char *file; /* whose descriptor comes along, or NULL */
	int fill;         /* of the path, without an end */
	const char *message;
} lies[] = {
	{ .what = "found, without a descriptor", .kind = MASKS_REPLY_FOUND },
	{ .what = "named, with one", .kind = MASKS_REPLY_NAMED, .file = "/etc/passwd" },
	{ .what = "the end, with one", .kind = MASKS_REPLY_END, .file = "/etc/passwd" },
	{ .what = "an unknown kind", .kind = MASKS_REPLY_KINDS },
	{ .what = "a negative kind", .kind = -1 },
	{ .what = "a mount that is none", .kind = MASKS_REPLY_NAMED, .mount = MOUNTS_MAX },
	{ .what = "half a packet", .kind = MASKS_REPLY_END, .length = 8 },
	{ .what = "a path without an end", .kind = MASKS_REPLY_NAMED, .fill = 'x' },
	{ .what = "named, without end",
	  .kind = MASKS_REPLY_NAMED,
	  .message = "told of more than it may" },
	{ .what = "found, without end",
	  .kind = MASKS_REPLY_FOUND,
	  .file = "/etc/passwd",
	  .message = "told of more than it may" },
	{ .what = "failed, for no reason",
	  .kind = MASKS_REPLY_FAILED,
	  .message = "cannot look for credentials in the mounts" },
	{ .what = "failed, for a negative one",
	  .kind = MASKS_REPLY_FAILED,
	  .error = -5,
	  .message = "cannot look for credentials in the mounts" },
};

/* Which of them is by how many mounts there are. */
static int tell_lie(const char *mounts)
{
	const struct lie *lie = &lies[atoi(mounts) - 1];
	struct masks_reply reply = { .kind = lie->kind, .error = lie->error, .mount = lie->mount };
	size_t length = lie->length > 0 ? lie->length : sizeof(reply);
	int fd = lie->file ? open(lie->file, O_PATH | O_CLOEXEC) : -EBADF;

	memset(reply.path, lie->fill, sizeof(reply.path));
	while (fd_send(STDOUT_FILENO, &reply, length, fd) > 0)
		;
	return EXIT_SUCCESS;
}

static void believes_no_lie(void **state)
{
	struct world *w = *state;
	char self[PATH_MAX] = "";
	char *texts[ARRAY_SIZE(lies) + 1] = { NULL };

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		texts[i] = xasprintf(HOME ":/%zu", i);
		forget(w);
		assert_row(lies[i].what, mask_with(w, self, texts) < 0);
		if (!strstr(w->error.message,
			    lies[i].message ? lies[i].message : "ended without an answer"))
			fail_msg("%s: %s", lies[i].what, w->error.message);
		assert_int_equal(w->masked, 0);
		unstage(w);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++)
		free(texts[i]);
}

/* A process of the user's may pass on a descriptor of the host's own. */
static void covers_nothing_outside_the_stage(void **state)
{
	struct world *w = *state;
	_cleanup_(engine_staging_clear) struct engine_staging staging = { 0 };
	_cleanup_free_ struct mount_masks_found *found = xnew(struct mount_masks_found);
	_cleanup_err_ struct err e = { 0 };
	char *const texts[] = { (char *)HOME ":/a", (char *)HOME "/work:/b", NULL };
	struct engine_stage what = { .mount_roots = "/:rw", .texts = texts };
	struct mount_masks_cover all = { .directory = ENGINE_STAGE,
					 .mounts = w->engine->pidfd,
					 .found = found };
	static const char *const rows[] = { "/etc/passwd", HOME "/work/file",
					    ENGINE_STAGE "/1/file" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(stage_there(w->engine, &what, &staging, NULL), 0);
		memcpy(found->roots, staging.roots, sizeof(staging.roots));
		found->list[0] = (struct mount_mask){ .fd = open_there(w->engine, rows[i]),
						      .path = (char *)rows[i] };
		found->count = 1;
		assert_row(rows[i], mount_masks_cover(&all, &e) == -EXDEV);
		assert_text_contains(e.message, rows[i]);
		assert_text_contains(e.message, "not in the mount");
		assert_int_equal(there(w->engine, "test -s %s", rows[i]), 0);
		fd_close(found->list[0].fd);
		engine_staging_clear(&staging);
		staging = (struct engine_staging){ 0 };
		unstage(w);
	}
}

static void never_tells_when_given_up(void **state)
{
	struct world *w = *state;
	_cleanup_(engine_staging_clear) struct engine_staging staging = { 0 };
	_cleanup_free_ char *program = program_path("awf-mount-masks");
	_cleanup_free_ char *path = take_place(w, program);
	char *const texts[] = { (char *)HOME ":/a", NULL };
	struct engine_stage what = { .mount_roots = "/:rw", .texts = texts };
	struct mount_masks_ask ask = ask_for(w, &staging, path);
	struct mount_masks *m;

	assert_int_equal(stage_there(w->engine, &what, &staging, NULL), 0);
	staging.staged = false;
	assert_int_equal(mount_masks_start(w->base, &ask, on_found, w, &m, NULL), 0);
	mount_masks_cancel(m);
	event_base_dispatch(w->base);
	assert_int_equal(w->told, 0);
	mount_masks_cancel(NULL);
	unstage(w);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(masks_files_and_directories),
		TEST(masks_stay_with_what_was_taken),
		TEST(masks_whatever_is_mounted),
		TEST(masks_by_every_path),
		TEST(masks_hard_links),
		TEST(masks_a_bind_mount_of_the_home),
		TEST(masks_nothing_that_was_named),
		TEST(looks_with_the_users_rights),
		TEST(refuses_more_than_it_can_mask),
		TEST(refuses_what_is_another_in_the_mount),
		TEST(refuses_what_another_mount_shows),
		TEST(leaves_what_another_mount_hides),
		TEST(masks_what_is_left),
		TEST(believes_no_other_program),
		TEST(believes_no_lie),
		TEST(covers_nothing_outside_the_stage),
		TEST(never_tells_when_given_up),
	};

	if (argc == 2 && strcmp(argv[0], "awf-mount-masks") == 0)
		return tell_lie(argv[1]);
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root: it makes mount namespaces\n");
		return 0;
	}
	return RUN_TESTS("mount-masks", tests);
}
