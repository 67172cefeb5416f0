#include "awfctl/ruleset.h"

#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define RULES(text) "version: 1\nrules:\n" text

static int parse(const char *text, struct word_list *to, struct err *e)
{
	return ruleset_parse("f", text, strlen(text), to, e);
}

static void test_accepted(void **state _unused_)
{
	static const struct {
		const char *text;
		const char *words; /* with a space after each */
	} cases[] = {
		{ "version: 1\nrules: []\n", "" },
		{ "rules: []\nversion: 1", "" },
		{ "%YAML 1.1\n---\nversion: 1\nrules: []\n...\n", "" },
		{ RULES("- domain: github.com\n"), "github.com " },
		{ RULES("- domain: a.b\n  subdomains: true\n- subdomains: false\n  domain: c.d\n"),
		  "a.b =c.d " },
		{ RULES("  - domain: '*.a.b' # c\r\n  - {\"domain\": \"https://x\"}\n"),
		  "*.a.b https://x " },
		{ RULES("- domain: https://x\n  subdomains: false\n"), "https://=x " },
		{ RULES("- domain: api-*.a.b\n- domain: 3.de\n- domain: '1'\n- domain: e\n"),
		  "api-*.a.b 3.de 1 e " },
		{ "version: 1\nrules: [{domain: \"\\u00fc.de\"}]", "ü.de " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_words_ struct word_list list = { 0 };
		_cleanup_strbuf_ struct strbuf words = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (parse(cases[i].text, &list, &e) < 0)
			fail_msg("%s", e.message);
		strbuf_puts(&words, "");
		for (size_t j = 0; list.words && list.words[j]; j++)
			strbuf_appendf(&words, "%s ", list.words[j]);
		assert_string_equal(words.data, cases[i].words);
	}
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *text;
		const char *message; /* how it begins */
	} cases[] = {
		{ "", "f:1: the file is empty: a ruleset has version and rules" },
		{ "# nothing\n\n", "f:3: the file is empty" },
		{ "github.com\n", "f:1: a ruleset has to have the keys version and rules" },
		{ "- domain: x\n", "f:1: a ruleset has to have the keys" },
		{ "version: 1\n", "f:1: a ruleset has no 'rules'" },
		{ "# c\nrules: []\n", "f:2: a ruleset has no 'version'" },
		{ "version: 2\nrules: []\n", "f:1: version '2' is not known" },
		{ "version: '1'\nrules: []\n", "f:1: version '1' is not known" },
		{ "version: 1.0\nrules: []\n", "f:1: version '1.0' is not known" },
		{ "version: [1]\n", "f:1: 'version' has to be the number 1" },
		{ "version: 1\nversion: 1\n", "f:2: 'version' is there twice" },
		{ "version: 1\nrules: []\n\nallow: []\n",
		  "f:4: unknown key 'allow': a ruleset has version and rules" },
		{ "version: 1\n? [a]\n: b\n", "f:2: a key has to be a name" },
		{ "version: 1\nrules:\n", "f:2: 'rules' has to be a list of rules" },
		{ "version: 1\nrules: {}\n", "f:2: 'rules' has to be a list of rules" },
		{ RULES("- github.com\n"), "f:3: a rule has to have the keys domain and sub" },
		{ RULES("- [[[[[[[[[[[[]]]]]]]]]]]]\n"), "f:3: a rule has to have the keys" },
		{ RULES("- domain: a\n- subdomains: true\n"), "f:4: a rule has no 'domain'" },
		{ RULES("- {}\n"), "f:3: a rule has no 'domain'" },
		{ RULES("- domain: a\n  ports: [80]\n"),
		  "f:4: unknown key 'ports': a rule has domain and subdomains" },
		{ RULES("- domain: a\n  domain: b\n"), "f:4: 'domain' is there twice" },
		{ RULES("- domain: a\n  subdomains: no\n"), "f:4: 'subdomains' has to be true" },
		{ RULES("- domain: a\n  subdomains: 'true'\n"), "f:4: 'subdomains' has to" },
		{ RULES("- domain: a\n  subdomains:\n"), "f:4: 'subdomains' has to be true" },
		{ RULES("- domain: [a, b]\n"), "f:3: 'domain' has to be one domain" },
		{ RULES("- domain:\n"), "f:3: 'domain' is empty" },
		{ RULES("- domain: ''\n"), "f:3: 'domain' is empty" },
		{ RULES("- domain: ~\n"), "f:3: '~' is no domain" },
		{ RULES("- domain: Null\n"), "f:3: 'Null' is no domain" },
		{ RULES("- domain: true\n"), "f:3: 'true' is no domain" },
		{ RULES("- domain: -1.5\n"), "f:3: '-1.5' is no domain" },
		{ RULES("- domain: =a.b\n"), "f:3: '=a.b': give the name alone" },
		{ RULES("- domain: \"a\\0b\"\n"), "f:3: there is a NUL character" },
		{ RULES("- domain: *.a.b\n"), "f:3: " },
		{ RULES("- domain: *a\n"), "f:3: anchors and aliases (& and *)" },
		{ RULES("- domain: &a b\n"), "f:3: anchors and aliases" },
		{ "&a\nversion: 1\n", "f:1: anchors and aliases" },
		{ "version: 1\nrules: &r\n- *r\n", "f:2: anchors and aliases" },
		{ "a: &a [x,x]\nb: [*a,*a]\n", "f:1: unknown key 'a'" },
		{ RULES("- domain: a\n  <<: {domain: b}\n"), "f:4: unknown key '<<'" },
		{ RULES("- domain: !!str a\n"), "f:3: tags (!) have no meaning" },
		{ "version: !x 1\n", "f:1: tags (!) have no meaning" },
		{ RULES("- domain: a\n---\nversion: 1\n"), "f:4: a second document begins here" },
		{ RULES("- domain: \"a\n"), "f:4: not YAML: found unexpected end of stream" },
		{ RULES("\t- domain: a\n"), "f:3: not YAML: " },
		{ RULES("- domain: a\n- domain: \xff\n"), "f:4: not YAML: " },
		{ RULES("- domain: \x07\n"), "f:3: not YAML: " },
		{ "\xff\xfev", "f:1: not YAML: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_words_ struct word_list list = { 0 };
		_cleanup_err_ struct err e = { 0 };

		if (parse(cases[i].text, &list, &e) != -EINVAL)
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		if (strncmp(e.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("'%s' does not begin with '%s'", e.message, cases[i].message);
	}
}

static void test_nul(void **state _unused_)
{
	static const char text[] = "version: 1\nrules: []\n\0rest";
	_cleanup_words_ struct word_list list = { 0 };
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(ruleset_parse("f", text, sizeof(text) - 1, &list, &e), -EINVAL);
	assert_text_contains(e.message, "f:3: not YAML");
}

/* Up to the limit, and one rule more. */
static void test_limit(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_words_ struct word_list list = { 0 }, longer = { 0 };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *place = NULL;
	size_t count = WORD_LIST_MAX / (sizeof(char *) + 8);

	strbuf_puts(&text, RULES(""));
	for (size_t i = 0; i < count; i++)
		strbuf_puts(&text, "- domain: abcdef.g\n");
	assert_int_equal(parse(text.data, &list, &e), 0);
	assert_int_equal(strv_length(list.words), count);
	assert_int_equal(list.bytes, WORD_LIST_MAX);
	strbuf_puts(&text, "- domain: a\n");
	assert_int_equal(parse(text.data, &longer, &e), -EINVAL);
	place = xasprintf("f:%zu: too many domains; a pattern", count + 3);
	assert_text_contains(e.message, place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limit),
	};

	return RUN_TESTS("awfctl-ruleset", tests);
}
