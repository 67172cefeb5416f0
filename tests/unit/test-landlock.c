/* Of every version of Landlock all that it can restrict is restricted, and nothing that it doesn't
 * know. */
#include "tests/unit/check.h"

#include <fcntl.h>

#include "containers/cli-proxy/landlock.h"

/* What landlock(7) says of the versions, as the number of the highest right on files. */
static const struct {
	int version;
	unsigned highest;
} versions[] = { { 1, 12 }, { 2, 13 }, { 3, 14 }, { 4, 14 }, { 5, 15 }, { 6, 15 }, { 7, 15 } };

static void test_rights(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		assert_int_equal(landlock_rights(versions[i].version),
				 (UINT64_C(2) << versions[i].highest) - 1);
}

/* The kernel takes the rules of every version up to its own, and refuses a right that it does not
 * know: a wrong table would be noticed. */
static void test_kernel(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	int newest = landlock_version(&e);

	assert_true(newest >= 1);
	for (int version = 1; version <= newest; version++) {
		_cleanup_close_ int rules = landlock_rules_new(version);
		_cleanup_close_ int directory = open("/usr", O_PATH | O_CLOEXEC);
		_cleanup_close_ int device = open("/dev/null", O_PATH | O_CLOEXEC);

		assert_true(rules >= 0);
		assert_int_equal(landlock_allow(rules, version, directory, LANDLOCK_READ), 0);
		assert_int_equal(landlock_allow(rules, version, directory, LANDLOCK_EXECUTE), 0);
		assert_int_equal(landlock_allow(rules, version, directory, LANDLOCK_CHANGE), 0);
		assert_int_equal(landlock_allow(rules, version, device, LANDLOCK_WRITE), 0);
		assert_int_equal(landlock_allow(rules, version, device, LANDLOCK_CHANGE), 0);
		assert_int_equal(landlock_allow(rules, version, -1, LANDLOCK_READ), -EBADF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_kernel),
	};

	return RUN_TESTS("landlock", tests);
}
