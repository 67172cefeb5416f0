#include "common/parse.h"

#include "tests/unit/check.h"

#define UNTOUCHED 4711

static const struct {
	const char *text;
	uint64_t min, max;
	int result;
	uint64_t value;
} numbers[] = {
	{ "0", 0, UINT64_MAX, 0, 0 },
	{ "7", 0, UINT64_MAX, 0, 7 },
	{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
	{ "10", 10, 20, 0, 10 },
	{ "20", 10, 20, 0, 20 },
	{ "9", 10, 20, -ERANGE, 0 },
	{ "21", 10, 20, -ERANGE, 0 },
	{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
	{ "184467440737095516150", 0, UINT64_MAX, -ERANGE, 0 },
	{ "99999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
	{ "", 0, 9, -EINVAL, 0 },
	{ " 1", 0, 9, -EINVAL, 0 },
	{ "1 ", 0, 9, -EINVAL, 0 },
	{ "1\n", 0, 9, -EINVAL, 0 },
	{ "+1", 0, 9, -EINVAL, 0 },
	{ "-1", 0, 9, -EINVAL, 0 },
	{ "-0", 0, 9, -EINVAL, 0 },
	{ "00", 0, 9, -EINVAL, 0 },
	{ "01", 0, 9, -EINVAL, 0 },
	{ "0x1", 0, 9, -EINVAL, 0 },
	{ "1e1", 0, 99, -EINVAL, 0 },
	{ "1.0", 0, 9, -EINVAL, 0 },
	{ "1,000", 0, 9999, -EINVAL, 0 },
	{ "a", 0, 9, -EINVAL, 0 },
	{ "\xd9\xa1", 0, 9, -EINVAL, 0 }, /* an Arabic digit */
	{ "99999999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0 },
};

static void test_numbers(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t value = UNTOUCHED;
		int r = parse_uint(numbers[i].text, numbers[i].min, numbers[i].max, &value);

		assert_row(numbers[i].text, r == numbers[i].result);
		assert_row(numbers[i].text, value == (r == 0 ? numbers[i].value : UNTOUCHED));
	}
}

struct quantity {
	const char *text;
	int result;
	uint64_t value;
};

static void assert_quantities(const struct quantity *rows, size_t count,
			      int (*parse)(const char *text, uint64_t *ret))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		int r = parse(rows[i].text, &value);

		assert_row(rows[i].text, r == rows[i].result);
		assert_row(rows[i].text, value == (r == 0 ? rows[i].value : UNTOUCHED));
	}
}

static const struct quantity byte_counts[] = {
	{ "0", 0, 0 },
	{ "1", 0, 1 },
	{ "7b", 0, 7 },
	{ "512k", 0, 512 << 10 },
	{ "512m", 0, 512 << 20 },
	{ "6G", 0, UINT64_C(6) << 30 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "17179869183g", 0, UINT64_C(17179869183) << 30 },
	{ "17179869184g", -ERANGE, 0 },
	{ "18446744073709551616b", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "m", -EINVAL, 0 },
	{ "1.5g", -EINVAL, 0 },
	{ "-1g", -EINVAL, 0 },
	{ "1gb", -EINVAL, 0 },
	{ "1 g", -EINVAL, 0 },
	{ "1t", -EINVAL, 0 },
	{ "01m", -EINVAL, 0 },
};

static void test_bytes(void **state _unused_)
{
	assert_quantities(byte_counts, ARRAY_SIZE(byte_counts), parse_bytes);
}

static const struct quantity fractions[] = {
	{ "0", 0, 0 },
	{ "1", 0, 1000000000 },
	{ "1.5", 0, 1500000000 },
	{ "0.01", 0, 10000000 },
	{ "0.000000001", 0, 1 },
	{ "2.123456789", 0, 2123456789 },
	{ "4294967295.999999999", 0, UINT64_C(4294967295999999999) },
	{ "4294967296", -ERANGE, 0 },
	{ "0.0000000001", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
	{ ".", -EINVAL, 0 },
	{ ".5", -EINVAL, 0 },
	{ "1.", -EINVAL, 0 },
	{ "1.5.5", -EINVAL, 0 },
	{ "1,5", -EINVAL, 0 },
	{ "1.-5", -EINVAL, 0 },
	{ "1.5 ", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "01.5", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
};

static void test_fractions(void **state _unused_)
{
	assert_quantities(fractions, ARRAY_SIZE(fractions), parse_nano);
}

static const struct {
	const char *text;
	int result;
	uint16_t port;
} ports[] = {
	{ "1", 0, 1 },
	{ "80", 0, 80 },
	{ "65535", 0, 65535 },
	{ "", -EINVAL, 0 },
	{ "0", -ERANGE, 0 },
	{ "65536", -ERANGE, 0 },
	{ "080", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "80.5", -EINVAL, 0 },
	{ " 80", -EINVAL, 0 },
	{ "80 ", -EINVAL, 0 },
	{ "http", -EINVAL, 0 },
	/* Ranges are no ports, whether valid as ranges or not. */
	{ "3000-3010", -EINVAL, 0 },
	{ "80-80", -EINVAL, 0 },
	{ "3010-3000", -EINVAL, 0 },
	{ "0-100", -EINVAL, 0 },
	{ "1-65536", -EINVAL, 0 },
	{ "80 - 443", -EINVAL, 0 },
	{ "01-100", -EINVAL, 0 },
};

static void test_ports(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		uint16_t port = UNTOUCHED;
		int r = parse_port(ports[i].text, &port);

		assert_row(ports[i].text, r == ports[i].result);
		assert_row(ports[i].text, port == (r == 0 ? ports[i].port : UNTOUCHED));
	}
}

static const struct {
	const char *text;
	int result;
	bool value;
} booleans[] = {
	{ "yes", 0, true },      { "true", 0, true },     { "on", 0, true },
	{ "1", 0, true },        { "no", 0, false },      { "false", 0, false },
	{ "off", 0, false },     { "0", 0, false },       { "YES", 0, true },
	{ "False", 0, false },   { "", -EINVAL, 0 },      { "2", -EINVAL, 0 },
	{ " yes", -EINVAL, 0 },  { "yes ", -EINVAL, 0 },  { "ye", -EINVAL, 0 },
	{ "yesno", -EINVAL, 0 }, { "maybe", -EINVAL, 0 }, { "00", -EINVAL, 0 },
};

static void test_booleans(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++) {
		bool value = !booleans[i].value;
		int r = parse_boolean(booleans[i].text, &value);

		assert_row(booleans[i].text, r == booleans[i].result);
		assert_row(booleans[i].text, value == (booleans[i].value ^ (r < 0)));
	}
}

static const struct {
	const char *text;
	bool is_id;
} ids[] = {
	{ "abcdefghij", true },    { "2345672345", true },
	{ "zzzzzzzzz7", true },    { "", false },
	{ "abcdefghi", false },    { "abcdefghijk", false },
	{ "ABCDEFGHIJ", false },   { "abcdefgh1j", false },
	{ "abcdefgh8j", false },   { "abcdefgh0j", false },
	{ "abcd/fghij", false },   { "../../../.", false },
	{ "abcdefghij\n", false }, { "abcdefghi ", false },
};

static void test_sandbox_ids(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_row(ids[i].text, parse_is_sandbox_id(ids[i].text) == ids[i].is_id);
}

static const struct {
	const char *text;
	int result;
	uint64_t value;
	const char *again; /* how it is written */
} sizes[] = {
	{ "0", 0, 0, "0" },
	{ "1023", 0, 1023, "1023" },
	{ "1024", 0, 1024, "1K" },
	{ "3k", 0, 3072, "3K" },
	{ "6G", 0, 6442450944, "6G" },
	{ "1536m", 0, 1610612736, "1536M" },
	{ "8G", -ERANGE, 0, NULL },
	{ "17179869184G", -ERANGE, 0, NULL },
	{ "", -EINVAL, 0, NULL },
	{ "G", -EINVAL, 0, NULL },
	{ "1.5G", -EINVAL, 0, NULL },
	{ "1T", -EINVAL, 0, NULL },
	{ "-1", -EINVAL, 0, NULL },
	{ "1 G", -EINVAL, 0, NULL },
};

static void test_sizes(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t value = 0;
		_cleanup_free_ char *again = NULL;

		assert_row(sizes[i].text, parse_size(sizes[i].text, 0, UINT64_C(7) << 30, &value) ==
						  sizes[i].result);
		assert_row(sizes[i].text, value == sizes[i].value);
		again = parse_format_size(value);
		assert_row(sizes[i].text, !sizes[i].again || same_text(again, sizes[i].again));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),     cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_bytes),       cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_ports),       cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_sandbox_ids),
	};

	return RUN_TESTS("parse", tests);
}
