#include "common/strv.h"

#include "tests/unit/check.h"

#define STRV(...) ((char *const *)(const char *const[]){ __VA_ARGS__, NULL })

static void assert_strv(char *const *v, char *const *expected)
{
	assert_int_equal(strv_length(v), strv_length(expected));
	for (size_t i = 0; expected[i]; i++)
		assert_same_text(v[i], expected[i]);
}

static void test_append(void **state _unused_)
{
	_cleanup_strv_ char **v = NULL;

	assert_int_equal(strv_length(v), 0);
	strv_append(&v, "a");
	strv_append(&v, "");
	strv_appendf(&v, "%s=%d", "b", 2);
	assert_strv(v, STRV("a", "", "b=2"));
}

static void test_copy(void **state _unused_)
{
	char *const *v = STRV("a", "b");
	_cleanup_strv_ char **copy = strv_copy(v), **nothing = strv_copy(NULL);

	assert_strv(copy, v);
	assert_ptr_not_equal(copy[0], v[0]);
	assert_non_null(nothing);
	assert_int_equal(strv_length(nothing), 0);
	strv_append(&nothing, "x");
	assert_strv(nothing, STRV("x"));
	strv_free(NULL);
}

static const struct {
	const char *key;
	const char *value;
} lookups[] = {
	{ "A", "1" },  { "AB", "2" }, { "EMPTY", "" }, { "EQUAL", "a=b" }, { "TWICE", "first" },
	{ "B", NULL }, { "a", NULL }, { "", NULL },    { "NONE", NULL },   { "EQUAL=a", "b" },
};

static char *const *const sample =
	STRV("A=1", "AB=2", "EMPTY=", "EQUAL=a=b", "TWICE=first", "TWICE=second", "NONE");

static void test_env_get(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(lookups); i++)
		assert_same_text(strv_env_get(sample, lookups[i].key), lookups[i].value);
	assert_null(strv_env_get(NULL, "A"));
}

static void test_env_unset(void **state _unused_)
{
	_cleanup_strv_ char **v = strv_copy(sample);

	assert_int_equal(strv_env_unset(v, "TWICE"), 2);
	assert_int_equal(strv_env_unset(v, "TWICE"), 0);
	assert_int_equal(strv_env_unset(v, "NONE"), 0); /* has no '=' */
	assert_int_equal(strv_env_unset(v, "A"), 1);
	assert_strv(v, STRV("AB=2", "EMPTY=", "EQUAL=a=b", "NONE"));
	assert_int_equal(strv_env_unset(NULL, "A"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_env_get),
		cmocka_unit_test(test_env_unset),
	};

	return RUN_TESTS("strv", tests);
}
