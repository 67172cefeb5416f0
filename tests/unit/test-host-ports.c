#include "awfd/host-ports.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define FIELD "allowHostPorts"

#define NOT_A_PORT "this is not a port, or two with '-' between them"
#define OUTSIDE    "the port is not between 1 and 65535"
#define ZERO       "the port has a leading zero"
#define NO_PORT    "a port is missing"
#define DANGEROUS(port_and_service)                                                                \
	"port " port_and_service " is not opened like this: name it as a service port"

static const struct {
	const char *specs[4];
	bool service;
	const char *ports; /* in order */
} accepted[] = {
	{ { NULL }, false, "" },
	{ { "1" }, false, "1" },
	{ { "80" }, false, "80" },
	{ { "65535" }, false, "65535" },
	{ { "3000-3010" }, false, "3000 3001 3002 3003 3004 3005 3006 3007 3008 3009 3010" },
	{ { "80-80" }, false, "80" },
	{ { "63-64", "127-129" }, false, "63 64 127 128 129" },
	{ { "3000,8080" }, false, "3000 8080" },
	{ { "443, 80,  81" }, false, "80 81 443" },
	{ { "8000-8002,3000-3001,8001-8003" }, false, "3000 3001 8000 8001 8002 8003" },
	{ { "443", "80", "443" }, false, "80 443" },
	{ { "24", "26-27" }, false, "24 26 27" },
	{ { "65534-65535" }, false, "65534 65535" },
	{ { "22", "5432,6379", "1" }, true, "1 22 5432 6379" },
};

static const struct {
	const char *spec;
	bool service;
	const char *value; /* the part that is named; NULL: the whole */
	const char *reason;
} refused[] = {
	{ "", false, NULL, NO_PORT },
	{ ",", false, "", NO_PORT },
	{ "80,", false, "", NO_PORT },
	{ ",80", false, "", NO_PORT },
	{ "80,,443", false, "", NO_PORT },
	{ "80, ", false, "", NO_PORT },
	{ "0", false, NULL, OUTSIDE },
	{ "65536", false, NULL, OUTSIDE },
	{ "99999999999", false, NULL, OUTSIDE },
	{ "18446744073709551696", false, NULL, NOT_A_PORT },
	{ "080", false, NULL, ZERO },
	{ "00", false, NULL, ZERO },
	{ "-1", false, NULL, NO_PORT },
	{ "1-", false, NULL, NO_PORT },
	{ "-", false, NULL, NO_PORT },
	{ "80.5", false, NULL, NOT_A_PORT },
	{ " 80", false, NULL, NOT_A_PORT },
	{ "80 ", false, NULL, NOT_A_PORT },
	{ "80 ,443", false, "80 ", NOT_A_PORT },
	{ "80,\t443", false, "\t443", NOT_A_PORT },
	{ "80\n", false, NULL, NOT_A_PORT },
	{ "+80", false, NULL, NOT_A_PORT },
	{ "0x50", false, NULL, NOT_A_PORT },
	{ "http", false, NULL, NOT_A_PORT },
	{ "80:90", false, NULL, NOT_A_PORT },
	{ "80-90-100", false, NULL, NOT_A_PORT },
	{ "3010-3000", false, NULL, "the range ends before it begins" },
	{ "0-100", false, NULL, OUTSIDE },
	{ "1-65536", false, NULL, OUTSIDE },
	{ "80 - 443", false, NULL, NOT_A_PORT },
	{ "01-100", false, NULL, ZERO },
	{ "1-010", false, NULL, ZERO },
	{ "22", false, NULL, DANGEROUS("22 (SSH)") },
	{ "3000,3306", false, "3306", DANGEROUS("3306 (MySQL)") },
	{ "3000-3400", false, NULL, DANGEROUS("3306 (MySQL)") },
	{ "22-22", false, NULL, DANGEROUS("22 (SSH)") },
	{ "21-22", false, NULL, DANGEROUS("22 (SSH)") },
	{ "28017-28018", false, NULL, DANGEROUS("28017 (MongoDB status)") },
	{ "1-65535", false, NULL, DANGEROUS("22 (SSH)") },
	{ "10000-10256", false, NULL, "there are more than 256 ports" },
	{ "3000-3010", true, NULL, "a range is not allowed: name each port" },
	{ "5432,0", true, "0", OUTSIDE },
	{ "5432,05432", true, "05432", ZERO },
	{ "11111111111111111111111111111111", false, "1111111111111111111111", NOT_A_PORT },
};

/* FACTS.md, in its order. */
static const char *const dangerous[] = {
	"22",   "23",   "25",   "110",  "143",  "445",  "1433", "1521",  "3306",  "3389", "5432",
	"5984", "6379", "6984", "8086", "8088", "9200", "9300", "27017", "27018", "28017"
};

static char *ports_text(const struct host_ports *set)
{
	struct strbuf b = { 0 };

	for (uint16_t port = host_ports_first(set); port; port = host_ports_next(set, port)) {
		assert_true(host_ports_has(set, port));
		strbuf_appendf(&b, b.length ? " %u" : "%u", (unsigned)port);
	}
	return strbuf_take(&b);
}

static void test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		struct host_ports set = { 0 };
		_cleanup_free_ char *text = NULL;

		assert_row(accepted[i].ports,
			   host_ports_parse(FIELD, (char *const *)accepted[i].specs,
					    accepted[i].service, &set, NULL) == 0);
		text = ports_text(&set);
		assert_same_text(text, accepted[i].ports);
	}
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const char *spec = refused[i].spec;
		char *const specs[] = { (char *)"7", (char *)spec, NULL };
		struct host_ports set = { 0 };
		_cleanup_err_ struct err e = { 0 };

		assert_row(spec,
			   host_ports_parse(FIELD, specs, refused[i].service, &set, &e) == -EINVAL);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_same_text(e.subject, FIELD);
		assert_same_text(e.value, refused[i].value ? refused[i].value : spec);
		assert_same_text(e.message, refused[i].reason);
		assert_row(spec, set.count == 0 && host_ports_first(&set) == 0);
	}
}

static void test_dangerous(void **state)
{
	struct host_ports set = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dangerous); i++) {
		char *const specs[] = { (char *)dangerous[i], NULL };
		_cleanup_free_ char *start = xasprintf("port %s (", dangerous[i]);
		_cleanup_err_ struct err e = { 0 };

		assert_row(dangerous[i],
			   host_ports_parse(FIELD, specs, false, &set, &e) == -EINVAL);
		assert_text_contains(e.message, start);
		assert_row(dangerous[i], host_ports_parse(FIELD, specs, true, &set, NULL) == 0);
	}
	assert_int_equal(set.count, ARRAY_SIZE(dangerous));
}

/* The limit is on the set, however many texts and calls fill it; what is in it costs nothing. */
static void test_limit(void **state)
{
	char *const most[] = { (char *)"10000-10254", NULL };
	char *const last[] = { (char *)"65535", NULL };
	char *const more[] = { (char *)"1", NULL };
	struct host_ports set = { 0 };
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_int_equal(host_ports_parse(FIELD, most, false, &set, NULL), 0);
	assert_int_equal(host_ports_parse(FIELD, last, true, &set, NULL), 0);
	assert_int_equal(set.count, HOST_PORTS_MAX);
	assert_int_equal(host_ports_parse(FIELD, most, false, &set, NULL), 0);
	assert_int_equal(host_ports_parse(FIELD, more, true, &set, &e), -EINVAL);
	assert_same_text(e.message, "there are more than 256 ports");
	assert_int_equal(set.count, HOST_PORTS_MAX);
	assert_false(host_ports_has(&set, 1));
}

static void test_defaults(void **state)
{
	struct host_ports set = { 0 }, local = { 0 };
	_cleanup_free_ char *text = NULL, *local_text = NULL;

	(void)state;
	assert_int_equal(host_ports_parse(FIELD, host_ports_default, false, &set, NULL), 0);
	assert_int_equal(host_ports_parse(FIELD, host_ports_localhost, false, &local, NULL), 0);
	text = ports_text(&set);
	local_text = ports_text(&local);
	assert_same_text(text, "80 443");
	assert_same_text(local_text, "3000 3001 4000 4200 5000 5173 8000 8080 8081 8888 9000 9090");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dangerous), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_defaults),
	};

	return RUN_TESTS("host-ports", tests);
}
