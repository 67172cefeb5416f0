/* The options of egress: what of them goes to awfd, and what is refused before. */
#include <fcntl.h>
#include <sys/stat.h>

#include "awfctl/domains-file.h"
#include "awfctl/start.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define PARSE(o, e, ...)                                                                           \
	options_parse(o, OPTION_GLOBAL | OPTION_SANDBOX, false,                                    \
		      (char **)(const char *[]){ __VA_ARGS__, "--", "x", NULL }, e)

static void assert_words(char *const *words, const char *expected)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (size_t i = 0; words && words[i]; i++)
		strbuf_appendf(&text, "%s%s", i > 0 ? "|" : "", words[i]);
	assert_same_text(text.data, expected);
}

static void test_domains_file(void **state _unused_)
{
	static const struct {
		const char *text;
		const char *words;
		const char *message; /* NULL: accepted */
	} cases[] = {
		{ "", NULL, NULL },
		{ "\n \t\n# only\r\n  # comments", NULL, NULL },
		{ "a.b\nc.d", "a.b|c.d", NULL },
		{ " a.b ,c.d\t, =e # f, g\r\n\r\n*.h#i\n", "a.b|c.d|=e|*.h", NULL },
		{ "a,b,\nc , # more\n", "a|b|c", NULL },
		{ "a b\n", "a b", NULL }, /* awfd's to refuse */
		{ "a\n\nb,,c\n", "a|b", "f:3: a domain is empty; take the superfluous" },
		{ "a\n,\n", "a", "f:2: a domain is empty" },
		{ ",a\n", NULL, "f:1: a domain is empty" },
		{ "a,,\n", "a", "f:1: a domain is empty" },
		{ "a\nb\xff\n", "a", "f:2: not valid UTF-8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_words_ struct word_list list = { 0 };
		_cleanup_err_ struct err e = { 0 };
		int r = domains_file_parse("f", cases[i].text, strlen(cases[i].text), &list, &e);

		assert_int_equal(r, cases[i].message ? -EINVAL : 0);
		assert_words(list.words, cases[i].words);
		if (cases[i].message)
			assert_text_contains(e.message, cases[i].message);
	}
}

static void test_domains_file_limits(void **state _unused_)
{
	_cleanup_words_ struct word_list list = { 0 }, full = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *place = NULL;
	size_t count = WORD_LIST_MAX / (sizeof(char *) + 8);

	assert_int_equal(domains_file_parse("f", "a\nb\0c", 5, &list, &e), -EINVAL);
	assert_text_contains(e.message, "f:2: a NUL character");
	for (size_t i = 0; i < count; i++)
		strbuf_puts(&text, "abcdef.g\n");
	assert_int_equal(domains_file_parse("f", text.data, text.length, &full, &e), 0);
	assert_int_equal(strv_length(full.words), count);
	assert_int_equal(domains_file_parse("f", "\nx", 2, &full, &e), -EINVAL);
	assert_text_contains(e.message, "f:2: too many domains");
}

static char *write_file(const char *directory, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", directory, name);
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(file_write_atomic(path, 0644, text, strlen(text), &e), 0);
	return path;
}

/* Lists and files of all sorts add up, in this order, and everything arrives. */
static void test_request(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *first = write_file(directory, "1",
						"\xef\xbb\xbf"
						"c\n"),
			    *second = write_file(directory, "2", "d # and\ne\n"),
			    *rules = write_file(
				    directory, "3",
				    "\xef\xbb\xbf"
				    "version: 1\nrules: [{domain: f, subdomains: false}]\n");
	struct start_request request = { 0 };
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_true(PARSE(&o, &e, "--ruleset-file", rules, "--allow-domains-file", first,
			  "--allow-domains", "a", "--allow-domains-file", second, "--allow-domains",
			  "b", "--block-domains-file", second, "--block-domains", "z",
			  "--allow-private", "p", "--dns-servers", "::1", "--upstream-proxy", "",
			  "--enable-host-access", "--allow-host-ports", "1,2-3",
			  "--allow-host-service-ports", "22") > 0);
	assert_int_equal(start_build(&o, &request, &e), 0);
	assert_words(request.allow_domains, "a|b|c|d|e|=f");
	assert_words(request.block_domains, "z|d|e");
	assert_words(request.allow_private, "p");
	assert_words(request.dns_servers, "::1");
	assert_string_equal(request.upstream_proxy, "");
	assert_true(request.enable_host_access);
	assert_words(request.allow_host_ports, "1|2-3");
	assert_words(request.allow_host_service_ports, "22");
	fields_clear(&start_request_table, &request);
}

/* Without options nothing is asked for, the operator's proxy included. */
static void test_nothing(void **state _unused_)
{
	struct start_request request = { 0 };
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_true(PARSE(&o, &e, "-t") > 0);
	assert_int_equal(start_build(&o, &request, &e), 0);
	assert_null(request.allow_domains);
	assert_null(request.block_domains);
	assert_null(request.allow_private);
	assert_null(request.dns_servers);
	assert_null(request.upstream_proxy);
	assert_false(request.enable_host_access);
	assert_null(request.allow_host_ports);
	assert_null(request.allow_host_service_ports);
	fields_clear(&start_request_table, &request);
}

/* Access to the host is enabled when that is asked for, or when ports of both sorts are named. */
static void test_host_access(void **state _unused_)
{
	static const struct {
		const char *args[3];
		bool enabled;
	} cases[] = {
		{ { "--enable-host-access" }, true },
		{ { "--allow-host-ports=1" }, false },
		{ { "--allow-host-ports=1", "--enable-host-access" }, true },
		{ { "--allow-host-service-ports=1" }, false },
		{ { "--allow-host-service-ports=1", "--allow-host-ports=2" }, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct start_request request = { 0 };
		_cleanup_options_ struct options o = { 0 };
		_cleanup_err_ struct err e = { 0 };
		const char *second = cases[i].args[1] ? cases[i].args[1] : "-t";

		assert_true(PARSE(&o, &e, cases[i].args[0], second) > 0);
		assert_int_equal(start_build(&o, &request, &e), 0);
		assert_int_equal(request.enable_host_access, cases[i].enabled);
		fields_clear(&start_request_table, &request);
	}
}

static void assert_refused(const char *option, const char *path, const char *reason)
{
	struct start_request request = { 0 };
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *message = xasprintf("%s: %s%s", option, path, reason);

	assert_true(PARSE(&o, &e, option, path) > 0);
	assert_int_equal(start_build(&o, &request, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
	assert_text_contains(e.message, message);
	fields_clear(&start_request_table, &request);
}

/* A file that can't be used is named with its option, the line and the reason; a FIFO is not waited
 * for. */
static void test_bad_files(void **state _unused_)
{
	static const char *const options[] = { "--allow-domains-file", "--block-domains-file",
					       "--ruleset-file" };
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *missing = xasprintf("%s/missing", directory);
	_cleanup_free_ char *large_text = xcalloc(4 * WORD_LIST_MAX + 2, 1);
	_cleanup_free_ char *bad = write_file(directory, "bad", "# c\nversion: 1,,\n");
	_cleanup_free_ char *fifo = xasprintf("%s/fifo", directory), *large = NULL;

	memset(large_text, '#', 4 * WORD_LIST_MAX + 1);
	large = write_file(directory, "large", large_text);
	assert_return_code(mkfifo(fifo, 0644), errno);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		assert_refused(options[i], missing, ": No such file or directory; give the path");
		assert_refused(options[i], "", "the path is empty; give the path of a file of ");
		assert_refused(options[i], directory, ": not a regular file; give the path");
		assert_refused(options[i], fifo, ": not a regular file; give the path");
		assert_refused(options[i], large, ": larger than 524288 bytes; a pattern such");
	}
	assert_refused("--allow-domains-file", bad, ":2: a domain is empty");
	assert_refused("--block-domains-file", bad, ":2: a domain is empty");
	assert_refused("--ruleset-file", bad, ":2: version '1,,' is not known");
}

/* What the command line and the files ask for together is limited. */
static void test_sum(void **state _unused_)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *path = NULL;
	struct start_request request = { 0 };
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };

	for (size_t i = 0; i < WORD_LIST_MAX / (sizeof(char *) + 8); i++)
		strbuf_puts(&text, "abcdef.g\n");
	path = write_file(directory, "f", text.data);
	assert_true(PARSE(&o, &e, "--allow-domains", "x", "--allow-domains-file", path,
			  "--block-domains-file", path) > 0);
	assert_int_equal(start_build(&o, &request, &e), -EINVAL);
	assert_text_contains(e.message, "/f:8192: too many domains");
	fields_clear(&start_request_table, &request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains_file), cmocka_unit_test(test_domains_file_limits),
		cmocka_unit_test(test_request),      cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_host_access),  cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_sum),
	};

	return RUN_TESTS("awfctl-egress", tests);
}
