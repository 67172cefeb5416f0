#include "awfd/host-view.h"

#include "common/strv.h"
#include "tests/unit/check.h"

#define STRV(...)       ((char *const *)(const char *const[]){ __VA_ARGS__, NULL })
#define HOME            "/home/alice"
#define _cleanup_specs_ _cleanup_(mount_specs_clear)

/* What a machine has in /etc, good and bad. */
static const char *const names[] = {
	"alternatives", "apt",         "ca-certificates",
	"default",      "docker",      "environment",
	"gitconfig",    "gshadow",     "java-17-openjdk",
	"kubernetes",   "ld.so.cache", "ld.so.preload",
	"localtime",    "machine-id",  "maven",
	"npmrc",        "passwd",      "pip.conf",
	"pki",          "profile",     "profile.d",
	"python3",      "python3.11",  "shadow",
	"ssh",          "ssl",         "sudoers",
	"awfd",         "wgetrc",      NULL,
};

/* Of these nothing else of /etc is shown. */
static const char *const shown_of_etc[] = {
	"/etc",
	"/etc/ld.so.cache",
	"/etc/pki/ca-trust/extracted",
	"/etc/pki/java",
	"/etc/pki/tls/cert.pem",
	"/etc/pki/tls/certs",
	"/etc/pki/tls/openssl.cnf",
	"/etc/ssl/cert.pem",
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/etc/alternatives",
	"/etc/default/locale",
	"/etc/localtime",
	"/etc/java-17-openjdk",
	"/etc/maven/logging",
	"/etc/maven/m2.conf",
	"/etc/python3",
	"/etc/python3.11",
};

static void shows_programs_and_what_they_need(void **state _unused_)
{
	_cleanup_specs_ struct mount_specs s = { 0 };
	size_t of_etc = 0;

	assert_int_equal(host_view_add(&s, (char *const *)names, STRV("/data/tools"), HOME), 0);
	assert_same_text(s.list[0].source, "/usr");
	assert_same_text(s.list[s.count - 1].target, "/data/tools");
	assert_true(s.list[s.count - 1].no_links);
	for (size_t i = 0; i < s.count; i++) {
		const struct mount_spec *spec = &s.list[i];

		assert_row(spec->target, spec->kind == MOUNT_VIEW);
		assert_row(spec->target, spec->optional && !spec->writable);
		assert_row(spec->target, spec->source || strcmp(spec->target, "/etc") == 0);
		if (!mount_path_is_in(spec->target, "/etc"))
			continue;
		assert_row(spec->target, of_etc < ARRAY_SIZE(shown_of_etc));
		assert_same_text(spec->target, shown_of_etc[of_etc++]);
	}
	assert_int_equal(of_etc, ARRAY_SIZE(shown_of_etc));
}

static void tells_what_it_has_no_room_for(void **state _unused_)
{
	_cleanup_specs_ struct mount_specs s = { 0 };
	_cleanup_strv_ char **paths = NULL;

	for (int i = 0; i < MOUNT_LIST_MAX; i++)
		strv_appendf(&paths, "/data/%d", i);
	assert_int_equal(host_view_add(&s, NULL, paths, HOME), 9);
	assert_int_equal(s.count, MOUNT_LIST_MAX);
}

static void finds_what_lies_in_what(void **state _unused_)
{
	static const struct {
		const char *path, *outer;
	} rows[] = {
		{ "/opt/a/work", "/opt" },    { "/usr/local/x", "/usr" },
		{ "/etc/ssl", "/etc" },       { "/opt/tool/in/it", "/opt/tool" },
		{ "/optional", NULL },        { "/usr", NULL },
		{ "/home/alice/work", NULL }, { "/opt/tool", "/opt" },
	};
	_cleanup_specs_ struct mount_specs s = { 0 };

	assert_int_equal(host_view_add(&s, NULL, STRV("/opt/tool"), HOME), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct mount_spec spec = { .target = (char *)rows[i].path };
		const struct mount_spec *outer = mount_specs_outer(&s, &spec);

		assert_row(rows[i].path, same_text(outer ? outer->target : NULL, rows[i].outer));
	}
}

/* What is not there has nothing in it. */
static void passes_over_what_is_left_out(void **state _unused_)
{
	const struct mount_spec spec = { .target = (char *)"/opt/work" };
	_cleanup_specs_ struct mount_specs s = { 0 };

	assert_int_equal(host_view_add(&s, NULL, NULL, HOME), 0);
	for (size_t i = 0; i < s.count; i++)
		if (strcmp(s.list[i].target, "/opt") == 0)
			s.list[i].missing = xstrdup("is not there");
	assert_null(mount_specs_outer(&s, &spec));
}

/* In a mount of the user's none is made, nor one twice, nor one over the command's home. */
static void passes_over_what_is_in_the_way(void **state _unused_)
{
	static const struct {
		const char *path;
		size_t more;
	} rows[] = {
		{ "/asked", 1 },     { "/asked/for", 0 },  { "/asked/for/it", 0 },
		{ "/opt", 0 },       { "/usr/local", 1 },  { HOME, 0 },
		{ HOME "/.nvm", 1 }, { "/home/other", 1 }, { "/work/space/tools", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_specs_ struct mount_specs s = { 0 };

		assert_int_equal(mount_specs_parse("mounts", STRV("/x:/asked/for"), &s, NULL), 0);
		assert_null(host_view_add_workspace(&s, "/work/space", HOME, true));
		assert_int_equal(host_view_add(&s, NULL, STRV(rows[i].path), HOME), 0);
		assert_row(rows[i].path, s.count == 2 + 9 + rows[i].more);
	}
}

static const struct {
	const char *path, *reason; /* NULL: it can be one */
} workspaces[] = {
	{ HOME "/work", NULL },
	{ HOME "/a/b/c", NULL },
	{ "/home/other/work", NULL },
	{ "/srv/project", NULL },
	{ "/opt/runner/_work", NULL },
	{ "/tmp/project", NULL },
	{ "/data", NULL },
	{ HOME, "is your home directory, and the command has a home of its own" },
	{ "/home", "has your home directory in it" },
	{ "/", "is not an absolute path" },
	{ "/tmp", "nothing is mounted at /tmp" },
	{ "/opt", "is in /opt, which the command has as the host's" },
	{ "/usr", "is in /usr" },
	{ "/usr/src/project", "is in /usr" },
	{ "/lib/x", "is in /lib" },
	{ "/etc", "is in /etc" },
	{ "/etc/project", "is in /etc" },
	{ "/proc/self", "nothing is mounted at /proc" },
	{ "/run/awf", "nothing is mounted at /run/awf" },
	{ "/run", "nothing is mounted at /run, which would hide /run/awf" },
	{ "work", "is not an absolute path" },
	{ "", "is not an absolute path" },
	{ "/srv/project/", "is not an absolute path" },
	{ "/srv/../etc", "is not an absolute path" },
	{ "/srv/./x", "is not an absolute path" },
	{ "/srv//x", "is not an absolute path" },
	{ "/asked/for", "there are two mounts at /asked/for" },
	{ "/asked", "destinations do not lie in one another" },
	{ "/asked/for/it", "destinations do not lie in one another" },
};

static void knows_what_can_be_a_workspace(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(workspaces); i++) {
		_cleanup_specs_ struct mount_specs s = { 0 };
		_cleanup_free_ char *why = NULL;

		assert_int_equal(mount_specs_parse("mounts", STRV("/x:/asked/for"), &s, NULL), 0);
		why = host_view_add_workspace(&s, workspaces[i].path, HOME, i % 2 == 0);
		if (workspaces[i].reason) {
			assert_text_contains(why, workspaces[i].reason);
			assert_int_equal(s.count, 1);
			continue;
		}
		assert_same_text(why, NULL);
		assert_int_equal(s.count, 2);
		assert_same_text(s.list[1].source, workspaces[i].path);
		assert_same_text(s.list[1].target, workspaces[i].path);
		assert_same_text(mount_spec_field(&s.list[1]), "workspace");
		assert_true(s.list[1].writable);
		assert_int_equal(s.list[1].optional, i % 2 == 0);
	}
}

static void refuses_mounts_over_the_hosts(void **state _unused_)
{
	static const struct {
		const char *spec, *reason;
	} rows[] = {
		{ "/x:/work", NULL },
		{ "/x:/opt/tool", NULL },
		{ "/x:/usr/bin/yq", NULL },
		{ "/x:/opt", "nothing is mounted at /opt with image host, which would hide" },
		{ "/x:/etc/project", "nothing is mounted in /etc with image host" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_specs_ struct mount_specs s = { 0 };
		_cleanup_err_ struct err e = { 0 };
		int r;

		assert_int_equal(mount_specs_parse("mounts", STRV(rows[i].spec), &s, NULL), 0);
		r = host_view_check(&s, &e);
		assert_row(rows[i].spec, (r < 0) == (rows[i].reason != NULL));
		if (r == 0)
			continue;
		assert_same_text(e.subject, "mounts");
		assert_same_text(e.value, rows[i].spec);
		assert_text_contains(e.message, rows[i].reason);
	}
}

static void knows_what_an_operator_may_name(void **state _unused_)
{
	static const char *const good[] = { "/opt/hostedtoolcache", "/data", "/usr/local",
					    "/home/runner/.nvm", "/etcetera" };
	static const char *const bad[] = { "",           "data",  "/",       "/data/",
					   "/a//b",      "/a/.",  "/a/../b", "/etc",
					   "/etc/maven", "/home", "/root",   "/tmp" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_row(good[i], host_view_is_path(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_row(bad[i], !host_view_is_path(bad[i]));
}

static char *text_of(const char *name, const struct host_view_user *u)
{
	for (size_t i = 0; i < host_view_file_count; i++)
		if (strcmp(host_view_files[i].name, name) == 0)
			return host_view_files[i].text(u);
	return NULL;
}

static const struct {
	struct host_view_user user;
	const char *passwd, *group;
} users[] = {
	{ { "alice", 1000, 100, "users", HOME },
	  "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/bin/false\n"
	  "alice:x:1000:100::" HOME ":/bin/sh\n",
	  "root:x:0:\nnogroup:x:65534:\nusers:x:100:\n" },
	{ { "root", 0, 0, "root", "/root" },
	  "nobody:x:65534:65534:nobody:/:/usr/bin/false\nroot:x:0:0::/root:/bin/sh\n",
	  "nogroup:x:65534:\nroot:x:0:\n" },
	/* nothing of a name becomes another field or line */
	{ { "a:x:0:0", 7, 8, "g,h", "/home/7" },
	  "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/bin/false\n"
	  "7:x:7:8::/home/7:/bin/sh\n",
	  "root:x:0:\nnogroup:x:65534:\n8:x:8:\n" },
	{ { "+", 65534, 65534, NULL, "/" },
	  "root:x:0:0:root:/root:/bin/sh\n65534:x:65534:65534::/:/bin/sh\n",
	  "root:x:0:\n65534:x:65534:\n" },
};

static void makes_users_and_groups(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		_cleanup_free_ char *passwd = text_of("passwd", &users[i].user);
		_cleanup_free_ char *group = text_of("group", &users[i].user);

		assert_same_text(passwd, users[i].passwd);
		assert_same_text(group, users[i].group);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_programs_and_what_they_need),
		cmocka_unit_test(tells_what_it_has_no_room_for),
		cmocka_unit_test(finds_what_lies_in_what),
		cmocka_unit_test(passes_over_what_is_left_out),
		cmocka_unit_test(passes_over_what_is_in_the_way),
		cmocka_unit_test(knows_what_can_be_a_workspace),
		cmocka_unit_test(refuses_mounts_over_the_hosts),
		cmocka_unit_test(knows_what_an_operator_may_name),
		cmocka_unit_test(makes_users_and_groups),
	};

	return RUN_TESTS("host-view", tests);
}
