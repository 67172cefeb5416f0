#include "awfd/docker-network.h"

#include <json-c/json.h>

#include "tests/unit/check.h"
#include "tests/unit/golden.h"

static const struct docker_network_spec both = { .subnet = "198.18.0.0/20",
						 .subnet6 = "fd61:7766:6567::/64",
						 .require6 = true };
static const struct docker_network_spec v4 = { .subnet = "198.18.0.0/20" };

static void test_body(void **state _unused_)
{
	struct json_object *body = docker_network_body(&both);
	_cleanup_free_ char *text =
		xasprintf("%s\n", json_object_to_json_string_ext(
					  body, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							JSON_C_TO_STRING_PRETTY_TAB |
							JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(body);
	golden_assert("network-egress.json", text);
}

/* An Inspect answer is what was asked for, with more around it. */
static int check(const char *from, const char *to, const struct docker_network_spec *spec,
		 struct err *e)
{
	struct json_object *body = docker_network_body(&both), *changed;
	const char *plain = json_object_to_json_string_ext(
		body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	const char *at = from ? strstr(plain, from) : plain;
	_cleanup_free_ char *text = NULL;
	int r;

	assert_non_null(at);
	text = xasprintf("%.*s%s%s", (int)(at - plain), plain, from ? to : "",
			 at + (from ? strlen(from) : 0));
	changed = json_tokener_parse(text);
	assert_non_null(changed);
	r = docker_network_check(changed, spec, e);
	json_object_put(changed);
	json_object_put(body);
	return r;
}

static void test_check(void **state _unused_)
{
	static const struct {
		const char *from, *to, *message;
	} rows[] = {
		{ "\"Driver\":\"bridge\"", "\"Driver\":\"macvlan\"", "driver macvlan" },
		{ "\"com.docker.network.bridge.name\":\"awf-egress\"",
		  "\"com.docker.network.bridge.name\":\"br0\"", "bridge.name br0" },
		{ "\"com.docker.network.bridge.enable_icc\":\"false\"", "\"x\":\"false\"",
		  "enable_icc (none)" },
		{ "198.18.0.0/20", "10.0.0.0/8", "198.18.0.0/20" },
		{ "fd61:7766:6567::/64", "fd00::/64", "fd61:7766:6567::/64" },
		{ "\"IPRange\":\"198.18.0.0/29\"", "\"IPRange\":\"198.18.0.0/20\"",
		  "with IPRange 198.18.0.0/29 and Gateway 198.18.0.1" },
		{ "\"IPRange\":\"fd61:7766:6567::/125\",", "", "fd61:7766:6567::/125" },
		{ "\"Gateway\":\"198.18.0.1\"", "\"Gateway\":\"198.18.0.2\"",
		  "Gateway 198.18.0.1" },
	};

	assert_int_equal(check(NULL, NULL, &both, NULL), 0);
	assert_int_equal(check(NULL, NULL, &v4, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(check(rows[i].from, rows[i].to, &both, &e), -EEXIST);
		assert_text_contains(e.message, rows[i].message);
		assert_text_contains(e.message, "docker network rm");
	}
	assert_int_equal(check("fd61:7766:6567::/64", "fd00::/64", &v4, NULL), 0);
}

static void test_answers_that_are_none(void **state _unused_)
{
	static const char *const texts[] = { "{}", "[]", "{\"Driver\":1}",
					     "{\"Driver\":\"bridge\"}",
					     "{\"Driver\":\"bridge\",\"Options\":[],\"IPAM\":1}" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json_object *o = json_tokener_parse(texts[i]);
		_cleanup_err_ struct err e = { 0 };

		assert_true(docker_network_check(o, &both, &e) < 0);
		json_object_put(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_answers_that_are_none),
	};

	return RUN_TESTS("docker-network", tests);
}
