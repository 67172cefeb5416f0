#include "awfctl/options.h"

#include "awfctl/commands.h"
#include "awfctl/complain.h"
#include "awfctl/help.h"
#include "common/strv.h"
#include "proto/messages.h"
#include "tests/unit/check.h"

#define MANUAL     "man/awfctl.1"
#define MIGRATION  "man/awf-migration.7"
#define MANUAL_MAX (256 * 1024)

#define GROUPS_RUN (OPTION_GLOBAL | OPTION_SANDBOX)
#define PARSE(o, e, ...)                                                                           \
	options_parse(o, GROUPS_RUN, false, (char **)(const char *[]){ __VA_ARGS__, NULL }, e)

/* The words of a strv with a space between each two. */
static void assert_words(char *const *words, const char *expected)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (size_t i = 0; words && words[i]; i++)
		strbuf_appendf(&text, "%s%s", i > 0 ? " " : "", words[i]);
	assert_same_text(text.data, expected);
}

static void test_all_forms(void **state _unused_)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	setenv("AWF_TEST_MINE", "from me=too", 1);
	unsetenv("AWF_TEST_UNSET");
	assert_int_equal(PARSE(&o, &e, "--difc-proxy-host=[::1]:18443", "--difc-proxy-ca-cert",
			       "/ca.crt", "-t", "-e", "A=1", "-eB=2=3", "--env=C=", "--env",
			       "AWF_TEST_MINE", "-e", "AWF_TEST_UNSET", "-e", "A=last",
			       "--container-workdir", "", "--agent-image", "x", "--agent-image",
			       "y", "--", "cmd", "--tty", "--"),
			 24);
	assert_string_equal(o.difc_proxy_host, "[::1]:18443");
	assert_string_equal(o.difc_proxy_ca_cert, "/ca.crt");
	assert_true(o.tty);
	assert_string_equal(o.workdir, "");
	assert_string_equal(o.image, "y");
	assert_null(o.operands);
	assert_int_equal(strv_length(o.command), 3);
	assert_string_equal(o.command[2], "--");
	assert_int_equal(strv_length(o.environment), 4);
	assert_string_equal(strv_env_get(o.environment, "A"), "last");
	assert_string_equal(strv_env_get(o.environment, "B"), "2=3");
	assert_string_equal(strv_env_get(o.environment, "C"), "");
	assert_string_equal(strv_env_get(o.environment, "AWF_TEST_MINE"), "from me=too");
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *args[3];
		const char *message;
	} cases[] = {
		{ { "--nonsense" }, "unknown option '--nonsense'; --help lists them" },
		{ { "--agent-imgae=x" },
		  "unknown option '--agent-imgae'; did you mean '--agent-image'?" },
		{ { "--difc" }, "unknown option '--difc'; did you mean '--difc-proxy-host'?" },
		{ { "-x" }, "unknown option '-x'; --help lists them" },
		{ { "-tx" }, "unknown option '-x'; --help lists them" },
		{ { "--json" }, "unknown option '--json'; --help lists them" },
		{ { "--=x" }, "unknown option '--'; --help lists them" },
		{ { "--env" }, "--env needs a value: --env KEY[=VALUE]" },
		{ { "-e", "--" }, "--env needs a value before the '--': --env KEY[=VALUE]" },
		{ { "-e" }, "--env needs a value: --env KEY[=VALUE]" },
		{ { "-e", "=x" }, "--env '=x': there is no name before the '='" },
		{ { "-e", "" }, "--env '': there is no name before the '='" },
		{ { "--tty=yes" }, "--tty takes no value" },
		{ { "--env-all=yes" }, "--env-all takes no value" },
		{ { "--exclude-env", "A=1" },
		  "--exclude-env 'A=1': give the name of a variable alone" },
		{ { "--exclude-env=" }, "--exclude-env '': give the name of a variable alone" },
		{ { "--enable-host-access=yes" }, "--enable-host-access takes no value" },
		{ { "--follow" }, "unknown option '--follow'; --help lists them" },
		{ { "--allow-domains" }, "--allow-domains needs a value: --allow-domains LIST" },
		{ { "--ruleset-file" }, "--ruleset-file needs a value: --ruleset-file FILE" },
		{ { "--allow-domains=a,,b" },
		  "--allow-domains 'a,,b': an item of the list is empty; take the superfluous "
		  "comma, or the option, out" },
		{ { "--dns-servers", "" },
		  "--dns-servers '': an item of the list is empty; take the superfluous "
		  "comma, or the option, out" },
		{ { "--allow-host-ports", "80," },
		  "--allow-host-ports '80,': an item of the list is empty; take the superfluous "
		  "comma, or the option, out" },
		{ { "-v" }, "--mount needs a value: --mount SRC:DST[:ro|rw]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_options_ struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(options_parse(&o, GROUPS_RUN, false, (char **)cases[i].args, &e),
				 -EINVAL);
		assert_string_equal(e.message, cases[i].message);
	}
}

/* A mount is no list: a path may have a comma in it. */
static void test_mounts(void **state _unused_)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(PARSE(&o, &e, "-v", "/a,b:/c", "--mount=rel:/d:ro", "-v/e:/f"), 4);
	assert_words(o.mounts, "/a,b:/c rel:/d:ro /e:/f");
	assert_same_text(option_of_field("mounts")->name, "mount");
}

/* Lists and files add up; each option goes into its own member. */
static void test_lists(void **state _unused_)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(PARSE(&o, &e, "--allow-domains", "a , b\t,=c", "--allow-domains=*.d",
			       "--block-domains", "e", "--allow-domains-file", "/f",
			       "--allow-domains-file=", "--block-domains-file", "/g",
			       "--ruleset-file", "/h", "--allow-private", "p,q", "--dns-servers",
			       "1.1.1.1,::1", "--upstream-proxy", "", "--enable-host-access",
			       "--allow-host-ports", "1-2", "--allow-host-service-ports", "5432"),
			 23);
	assert_words(o.allow_domains.words, "a b =c *.d");
	assert_words(o.block_domains.words, "e");
	assert_words(o.allow_domains_files, "/f ");
	assert_words(o.block_domains_files, "/g");
	assert_words(o.ruleset_files, "/h");
	assert_words(o.allow_private.words, "p q");
	assert_words(o.dns_servers.words, "1.1.1.1 ::1");
	assert_string_equal(o.upstream_proxy, "");
	assert_true(o.enable_host_access);
	assert_words(o.allow_host_ports.words, "1-2");
	assert_words(o.allow_host_service_ports.words, "5432");
}

static void test_operands(void **state _unused_)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };
	const char *args[] = { "--socket", "/s", "list", "-", "--json", NULL };

	assert_int_equal(options_parse(&o, OPTION_GLOBAL, true, (char **)args, &e), 2);
	assert_string_equal(options_socket(&o), "/s");
	assert_int_equal(options_parse(&o, OPTION_READING, false, (char **)args + 2, &e), 3);
	assert_true(o.json);
	assert_int_equal(strv_length(o.operands), 2);
	assert_string_equal(o.operands[1], "-");
	assert_null(o.command);
}

static void test_socket(void **state _unused_)
{
	struct options o = { 0 };

	unsetenv("AWFD_SOCKET");
	assert_string_equal(options_socket(&o), OPTIONS_SOCKET_DEFAULT);
	setenv("AWFD_SOCKET", "/env", 1);
	assert_string_equal(options_socket(&o), "/env");
	o.socket = "/opt";
	assert_string_equal(options_socket(&o), "/opt");
	unsetenv("AWFD_SOCKET");
}

static bool has_field(const struct field_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return true;
	return false;
}

/* What an option sets is a field of what its commands ask. */
static bool sets_field(const struct option_row *row)
{
	if (row->groups & OPTION_IMAGES)
		return has_field(&predownload_request_table, row->field) ||
		       has_field(&load_images_request_table, row->field);
	return has_field(&start_request_table, row->field);
}

static void test_rows_fit(void **state _unused_)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		assert_non_null(row->help);
		assert_int_equal(row->argument != NULL,
				 row->kind != OPTION_FLAG && row->kind != OPTION_NOT_HERE);
		assert_true(!row->field || sets_field(row));
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(row->name, option_rows[j].name);
			assert_true(!row->letter || row->letter != option_rows[j].letter);
		}
	}
}

/* awfd's words about fields come out in those of the command line; a CA file by its path. */
static void test_complaints(void **state _unused_)
{
	static const struct {
		const char *field;
		const char *value;
		const char *text;
	} cases[] = {
		{ "difcProxyHost", "h:0", "--difc-proxy-host 'h:0': no" },
		{ "difcProxyCaCert", "-----BEGIN", "--difc-proxy-ca-cert '/ca.crt': no" },
		{ "difcProxyCaCert", NULL, "--difc-proxy-ca-cert '/ca.crt': no" },
		{ "difcWait", "3601", "--difc-wait '9999': no" },
		{ "workdir", "x", "--container-workdir 'x': no" },
		{ "environment", "TOKEN=secret", "--env 'TOKEN': no" },
		{ "image", "I", "--agent-image 'I': no" },
		{ "allowDomains", "*", "--allow-domains '*': no" },
		{ "blockDomains", "*", "--block-domains '*': no" },
		{ "allowPrivate", "*.x", "--allow-private '*.x': no" },
		{ "dnsServers", "x", "--dns-servers 'x': no" },
		{ "allowHostPorts", "22", "--allow-host-ports '22': no" },
		{ "allowHostServicePorts", "0", "--allow-host-service-ports '0': no" },
		{ "enableHostAccess", NULL, "--enable-host-access: no" },
		{ "upstreamProxy", "http://x", "--upstream-proxy 'http://…@proxy:3128': no" },
		{ "command", NULL, "COMMAND: no" },
		{ "id", "zz", "ID 'zz': no" },
		{ "other", "v", "other 'v': no" },
		{ NULL, NULL, "no" },
	};
	struct options o = { .difc_proxy_host = "h:0",
			     .difc_proxy_ca_cert = "/ca.crt",
			     .difc_wait = "9999",
			     .upstream_proxy = "http://me:p@ss@proxy:3128" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *text = NULL;

		(void)err_invalid(&e, cases[i].field, cases[i].value, "no");
		text = complain_text(&o, &e);
		assert_string_equal(text, cases[i].text);
	}
}

/* No part of a proxy's user and password is shown, wherever the URL comes from. */
static void test_secrets(void **state _unused_)
{
	static const char *const cases[][2] = {
		{ "http://u:p@h:1", "http://…@h:1" },
		{ "http://u:a@b@h", "http://…@h" },
		{ "u:p@h", "…@h" },
		{ "u:p@h/http://x", "…@h/http://x" },
		{ "http://h", "http://h" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct options given = { .upstream_proxy = cases[i][0] }, none = { 0 };
		_cleanup_free_ char *expected = xasprintf("--upstream-proxy '%s': no", cases[i][1]);
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *ours = NULL, *operators = NULL;

		(void)err_invalid(&e, "upstreamProxy", cases[i][0], "no");
		ours = complain_text(&given, &e);
		operators = complain_text(&none, &e);
		assert_string_equal(ours, expected);
		assert_string_equal(operators, expected);
	}
}

static void test_commands(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	for (size_t i = 0; i < command_count; i++)
		assert_ptr_equal(command_find(commands[i].name, &e), &commands[i]);
	assert_null(command_find("lst", &e));
	assert_string_equal(e.message, "unknown command 'lst'; did you mean 'list'?");
	assert_null(command_find("surgeon", &e));
	assert_string_equal(e.message, "unknown command 'surgeon'; awfctl help lists them");
}

/* Every command and option is in the manual; what is not here in the page of migration. */
static void test_manual(void **state _unused_)
{
	_cleanup_free_ char *manual = NULL, *migration = NULL;
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(file_read(MANUAL, MANUAL_MAX, &manual, NULL, &e), 0);
	assert_int_equal(file_read(MIGRATION, MANUAL_MAX, &migration, NULL, &e), 0);
	for (size_t i = 0; i < command_count; i++) {
		_cleanup_free_ char *item = xasprintf(".It Cm %s\n", commands[i].name);

		if (commands[i].summary)
			assert_text_contains(manual, item);
		else
			assert_null(strstr(manual, item));
	}
	for (size_t i = 0; i < option_row_count; i++) {
		bool not_here = option_rows[i].kind == OPTION_NOT_HERE;
		_cleanup_free_ char *item = xasprintf("Fl -%s", option_rows[i].name);

		assert_text_contains(not_here ? migration : manual, item);
	}
}

static bool row_exists(const char *name, size_t length)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (strncmp(option_rows[i].name, name, length) == 0 &&
		    option_rows[i].name[length] == '\0')
			return true;
	return false;
}

/* Every option of the manual is in the table. */
static void test_manual_has_no_other(void **state _unused_)
{
	_cleanup_free_ char *manual = NULL;
	_cleanup_err_ struct err e = { 0 };
	static const char mark[] = "Fl -";

	assert_int_equal(file_read(MANUAL, MANUAL_MAX, &manual, NULL, &e), 0);
	for (const char *p = strstr(manual, mark); p; p = strstr(p, mark)) {
		p += strlen(mark);
		assert_true(row_exists(p, strcspn(p, " \n")));
	}
}

static void test_help(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf overview = { 0 }, run = { 0 };
	_cleanup_err_ struct err e = { 0 };

	help_overview(&overview);
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].summary)
			assert_non_null(strstr(overview.data, commands[i].summary));
	assert_null(strstr(overview.data, "__"));
	assert_null(strstr(overview.data, "--agent-image"));
	help_command(&run, command_find("run", &e));
	assert_non_null(strstr(run.data, "  -e, --env KEY[=VALUE] "));
	assert_null(strstr(run.data, "--json"));
	assert_non_null(strstr(run.data, "  -d, --allow-domains LIST  "));
	assert_null(strstr(run.data, "--image-registry"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_forms),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_rows_fit),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_manual_has_no_other),
	};

	return RUN_TESTS("awfctl-options", tests);
}
