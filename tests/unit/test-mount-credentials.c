/* The table of credentials, and where they are looked for. */
#include "awfd/mount-credentials.h"

#include "awfd/mount-spec.h"
#include "tests/unit/check.h"

static unsigned components(const char *path)
{
	unsigned n = 1;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Each is below its home, and none is masked by another already. */
static void every_row_is_a_path_of_its_own(void **state _unused_)
{
	const struct credential *a, *b;
	unsigned deepest = 0;

	for (size_t i = 0; (a = credential_at(i)); i++) {
		_cleanup_free_ char *framed = xasprintf("/%s/", a->path);

		assert_row(a->path, !strstr(framed, "//") && !strstr(framed, "/../") &&
					    !strstr(framed, "/./"));
		deepest = MAX(deepest, components(a->path));
		for (size_t j = 0; (b = credential_at(j)); j++)
			assert_row(a->path, i == j || !mount_path_is_in(a->path, b->path));
	}
	assert_int_equal(deepest, CREDENTIAL_DEPTH);
}

static void knows_which_need_a_listing(void **state _unused_)
{
	static const struct {
		struct credential credential;
		bool listed;
	} rows[] = {
		{ { ".ssh", true }, false },
		{ { "*/.credentials", true }, true },
		{ { "work*/x", true }, true },
		{ { "_temp/git-credentials-*.config", true }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].credential.path,
			   credential_is_listed(&rows[i].credential) == rows[i].listed);
}

static bool has_place(const struct credential_places *p, const char *directory, const char *below,
		      bool home)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i].directory, directory) == 0 &&
		    strcmp(p->list[i].below, below) == 0 && p->list[i].home == home)
			return true;
	return false;
}

static void looks_where_a_source_leads(void **state _unused_)
{
	static const struct {
		const char *source, *directory, *below;
		bool home, expected;
	} rows[] = {
		{ "/srv/a/b", "/srv/a/b", "", false, true },
		{ "/srv/a/b", "/srv/a", "", false, true },
		{ "/srv/a/b", "/srv", "", false, true },
		{ "/srv/a/b", "/", "", false, true },
		{ "/srv/a/b", "/srv/a/b", "", true, false },
		{ "/a/b/c/d/e", "/a/b", "", false, true },
		{ "/a/b/c/d/e", "/a", "", false, false },
		/* homes by the name of what they are in */
		{ "/home", "/home", "*", true, true },
		{ "/home/u", "/home/u", "", true, true },
		{ "/home/u", "/home", "*", true, false },
		{ "/home/u/.config/gh", "/home/u", "", true, true },
		{ "/nfs/homes/u/x", "/nfs/homes/u", "", true, true },
		{ "/srv/users/u", "/srv/users/u", "", true, true },
		{ "/srv", "/srv", "home/*", true, true },
		{ "/srv", "/srv", "users/*", true, true },
		{ "/homely/u", "/homely/u", "", true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(credential_places_clear) struct credential_places p = { 0 };

		credential_places_add_source(&p, rows[i].source);
		assert_row(rows[i].source, has_place(&p, rows[i].directory, rows[i].below,
						     rows[i].home) == rows[i].expected);
	}
}

static void looks_at_no_place_twice(void **state _unused_)
{
	_cleanup_(credential_places_clear) struct credential_places p = { 0 };
	size_t once;

	credential_places_add_source(&p, "/home/u/work");
	once = p.count;
	credential_places_add_source(&p, "/home/u/work");
	assert_int_equal(p.count, once);
	credential_places_add_source(&p, "/home/u/more");
	assert_true(p.count > once && p.count < 2 * once);
}

static void reads_homes(void **state _unused_)
{
	_cleanup_free_ char *text = xstrdup("root:x:0:0:root:/root:/bin/bash\n"
					    "\n"
					    "short:x:1\n"
					    "relative:x:2:2::home:/bin/sh\n"
					    "none:x:3:3:::/bin/sh\n"
					    "+::::::\n"
					    "uid:x:many:4::/home/uid:/bin/sh\n"
					    "last:x:1000:1000:A, B:/home/last");
	char *rest = text;
	struct credential_home home;

	assert_true(credential_next_home(&rest, &home));
	assert_same_text(home.path, "/root");
	assert_int_equal(home.uid, 0);
	assert_true(credential_next_home(&rest, &home));
	assert_same_text(home.path, "/home/last");
	assert_int_equal(home.uid, 1000);
	assert_false(credential_next_home(&rest, &home));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_a_path_of_its_own),
		cmocka_unit_test(knows_which_need_a_listing),
		cmocka_unit_test(looks_where_a_source_leads),
		cmocka_unit_test(looks_at_no_place_twice),
		cmocka_unit_test(reads_homes),
	};

	return RUN_TESTS("mount-credentials", tests);
}
