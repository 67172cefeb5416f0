#include "common/timestamp.h"

#include "common/ascii.h"
#include "tests/unit/check.h"

static void test_seconds(void **state _unused_)
{
	_cleanup_free_ char *epoch = timestamp_of_seconds(0),
			    *later = timestamp_of_seconds(951827696);

	assert_same_text(epoch, "1970-01-01T00:00:00Z");
	assert_same_text(later, "2000-02-29T12:34:56Z");
}

static void test_milliseconds(void **state _unused_)
{
	_cleanup_free_ char *whole = timestamp_of_ms(951827696000),
			    *parts = timestamp_of_ms(951827696007);

	assert_same_text(whole, "2000-02-29T12:34:56.000Z");
	assert_same_text(parts, "2000-02-29T12:34:56.007Z");
}

static void test_parse(void **state _unused_)
{
	static const char *const refused[] = { "",
					       "2000-02-29T12:34:56Z",
					       "2000-02-30T12:34:56.007Z",
					       "2000-02-29T12:34:56.7Z",
					       "2000-02-29T12:34:56.007",
					       "2000-02-29T12:34:56.007Z ",
					       "1969-02-28T12:34:56.007Z",
					       "2000-2-29T12:34:56.007Z" };
	int64_t ms;

	assert_int_equal(timestamp_parse_ms("2000-02-29T12:34:56.007Z", &ms), 0);
	assert_int_equal(ms, 951827696007);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(timestamp_parse_ms(refused[i], &ms), -EINVAL);
}

/* Bytes that are no ASCII stay. */
static void test_lower_case(void **state _unused_)
{
	char text[] = "aZ-[@`{\303\204B";

	ascii_lower(text);
	assert_same_text(text, "az-[@`{\303\204b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_milliseconds),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_lower_case),
	};

	return RUN_TESTS("timestamp", tests);
}
