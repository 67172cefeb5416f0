/* --config: what a file sets, what wins, what is refused; and that its schema has the same keys. */
#include "awfctl/config-file.h"

#include <fcntl.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/fd.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"

#define SCHEMA     "awfctl/config.schema.json"
#define SCHEMA_MAX (64 * 1024)

static int parse(const char *text, struct options *o, struct err *e)
{
	return config_file_parse("f", text, strlen(text), o, e);
}

static void assert_words(char *const *words, const char *expected)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (size_t i = 0; words && words[i]; i++)
		strbuf_appendf(&text, "%s%s", i > 0 ? " " : "", words[i]);
	assert_same_text(text.data, expected);
}

/* The same in both languages. */
static const char *const everything[] = {
	"network:\n"
	"  allowDomains: [github.com, '*.pypi.org']\n"
	"  blockDomains:\n"
	"  - gist.github.com\n"
	"  dnsServers: [1.1.1.1, '::1']\n"
	"  upstreamProxy: http://proxy:3128\n"
	"security:\n"
	"  enableHostAccess: true\n"
	"  allowHostPorts: 3000,8000-8010\n"
	"  allowHostServicePorts: [5432, '6379']\n"
	"  difcProxy: {host: 'localhost:18443', caCert: /ca.crt}\n"
	"  sslBump: false\n"
	"container:\n"
	"  memoryLimit: 4g\n"
	"  pidsLimit: 200\n"
	"  agentTimeout: 30\n"
	"  containerWorkDir: /work\n"
	"  agentImage: x\n"
	"  tty: true\n"
	"environment: {envFile: e, envAll: true, excludeEnv: [A, B]}\n"
	"logging: {logLevel: warn}\n"
	"apiProxy: {enabled: false}\n",
	"{\n\t\"$schema\": \"s\",\n"
	"\t\"network\": {\n"
	"\t\t\"allowDomains\": [\"github.com\", \"*.pypi.org\"],\n"
	"\t\t\"blockDomains\": [\"gist.github.com\"],\n"
	"\t\t\"dnsServers\": [\"1.1.1.1\", \"::1\"],\n"
	"\t\t\"upstreamProxy\": \"http:\\/\\/proxy:3128\"\n\t},\n"
	"\t\"security\": {\"enableHostAccess\": true, \"allowHostPorts\": [3000, \"8000-8010\"],\n"
	"\t\t\"allowHostServicePorts\": [\"5432\", 6379],\n"
	"\t\t\"difcProxy\": {\"host\": \"localhost:18443\", \"caCert\": \"/ca.crt\"}},\n"
	"\t\"container\": {\"memoryLimit\": \"4g\", \"pidsLimit\": 200, \"agentTimeout\": 30,\n"
	"\t\t\"containerWorkDir\": \"/work\", \"agentImage\": \"x\", \"tty\": true},\n"
	"\t\"environment\": {\"envFile\": \"e\", \"envAll\": true, \"excludeEnv\": [\"A\", \"B\"]},\n"
	"\t\"logging\": {\"logLevel\": \"warn\"}\n}\n",
};

static void test_everything(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(everything); i++) {
		_cleanup_options_ struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (parse(everything[i], &o, &e) < 0)
			fail_msg("%s", e.message);
		assert_words(o.allow_domains.words, "github.com *.pypi.org");
		assert_words(o.block_domains.words, "gist.github.com");
		assert_words(o.dns_servers.words, "1.1.1.1 ::1");
		assert_same_text(o.upstream_proxy, "http://proxy:3128");
		assert_true(o.enable_host_access);
		assert_words(o.allow_host_ports.words, "3000 8000-8010");
		assert_words(o.allow_host_service_ports.words, "5432 6379");
		assert_same_text(o.difc_proxy_host, "localhost:18443");
		assert_same_text(o.difc_proxy_ca_cert, "/ca.crt");
		assert_same_text(o.memory_limit, "4g");
		assert_same_text(o.pids_limit, "200");
		assert_same_text(o.agent_timeout, "30");
		assert_same_text(o.workdir, "/work");
		assert_same_text(o.image, "x");
		assert_true(o.tty);
		assert_words(o.env_files, "e");
		assert_true(o.env_all);
		assert_words(o.exclude_env, "A B");
		assert_same_text(o.log_level, "warn");
	}
}

/* The command line wins, of a list as a whole; what the file has beside it counts. */
static void test_command_line_wins(void **state _unused_)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };
	const char *args[] = { "--allow-domains",
			       "a",
			       "--exclude-env",
			       "C",
			       "--upstream-proxy",
			       "",
			       "-t",
			       "--memory-limit",
			       "1g",
			       "--env-file",
			       "mine",
			       NULL };

	assert_int_equal(options_parse(&o, OPTION_SANDBOX, false, (char **)args, &e), 11);
	assert_int_equal(parse(everything[0], &o, &e), 0);
	assert_words(o.allow_domains.words, "a");
	assert_words(o.exclude_env, "C");
	assert_same_text(o.upstream_proxy, "");
	assert_same_text(o.memory_limit, "1g");
	assert_words(o.env_files, "mine");
	assert_true(o.tty);
	assert_words(o.block_domains.words, "gist.github.com");
	assert_same_text(o.agent_timeout, "30");
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *text;
		const char *message; /* how it begins */
	} cases[] = {
		{ "", "f:1: the file is empty: the configuration has $schema, network, " },
		{ "[]", "f:1: the configuration has to have the keys $schema, network, " },
		{ "github.com", "f:1: the configuration has to have the keys" },
		{ "network:\n  allow: []\n",
		  "f:2: unknown key 'allow': 'network' has allowDomains, blockDomains, dnsServers "
		  "and upstreamProxy" },
		{ "\nnetworks: {}\n", "f:2: unknown key 'networks': the configuration has" },
		{ "\"network\\0\": {}\n", "f:1: unknown key 'network'" },
		{ "network: {}\nnetwork: {}\n", "f:2: 'network' is there twice" },
		{ "network:\n", "f:1: 'network' has to have the keys" },
		{ "network: {allowDomains: github.com}", "f:1: 'allowDomains' has to be a list" },
		{ "network: {allowDomains: [1]}", "f:1: 'allowDomains' has to be a text" },
		{ "network: {allowDomains: [[a]]}", "f:1: 'allowDomains' has to be a text" },
		{ "network:\n  allowDomains:\n  - a\n  - 'b,,c'\n",
		  "f:4: --allow-domains 'b,,c': an item of the list is empty" },
		{ "network: {allowDomains: ['']}", "f:1: --allow-domains '': an item of the list" },
		{ "network: {upstreamProxy: \"a\\0b\"}", "f:1: there is a NUL character in" },
		{ "network: {upstreamProxy: null}", "f:1: 'upstreamProxy' has to be a text" },
		{ "network: &a {}", "f:1: anchors and aliases" },
		{ "network: !!map {}", "f:1: tags (!)" },
		{ "container: {tty: yes}", "f:1: 'tty' has to be true or false" },
		{ "container: {tty: 'true'}", "f:1: 'tty' has to be true or false" },
		{ "container: {agentTimeout: '30'}", "f:1: 'agentTimeout' has to be a whole" },
		{ "container: {agentTimeout: 1.5}", "f:1: 'agentTimeout' has to be a whole" },
		{ "container: {agentTimeout: -1}", "f:1: 'agentTimeout' has to be a whole" },
		{ "container: {agentTimeout: }", "f:1: 'agentTimeout' has to be a whole" },
		{ "container: {memoryLimit: 512}", "f:1: 'memoryLimit' has to be a text" },
		{ "security: {allowHostPorts: {}}", "f:1: 'allowHostPorts' has to be a list" },
		{ "security: {allowHostPorts: true}", "f:1: 'allowHostPorts' has to be a text" },
		{ "environment: {excludeEnv: ['A=b']}", "f:1: --exclude-env 'A=b': give the name" },
		{ "environment: {envFile: [a]}", "f:1: 'envFile' has to be a text" },
		{ "security:\n  sslBump: true\n",
		  "f:2: 'sslBump' is not here: TLS is never decrypted; grant whole domains" },
		{ "container: {imageRegistry: '1'}",
		  "f:1: 'imageRegistry' is not here: images of the sandbox's parts" },
		{ "apiProxy: {targets: {}}", "f:1: 'targets' is not here: there is no API proxy" },
		{ "rateLimiting: {enabled: true}", "f:1: 'enabled' is not here: there is no API" },
		{ "network: {}\n---\nnetwork: {}\n", "f:2: a second document begins here" },
		{ "{\"network\": {\"allowDomains\": [\"a\"", "f:2: not YAML: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_options_ struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (parse(cases[i].text, &o, &e) != -EINVAL)
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		if (strncmp(e.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("'%s' does not begin with '%s'", e.message, cases[i].message);
	}
}

/* What the command line has does not save what is wrong in the file. */
static void test_given_and_wrong(void **state _unused_)
{
	_cleanup_options_ struct options o = { .memory_limit = "1g" };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(parse("container: {memoryLimit: 512}", &o, &e), -EINVAL);
	assert_same_text(o.memory_limit, "1g");
}

/* --- The schema --- */

/* The document that has this value for the key that `path` leads to, from its end. */
static void nest(struct strbuf *to, const char *const *path, size_t depth, const char *value)
{
	for (size_t i = 0; i < depth; i++)
		strbuf_appendf(to, "{\"%s\":", path[i]);
	strbuf_puts(to, value);
	for (size_t i = 0; i < depth; i++)
		strbuf_puts(to, "}");
}

static void assert_value(const char *const *path, size_t depth, const char *value,
			 const char *refusal)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };
	int r;

	nest(&text, path, depth, value);
	r = parse(text.data, &o, &e);
	if (r < 0 && !refusal)
		fail_msg("%s: %s", text.data, e.message);
	if (r == 0 && refusal)
		fail_msg("accepted: %s", text.data);
	if (refusal)
		assert_text_contains(e.message, refusal);
}

/* A key's examples are accepted; one that is not here has none but false. */
static void check_value(const char *const *path, size_t depth, struct json_object *property)
{
	struct json_object *examples = json_object_object_get(property, "examples");

	if (!examples) {
		assert_value(path, depth, "false", NULL);
		assert_value(path, depth, "\"x\"", "is not here: ");
		return;
	}
	assert_true(json_object_array_length(examples) > 0);
	for (size_t i = 0; i < json_object_array_length(examples); i++) {
		struct json_object *example = json_object_array_get_idx(examples, i);

		assert_value(path, depth,
			     json_object_to_json_string_ext(example, JSON_C_TO_STRING_PLAIN), NULL);
	}
	assert_value(path, depth, "{}", "has to be");
}

static void compare(const char **path, size_t depth, const struct yaml_shape *shape,
		    struct json_object *schema)
{
	struct json_object *properties = json_object_object_get(schema, "properties");
	struct json_object *additional = json_object_object_get(schema, "additionalProperties");

	assert_non_null(properties);
	assert_non_null(additional);
	assert_false(json_object_get_boolean(additional));
	assert_int_equal(json_object_object_length(properties), shape->count);
	assert_in_range(shape->count, 1, YAML_KEYS_MAX);
	for (size_t i = 0; i < shape->count; i++) {
		const struct yaml_key *key = &shape->keys[i];
		struct json_object *property = json_object_object_get(properties, key->name);

		assert_row(key->name, property);
		path[depth] = key->name;
		if (key->shape)
			compare(path, depth + 1, key->shape, property);
		else
			check_value(path, depth + 1, property);
	}
}

static void test_schema(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_err_ struct err e = { 0 };
	struct json_object *schema;
	const char *path[8];

	assert_int_equal(file_read(SCHEMA, SCHEMA_MAX, &text, NULL, &e), 0);
	schema = json_tokener_parse(text);
	assert_non_null(schema);
	compare(path, 0, &config_file_shape, schema);
	json_object_put(schema);
}

/* --- The program --- */

#define DOCUMENT "{\"network\":{\"allowDomains\":[\"a.b\"]},\"container\":{\"agentTimeout\":2}}"

static void assert_started(struct fake *f)
{
	struct fake_conn conn;
	struct json_object *call = fake_accept_call(f, &conn, "io.awf.Sandbox.Start");

	assert_string_equal(
		json_object_to_json_string_ext(json_object_object_get(call, "allowDomains"),
					       JSON_C_TO_STRING_PLAIN),
		"[\"a.b\"]");
	assert_int_equal(json_object_get_int64(json_object_object_get(call, "agentTimeout")), 120);
	json_object_put(call);
	fake_close(&conn);
	(void)fake_wait(f);
}

static void test_file(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/c.json", directory);
	_cleanup_err_ struct err e = { 0 };
	struct fake fake;

	assert_int_equal(file_write_atomic(path, 0600, DOCUMENT, strlen(DOCUMENT), &e), 0);
	fake_setup(&fake);
	FAKE_RUN(&fake, &(struct fake_stdio){ 0 }, "run", "--config", path, "--", "x");
	assert_started(&fake);
	fake_teardown(&fake);
}

static void test_standard_input(void **state _unused_)
{
	struct fake fake;

	fake_setup(&fake);
	FAKE_RUN(&fake, &(struct fake_stdio){ 0 }, "run", "--config", "-", "--", "x");
	assert_int_equal(write(fake.in, DOCUMENT, strlen(DOCUMENT)), strlen(DOCUMENT));
	fake.in = fd_close(fake.in);
	assert_started(&fake);
	fake_teardown(&fake);
}

/* A file of this many spaces and nothing else. */
static void fill(const char *path, size_t size)
{
	_cleanup_free_ char *spaces = xcalloc(size + 1, 1);
	_cleanup_err_ struct err e = { 0 };

	memset(spaces, ' ', size);
	assert_int_equal(file_write_atomic(path, 0600, spaces, size, &e), 0);
}

static void test_unusable(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *large = xasprintf("%s/large", directory);
	_cleanup_free_ char *full = xasprintf("%s/full", directory);
	const struct {
		const char *path; /* NULL: the file `large` as standard input */
		const char *complaint;
	} cases[] = {
		{ "", "run: --config: the path is empty; give the path of a file in JSON or YAML" },
		{ directory, "run: --config: " },
		{ "/no/such", "No such file or directory; give the path" },
		{ full, "run: --config: " },
		{ large, "larger than 262144 bytes; a --ruleset-file can have the domains" },
		{ NULL, "run: --config: standard input: larger than 262144 bytes; a --ruleset" },
	};

	fill(large, CONFIG_FILE_MAX + 1);
	fill(full, CONFIG_FILE_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_stdio stdio = { .in = open(large, O_RDONLY | O_CLOEXEC) };
		const char *path = cases[i].path ? cases[i].path : "-";
		_cleanup_free_ char *said = NULL;
		struct fake fake;

		fake_setup(&fake);
		FAKE_RUN(&fake, &stdio, "run", "--config", path, "--", "x");
		assert_int_equal(fake_wait(&fake), 2);
		said = fake_read_all(fake.err, NULL);
		assert_text_contains(said, cases[i].complaint);
		fake_teardown(&fake);
		close(stdio.in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),     cmocka_unit_test(test_command_line_wins),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_given_and_wrong),
		cmocka_unit_test(test_schema),         cmocka_unit_test(test_file),
		cmocka_unit_test(test_standard_input), cmocka_unit_test(test_unusable),
	};

	return RUN_TESTS("awfctl-config", tests);
}
